-- Apps that register themselves (RFC 7591). How one did is kept as JSON; '' for apps of operators. Unless a user allows
-- an app something, one that nobody vouches for is removed when `unused_until` is over.
ALTER TABLE issuer_apps ADD COLUMN registration TEXT NOT NULL DEFAULT '';
ALTER TABLE issuer_apps ADD COLUMN unused_until INTEGER;
CREATE INDEX issuer_apps_unused ON issuer_apps (unused_until) WHERE unused_until IS NOT NULL;

-- Initial access tokens: what they may still be used for. `uses` is NULL for any number.
CREATE TABLE issuer_initial_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    uses INTEGER,
    salt INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issuer_initial_tokens_of_realm ON issuer_initial_tokens (realm, id);
CREATE INDEX issuer_initial_tokens_by_end ON issuer_initial_tokens (ends_at);
