-- Devices that wait for their user (RFC 8628): found by the digest of the code that the user types, or by their row. How
-- the user answered is in issuer_answers.
CREATE TABLE issuer_devices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_code BLOB NOT NULL UNIQUE,
    app_row INTEGER NOT NULL,
    salt INTEGER NOT NULL,
    params TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issuer_devices_by_end ON issuer_devices (ends_at);
