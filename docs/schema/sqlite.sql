-- The schema after all migrations, for readers: nothing runs this. See `docs/generator/schema.py`.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    label TEXT NOT NULL,
    secret BLOB NOT NULL,
    secret_digest BLOB NOT NULL,
    mode TEXT NOT NULL,
    domains TEXT NOT NULL,
    source TEXT NOT NULL, hand_out TEXT NOT NULL DEFAULT '', origins TEXT NOT NULL DEFAULT '[]', further BLOB,
    UNIQUE (platform, account, label)
) STRICT;

CREATE INDEX accounts_by_further_key ON accounts (substr(further, 1, 4)) WHERE further IS NOT NULL;

CREATE INDEX accounts_by_key ON accounts (substr(secret, 1, 4));

CREATE INDEX accounts_by_secret ON accounts (platform, account, secret_digest);

CREATE TRIGGER accounts_deleted AFTER DELETE ON accounts BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER accounts_inserted AFTER INSERT ON accounts BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER accounts_updated AFTER UPDATE ON accounts BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TABLE admin_answers (
    digest BLOB PRIMARY KEY,
    body BLOB NOT NULL,
    status INTEGER,
    answer TEXT NOT NULL DEFAULT '',
    nonce BLOB NOT NULL,
    nonce_ends_at REAL NOT NULL,
    ends_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX admin_answers_ends_at ON admin_answers (ends_at);

CREATE TABLE admin_keys (
    id INTEGER PRIMARY KEY,
    key_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    role TEXT NOT NULL,
    rights TEXT NOT NULL,
    networks TEXT NOT NULL,
    created_at REAL NOT NULL,
    ends_at REAL NOT NULL,
    used_at REAL,
    removed_at REAL
) STRICT;

CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;

CREATE TABLE audit_rows (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    changes TEXT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    previous BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;

CREATE INDEX audit_rows_actor ON audit_rows (actor, id);

CREATE INDEX audit_rows_target ON audit_rows (target, id);

CREATE TABLE budgets (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    window TEXT NOT NULL,
    used INTEGER NOT NULL,
    ceiling INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    ends_at REAL NOT NULL,
    UNIQUE (subject, name, window)
) STRICT;

CREATE INDEX budgets_by_end ON budgets (ends_at);

CREATE TABLE cache_stamp (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    stamp INTEGER NOT NULL
, changed INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE callers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key_digest BLOB NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    apps TEXT NOT NULL,
    rights TEXT NOT NULL,
    networks TEXT NOT NULL,
    created_at REAL NOT NULL,
    revoked_at REAL
, forward TEXT NOT NULL DEFAULT '[]', hand_out TEXT NOT NULL DEFAULT '') STRICT;

CREATE TRIGGER callers_deleted AFTER DELETE ON callers BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER callers_inserted AFTER INSERT ON callers BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER callers_updated AFTER UPDATE ON callers BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TABLE console_sessions (
    digest BLOB PRIMARY KEY,
    link INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    key_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    used_at REAL NOT NULL,
    ends_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX console_sessions_ends_at ON console_sessions (ends_at);

CREATE TABLE credential_changes (
    id INTEGER PRIMARY KEY,
    credential_id INTEGER NOT NULL
) STRICT;

CREATE TRIGGER credential_changes_inserted AFTER INSERT ON credential_changes BEGIN
    UPDATE cache_stamp SET stamp = stamp + 1, changed = NEW.id;
    DELETE FROM credential_changes WHERE id <= NEW.id - 1000;
END;

CREATE TABLE credentials (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    secret_digest BLOB NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    suspect INTEGER NOT NULL DEFAULT 0,
    trouble TEXT,
    renew_wall REAL,
    renew_steady REAL,
    renew_epoch TEXT,
    lease_holder TEXT,
    lease_wall REAL,
    lease_steady REAL,
    lease_epoch TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    idle_at REAL NOT NULL,
    UNIQUE (platform, account, secret_digest, kind)
) STRICT;

CREATE INDEX credentials_by_idleness ON credentials (idle_at);

CREATE INDEX credentials_by_renewal_elsewhere ON credentials (renew_epoch, renew_wall) WHERE renew_epoch IS NOT NULL;

CREATE INDEX credentials_by_renewal_here ON credentials (renew_epoch, renew_steady) WHERE renew_epoch IS NOT NULL;

CREATE TRIGGER credentials_deleted AFTER DELETE ON credentials BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER credentials_inserted AFTER INSERT ON credentials BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER credentials_renamed AFTER UPDATE OF id, platform, account, secret_digest, kind ON credentials BEGIN
    UPDATE cache_stamp SET stamp = stamp + 1;
END;

CREATE TRIGGER credentials_updated
AFTER UPDATE OF version, suspect, trouble, renew_wall, renew_steady, renew_epoch ON credentials BEGIN
    INSERT INTO credential_changes (credential_id) VALUES (NEW.id);
END;

CREATE TABLE environments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    app TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    url TEXT NOT NULL,
    is_primary INTEGER NOT NULL,
    types TEXT NOT NULL,
    senders INTEGER NOT NULL,
    secrets BLOB NOT NULL,
    failures INTEGER NOT NULL,
    next_at REAL NOT NULL,
    problem TEXT NOT NULL,
    created_at REAL NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE TABLE event_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    type TEXT NOT NULL,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    label TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;

CREATE INDEX events_at ON events (at);

CREATE TABLE exchanges (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    holder TEXT NOT NULL,
    claim_wall REAL NOT NULL,
    claim_steady REAL NOT NULL,
    claim_epoch TEXT NOT NULL,
    answer BLOB,
    ends_at REAL NOT NULL
) STRICT;

CREATE INDEX exchanges_by_end ON exchanges (ends_at);

CREATE INDEX exchanges_by_key ON exchanges (substr(answer, 1, 4)) WHERE answer IS NOT NULL;

CREATE TABLE former_caller_keys (
    digest BLOB PRIMARY KEY,
    caller_row INTEGER NOT NULL,
    ends_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER former_caller_keys_deleted AFTER DELETE ON former_caller_keys BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER former_caller_keys_inserted AFTER INSERT ON former_caller_keys BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER former_caller_keys_updated AFTER UPDATE ON former_caller_keys BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TABLE generations (
    id INTEGER PRIMARY KEY,
    credential_id INTEGER NOT NULL REFERENCES credentials (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    value BLOB NOT NULL,
    value_digest BLOB NOT NULL,
    end_wall REAL NOT NULL,
    end_steady REAL NOT NULL,
    end_epoch TEXT NOT NULL,
    lifetime REAL NOT NULL,
    fetched_at REAL NOT NULL,
    UNIQUE (credential_id, version)
) STRICT;

CREATE INDEX generations_by_key ON generations (substr(value, 1, 4));

CREATE INDEX generations_by_value ON generations (value_digest);

CREATE TRIGGER generations_deleted AFTER DELETE ON generations BEGIN
    INSERT INTO credential_changes (credential_id) VALUES (OLD.credential_id);
END;

CREATE TRIGGER generations_inserted AFTER INSERT ON generations BEGIN
    INSERT INTO credential_changes (credential_id) VALUES (NEW.credential_id);
END;

CREATE TRIGGER generations_updated AFTER UPDATE ON generations BEGIN
    INSERT INTO credential_changes (credential_id) VALUES (NEW.credential_id);
END;

CREATE TABLE hooks (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    apps TEXT NOT NULL,
    types TEXT NOT NULL,
    secret BLOB NOT NULL,
    former_secret BLOB,
    former_ends_at REAL NOT NULL,
    position INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    next_at REAL NOT NULL,
    problem TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE TABLE issuer_anchors (
    epoch TEXT PRIMARY KEY,
    anchor REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE issuer_answers (
    digest BLOB PRIMARY KEY,
    grant_row INTEGER,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX issuer_answers_by_end ON issuer_answers (ends_at);

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
    ended_through INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0, client TEXT NOT NULL DEFAULT '{}', registration TEXT NOT NULL DEFAULT '', unused_until INTEGER,
    UNIQUE (realm, app_id)
) STRICT;

CREATE INDEX issuer_apps_unused ON issuer_apps (unused_until) WHERE unused_until IS NOT NULL;

CREATE TRIGGER issuer_app_epoch AFTER UPDATE OF ended_through ON issuer_apps
WHEN NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch BEGIN
    UPDATE issuer_apps SET epoch = epoch + 1 WHERE id = NEW.id;
END;

CREATE TRIGGER issuer_apps_deleted AFTER DELETE ON issuer_apps BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER issuer_apps_inserted AFTER INSERT ON issuer_apps BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER issuer_apps_updated AFTER UPDATE ON issuer_apps BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TABLE issuer_attempts (
    digest BLOB PRIMARY KEY,
    used INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX issuer_attempts_by_end ON issuer_attempts (ends_at);

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

CREATE TABLE issuer_ended_members (
    member_row INTEGER PRIMARY KEY,
    through INTEGER NOT NULL
, epoch INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE issuer_ended_users (
    user_row INTEGER PRIMARY KEY,
    through INTEGER NOT NULL
, epoch INTEGER NOT NULL DEFAULT 0) STRICT;

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
, look_at INTEGER NOT NULL DEFAULT 0, open_id TEXT, salt INTEGER NOT NULL DEFAULT 0, app_epoch INTEGER, user_epoch INTEGER, member_epoch INTEGER) STRICT;

CREATE INDEX issuer_codes_by_machine ON issuer_grants (machine_row, app_row) WHERE machine_row IS NOT NULL AND state = 0;

CREATE INDEX issuer_grants_by_app ON issuer_grants (app_row);

CREATE INDEX issuer_grants_by_look ON issuer_grants (look_at);

CREATE INDEX issuer_grants_by_terminal ON issuer_grants (machine_row) WHERE machine_row IS NOT NULL;

CREATE INDEX issuer_grants_by_user ON issuer_grants (user_row, id) WHERE user_row IS NOT NULL;

CREATE TRIGGER issuer_grant_of_member AFTER INSERT ON issuer_grants
WHEN NEW.member_row IS NOT NULL AND NEW.open_id IS NULL BEGIN
    UPDATE issuer_grants SET open_id = (SELECT open_id FROM issuer_members WHERE id = NEW.member_row) WHERE id = NEW.id;
END;

CREATE TABLE issuer_identities (
    realm TEXT NOT NULL,
    provider TEXT NOT NULL,
    digest BLOB NOT NULL,
    sealed BLOB NOT NULL,
    user_row INTEGER NOT NULL,
    linked_at INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    PRIMARY KEY (realm, provider, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX issuer_identities_user ON issuer_identities (user_row);

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

CREATE INDEX issuer_initial_tokens_by_end ON issuer_initial_tokens (ends_at);

CREATE INDEX issuer_initial_tokens_of_realm ON issuer_initial_tokens (realm, id);

CREATE TABLE issuer_login_keys (
    realm TEXT NOT NULL,
    number INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (realm, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE issuer_logins (
    digest BLOB NOT NULL PRIMARY KEY,
    subject BLOB NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX issuer_logins_end ON issuer_logins (ends_at);

CREATE TABLE issuer_logouts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    app_row INTEGER NOT NULL,
    salt INTEGER NOT NULL,
    open_id TEXT NOT NULL,
    sid INTEGER NOT NULL,
    tries_left INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;

CREATE INDEX issuer_logouts_by_end ON issuer_logouts (ends_at);

CREATE INDEX issuer_logouts_by_time ON issuer_logouts (realm, next_at);

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

CREATE INDEX issuer_machines_by_app ON issuer_machines (bound_app_row) WHERE bound_app_row IS NOT NULL;

CREATE INDEX issuer_machines_by_owner ON issuer_machines (owner_row);

CREATE TABLE issuer_marks (
    owner_kind INTEGER NOT NULL,
    owner_row INTEGER NOT NULL,
    digest BLOB NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (owner_kind, owner_row, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX issuer_marks_by_end ON issuer_marks (ends_at);

CREATE TABLE issuer_member_counts (
    app_row INTEGER PRIMARY KEY,
    added INTEGER NOT NULL
) STRICT;

CREATE TABLE issuer_members (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_row INTEGER NOT NULL,
    user_row INTEGER NOT NULL,
    open_id TEXT NOT NULL,
    permissions TEXT NOT NULL,
    scope TEXT,
    added INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_through INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0,
    UNIQUE (app_row, user_row),
    UNIQUE (app_row, open_id)
) STRICT;

CREATE INDEX issuer_members_added ON issuer_members (app_row, id) WHERE added = 1;

CREATE INDEX issuer_members_by_user ON issuer_members (user_row);

CREATE TRIGGER issuer_member_changed AFTER UPDATE OF added ON issuer_members WHEN NEW.added <> OLD.added BEGIN
    INSERT INTO issuer_member_counts VALUES (NEW.app_row, NEW.added - OLD.added)
    ON CONFLICT DO UPDATE SET added = added + excluded.added;
END;

CREATE TRIGGER issuer_member_deleted AFTER DELETE ON issuer_members WHEN OLD.added = 1 BEGIN
    UPDATE issuer_member_counts SET added = added - 1 WHERE app_row = OLD.app_row;
END;

CREATE TRIGGER issuer_member_ended AFTER UPDATE OF ended_through, epoch ON issuer_members
WHEN NEW.ended_through <> OLD.ended_through OR NEW.epoch <> OLD.epoch BEGIN
    INSERT INTO issuer_ended_members (member_row, through, epoch) VALUES (NEW.id, NEW.ended_through, NEW.epoch)
    ON CONFLICT DO UPDATE SET through = excluded.through, epoch = max(epoch, excluded.epoch);
END;

CREATE TRIGGER issuer_member_epoch AFTER UPDATE OF ended_through ON issuer_members
WHEN NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch BEGIN
    UPDATE issuer_members SET epoch = epoch + 1 WHERE id = NEW.id;
END;

CREATE TRIGGER issuer_member_inserted AFTER INSERT ON issuer_members WHEN NEW.added = 1 BEGIN
    INSERT INTO issuer_member_counts VALUES (NEW.app_row, 1) ON CONFLICT DO UPDATE SET added = added + 1;
END;

CREATE TRIGGER issuer_member_inserted_ended AFTER INSERT ON issuer_members
WHEN NEW.ended_through > 0 OR NEW.epoch > 0 BEGIN
    INSERT INTO issuer_ended_members (member_row, through, epoch) VALUES (NEW.id, NEW.ended_through, NEW.epoch);
END;

CREATE TABLE issuer_places (
    app_row INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    grant_row INTEGER NOT NULL,
    PRIMARY KEY (app_row, kind, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE issuer_pushed_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_row INTEGER NOT NULL,
    salt INTEGER NOT NULL,
    params TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;

CREATE INDEX issuer_pushed_requests_by_end ON issuer_pushed_requests (ends_at);

CREATE TABLE issuer_quotas (
    ends_at INTEGER NOT NULL,
    app_row INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (ends_at, app_row, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE issuer_resources (
    realm TEXT NOT NULL,
    uri TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    token_format TEXT NOT NULL,
    alg TEXT NOT NULL,
    access INTEGER NOT NULL,
    introspector TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (realm, uri)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER issuer_resources_deleted AFTER DELETE ON issuer_resources BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER issuer_resources_inserted AFTER INSERT ON issuer_resources BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER issuer_resources_updated AFTER UPDATE ON issuer_resources BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TABLE issuer_secrets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_row INTEGER NOT NULL,
    digest BLOB NOT NULL,
    sealed BLOB,
    ends_at INTEGER NOT NULL
) STRICT;

CREATE INDEX issuer_secrets_by_app ON issuer_secrets (app_row, id);

CREATE INDEX issuer_secrets_by_key ON issuer_secrets (substr(sealed, 1, 4)) WHERE sealed IS NOT NULL;

CREATE TRIGGER issuer_secrets_deleted AFTER DELETE ON issuer_secrets BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER issuer_secrets_inserted AFTER INSERT ON issuer_secrets BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER issuer_secrets_updated AFTER UPDATE ON issuer_secrets BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TABLE issuer_session_grants (
    session_row INTEGER NOT NULL,
    grant_row INTEGER NOT NULL,
    app_row INTEGER NOT NULL,
    online INTEGER NOT NULL,
    told INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (session_row, grant_row)
) STRICT, WITHOUT ROWID;

CREATE INDEX issuer_session_grants_by_end ON issuer_session_grants (ends_at);

CREATE TABLE issuer_sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    user_row INTEGER,
    salt INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
, sid INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE INDEX issuer_sessions_by_end ON issuer_sessions (ends_at);

CREATE INDEX issuer_sessions_by_user ON issuer_sessions (user_row);

CREATE TABLE issuer_signed_requests (
    at INTEGER NOT NULL,
    app_row INTEGER NOT NULL,
    digest BLOB NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (at, app_row, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX issuer_signed_requests_by_end ON issuer_signed_requests (ends_at);

CREATE TABLE issuer_signing_keys (
    realm TEXT NOT NULL,
    alg TEXT NOT NULL,
    number INTEGER NOT NULL,
    kid TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL,
    PRIMARY KEY (realm, alg, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE issuer_unions (
    realm TEXT NOT NULL,
    owner TEXT NOT NULL,
    user_row INTEGER NOT NULL,
    union_id TEXT NOT NULL,
    PRIMARY KEY (realm, owner, user_row)
) STRICT, WITHOUT ROWID;

CREATE INDEX issuer_unions_by_user ON issuer_unions (user_row);

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
    ended_through INTEGER NOT NULL DEFAULT 0, password_sealed BLOB, login_key TEXT, epoch INTEGER NOT NULL DEFAULT 0, claims TEXT NOT NULL DEFAULT '{}',
    UNIQUE (realm, login)
) STRICT;

CREATE UNIQUE INDEX issuer_users_by_key ON issuer_users (login_key, realm);

CREATE INDEX issuer_users_by_realm ON issuer_users (realm);

CREATE TRIGGER issuer_user_ended AFTER UPDATE OF disabled, ended_through, epoch ON issuer_users
WHEN NEW.disabled <> OLD.disabled OR NEW.ended_through <> OLD.ended_through OR NEW.epoch <> OLD.epoch BEGIN
    INSERT INTO issuer_ended_users (user_row, through, epoch)
    VALUES (NEW.id, iif(NEW.disabled, 9223372036854775807, NEW.ended_through), NEW.epoch)
    ON CONFLICT DO UPDATE SET through = excluded.through, epoch = max(epoch, excluded.epoch);
END;

CREATE TRIGGER issuer_user_epoch AFTER UPDATE OF ended_through ON issuer_users
WHEN NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch BEGIN
    UPDATE issuer_users SET epoch = epoch + 1 WHERE id = NEW.id;
END;

CREATE TRIGGER issuer_user_inserted_ended AFTER INSERT ON issuer_users
WHEN NEW.disabled = 1 OR NEW.ended_through > 0 OR NEW.epoch > 0 BEGIN
    INSERT INTO issuer_ended_users (user_row, through, epoch)
    VALUES (NEW.id, iif(NEW.disabled, 9223372036854775807, NEW.ended_through), NEW.epoch);
END;

CREATE TRIGGER issuer_user_removed AFTER DELETE ON issuer_users BEGIN
    INSERT INTO issuer_ended_users (user_row, through, epoch) VALUES (OLD.id, 9223372036854775807, OLD.epoch)
    ON CONFLICT DO UPDATE SET through = excluded.through;
END;

CREATE TABLE probes (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at REAL NOT NULL
) STRICT;

CREATE TABLE proofs (
    digest BLOB PRIMARY KEY,
    proven_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX proofs_by_age ON proofs (proven_at);

CREATE TABLE pushes (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    content BLOB,
    at REAL NOT NULL,
    next_at REAL NOT NULL,
    attempts INTEGER NOT NULL,
    outcome TEXT NOT NULL
) STRICT;

CREATE INDEX pushes_at ON pushes (at);

CREATE INDEX pushes_by_key ON pushes (substr(content, 1, 4)) WHERE content IS NOT NULL;

CREATE INDEX pushes_due ON pushes (next_at) WHERE content IS NOT NULL;

CREATE TABLE relay_copies (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at REAL NOT NULL
) STRICT;

CREATE INDEX relay_copies_due ON relay_copies (environment, next_at);

CREATE INDEX relay_copies_message ON relay_copies (message_id);

CREATE TABLE relay_messages (
    id INTEGER PRIMARY KEY,
    app TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    at REAL NOT NULL,
    content BLOB NOT NULL
) STRICT;

CREATE INDEX relay_messages_at ON relay_messages (at);

CREATE INDEX relay_messages_by_key ON relay_messages (substr(content, 1, 4));

CREATE TABLE relays (
    id INTEGER PRIMARY KEY,
    app TEXT NOT NULL UNIQUE,
    secrets BLOB NOT NULL,
    created_at REAL NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE TABLE roles (
    id INTEGER PRIMARY KEY,
    role TEXT NOT NULL UNIQUE,
    holder TEXT NOT NULL,
    end_wall REAL NOT NULL,
    end_steady REAL NOT NULL,
    end_epoch TEXT NOT NULL
) STRICT;

CREATE INDEX roles_by_end ON roles (end_wall);

CREATE TABLE schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at REAL NOT NULL
) STRICT
;

CREATE VIEW issuer_grant_views_v1 AS
SELECT g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
    g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
    g.ends_at, g.limit_at, g.end_reason,
    a.app_id,
    a.listed = 1 AND a.disabled = 0 AND g.id > a.ended_through
        AND (g.user_row IS NULL OR (u.disabled = 0 AND g.id > u.ended_through))
        AND (g.member_row IS NULL OR g.id > m.ended_through)
        AND (g.machine_row IS NULL OR t.id IS NOT NULL) AS usable,
    m.open_id, t.machine_code
FROM issuer_grants g
LEFT JOIN issuer_apps a ON a.id = g.app_row
LEFT JOIN issuer_users u ON u.id = g.user_row
LEFT JOIN issuer_members m ON m.id = g.member_row
LEFT JOIN issuer_machines t ON t.id = g.machine_row;

CREATE VIEW issuer_grant_views_v2 AS
SELECT g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
    g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
    g.ends_at, g.limit_at, g.end_reason,
    a.app_id,
    a.listed = 1 AND a.disabled = 0 AND g.id > a.ended_through
        AND (u.through IS NULL OR g.id > u.through)
        AND (m.through IS NULL OR g.id > m.through)
        AND (g.machine_row IS NULL OR t.id IS NOT NULL) AS usable,
    coalesce(g.open_id, (SELECT open_id FROM issuer_members WHERE id = g.member_row)) AS open_id,
    t.machine_code
FROM issuer_grants g
LEFT JOIN issuer_apps a ON a.id = g.app_row
LEFT JOIN issuer_ended_users u ON u.user_row = g.user_row
LEFT JOIN issuer_ended_members m ON m.member_row = g.member_row
LEFT JOIN issuer_machines t ON t.id = g.machine_row;

CREATE VIEW issuer_grant_views_v3 AS
SELECT g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
    g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
    g.ends_at, g.limit_at, g.end_reason, g.salt,
    a.app_id,
    a.listed = 1 AND a.disabled = 0 AND (g.machine_row IS NULL OR t.id IS NOT NULL)
        AND CASE WHEN g.salt <> 0 THEN
            g.app_epoch = a.epoch AND g.user_epoch = coalesce(u.epoch, 0) AND g.member_epoch = coalesce(m.epoch, 0)
            AND (u.through IS NULL OR u.through < 9223372036854775807)
        ELSE
            g.id > a.ended_through AND (u.through IS NULL OR g.id > u.through)
            AND (m.through IS NULL OR g.id > m.through)
        END AS usable,
    coalesce(g.open_id, (SELECT open_id FROM issuer_members WHERE id = g.member_row)) AS open_id,
    t.machine_code
FROM issuer_grants g
LEFT JOIN issuer_apps a ON a.id = g.app_row
LEFT JOIN issuer_ended_users u ON u.user_row = g.user_row
LEFT JOIN issuer_ended_members m ON m.member_row = g.member_row
LEFT JOIN issuer_machines t ON t.id = g.machine_row;
