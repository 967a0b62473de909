-- What the issuer keeps. Times are whole unix seconds of the issuer's own time (see issuer_anchors). AUTOINCREMENT
-- wherever a sealed handle or another row names a row by its id: an id never comes back. `ended_through` ends all
-- grants up to that id at once, in one row: what makes ending all of an app, a user or a consent cheap.

CREATE TABLE issuer_anchors (
    epoch TEXT PRIMARY KEY,
    anchor REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE issuer_apps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    app_id TEXT NOT NULL,
    name TEXT NOT NULL,
    mode TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    domains TEXT NOT NULL,
    networks TEXT NOT NULL,
    grants TEXT NOT NULL,
    scopes TEXT NOT NULL,
    permissions TEXT NOT NULL,
    audience TEXT NOT NULL,
    owner TEXT NOT NULL,
    listed INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    public INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_through INTEGER NOT NULL DEFAULT 0,
    UNIQUE (realm, app_id)
) STRICT;

-- Digests of all secrets, newest (highest id) first; sealed besides where a signature needs the secret in clear.
CREATE TABLE issuer_secrets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_row INTEGER NOT NULL,
    digest BLOB NOT NULL,
    sealed BLOB,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issuer_secrets_by_app ON issuer_secrets (app_row, id);
CREATE INDEX issuer_secrets_by_key ON issuer_secrets (substr(sealed, 1, 4)) WHERE sealed IS NOT NULL;

CREATE TABLE issuer_users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    login TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    nick TEXT NOT NULL,
    avatar TEXT NOT NULL,
    sex TEXT NOT NULL,
    seller_name TEXT NOT NULL,
    disabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_through INTEGER NOT NULL DEFAULT 0,
    UNIQUE (realm, login)
) STRICT;

CREATE TABLE issuer_machines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    machine_code TEXT NOT NULL,
    name TEXT NOT NULL,
    owner_row INTEGER,
    bound_app_row INTEGER,
    msign_digest BLOB NOT NULL,
    qr_digest BLOB NOT NULL,
    qr_ends_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (realm, machine_code)
) STRICT;
CREATE INDEX issuer_machines_by_owner ON issuer_machines (owner_row);
CREATE INDEX issuer_machines_by_app ON issuer_machines (bound_app_row) WHERE bound_app_row IS NOT NULL;

CREATE TABLE issuer_members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_row INTEGER NOT NULL,
    user_row INTEGER NOT NULL,
    open_id TEXT NOT NULL,
    permissions TEXT NOT NULL,
    scope TEXT,
    added INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_through INTEGER NOT NULL DEFAULT 0,
    UNIQUE (app_row, user_row),
    UNIQUE (app_row, open_id)
) STRICT;
CREATE INDEX issuer_members_added ON issuer_members (app_row, id) WHERE added = 1;
CREATE INDEX issuer_members_by_user ON issuer_members (user_row);

-- One id of a user in all apps of an owner.
CREATE TABLE issuer_unions (
    realm TEXT NOT NULL,
    owner TEXT NOT NULL,
    user_row INTEGER NOT NULL,
    union_id TEXT NOT NULL,
    PRIMARY KEY (realm, owner, user_row)
) STRICT, WITHOUT ROWID;
CREATE INDEX issuer_unions_by_user ON issuer_unions (user_row);

-- How many users have added an app, kept by the triggers: counting millions takes too long.
CREATE TABLE issuer_member_counts (
    app_row INTEGER PRIMARY KEY,
    added INTEGER NOT NULL
) STRICT;
CREATE TRIGGER issuer_member_inserted AFTER INSERT ON issuer_members WHEN NEW.added = 1 BEGIN
    INSERT INTO issuer_member_counts VALUES (NEW.app_row, 1) ON CONFLICT DO UPDATE SET added = added + 1;
END;
CREATE TRIGGER issuer_member_changed AFTER UPDATE OF added ON issuer_members WHEN NEW.added <> OLD.added BEGIN
    INSERT INTO issuer_member_counts VALUES (NEW.app_row, NEW.added - OLD.added)
    ON CONFLICT DO UPDATE SET added = added + excluded.added;
END;
CREATE TRIGGER issuer_member_deleted AFTER DELETE ON issuer_members WHEN OLD.added = 1 BEGIN
    UPDATE issuer_member_counts SET added = added - 1 WHERE app_row = OLD.app_row;
END;

CREATE TABLE issuer_grants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    kind INTEGER NOT NULL,
    app_row INTEGER NOT NULL,
    user_row INTEGER,
    machine_row INTEGER,
    member_row INTEGER,
    scope TEXT,
    redirect_uri TEXT,
    challenge TEXT NOT NULL,
    challenge_method TEXT NOT NULL,
    nonce TEXT NOT NULL,
    audience TEXT NOT NULL,
    state INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    limit_at INTEGER NOT NULL,
    end_reason TEXT NOT NULL,
    previous_row INTEGER
) STRICT;
CREATE INDEX issuer_grants_by_end ON issuer_grants (ends_at);

-- Which grant holds a place that one grant at a time can hold. `subject` is the terminal's row, or minus the
-- user's row, or 0 for the app itself.
CREATE TABLE issuer_places (
    app_row INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    grant_row INTEGER NOT NULL,
    PRIMARY KEY (app_row, kind, subject)
) STRICT, WITHOUT ROWID;

-- `ends_at` is the end of the day that is counted, and so names it.
CREATE TABLE issuer_quotas (
    ends_at INTEGER NOT NULL,
    app_row INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (ends_at, app_row, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE issuer_signed_requests (
    at INTEGER NOT NULL,
    app_row INTEGER NOT NULL,
    digest BLOB NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (at, app_row, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX issuer_signed_requests_by_end ON issuer_signed_requests (ends_at);

CREATE TABLE issuer_attempts (
    digest BLOB PRIMARY KEY,
    used INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX issuer_attempts_by_end ON issuer_attempts (ends_at);

CREATE TABLE issuer_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    user_row INTEGER,
    salt INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issuer_sessions_by_end ON issuer_sessions (ends_at);
CREATE INDEX issuer_sessions_by_user ON issuer_sessions (user_row);

CREATE TABLE issuer_authorizations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    session_row INTEGER NOT NULL,
    app_row INTEGER NOT NULL,
    redirect_uri TEXT,
    answer_uri TEXT NOT NULL,
    scope TEXT,
    state TEXT,
    challenge TEXT NOT NULL,
    challenge_method TEXT NOT NULL,
    nonce TEXT NOT NULL,
    machine TEXT NOT NULL,
    grant_row INTEGER,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issuer_authorizations_by_end ON issuer_authorizations (ends_at);
CREATE INDEX issuer_authorizations_by_session ON issuer_authorizations (session_row);
