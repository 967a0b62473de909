-- Batched statements take an array per argument and return the ordinal of the call first (see `engine`).

-- name: find_app
SELECT t.n, a.id, a.realm, a.app_id, a.name, a.mode, a.redirect_uris, a.domains, a.networks, a.grants, a.scopes,
    a.permissions, a.audience, a.owner, a.listed, a.disabled, a.public, a.created_at, a.client,
    a.registration, s.digest, s.sealed, s.ends_at
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (realm, app_id, n)
JOIN issuer_apps a ON a.realm = t.realm AND a.app_id = t.app_id
LEFT JOIN issuer_secrets s ON s.app_row = a.id
ORDER BY t.n, s.id DESC;

-- name: read_app
SELECT t.n, a.id, a.realm, a.app_id, a.name, a.mode, a.redirect_uris, a.domains, a.networks, a.grants, a.scopes,
    a.permissions, a.audience, a.owner, a.listed, a.disabled, a.public, a.created_at, a.client,
    a.registration, s.digest, s.sealed, s.ends_at
FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, n)
JOIN issuer_apps a ON a.id = t.id
LEFT JOIN issuer_secrets s ON s.app_row = a.id
ORDER BY t.n, s.id DESC;

-- name: list_apps
SELECT a.id, a.realm, a.app_id, a.name, a.mode, a.redirect_uris, a.domains, a.networks, a.grants, a.scopes,
    a.permissions, a.audience, a.owner, a.listed, a.disabled, a.public, a.created_at, a.client,
    a.registration, s.digest, s.sealed, s.ends_at
FROM issuer_apps a LEFT JOIN issuer_secrets s ON s.app_row = a.id
WHERE a.realm = $1 ORDER BY a.app_id, s.id DESC;

-- name: add_app
INSERT INTO issuer_apps (realm, app_id, name, mode, redirect_uris, domains, networks, grants, scopes, permissions,
    audience, owner, listed, disabled, public, client, registration, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
ON CONFLICT DO NOTHING RETURNING id;

-- name: change_app
UPDATE issuer_apps SET name = $4, mode = $5, redirect_uris = $6, domains = $7, networks = $8, grants = $9, scopes = $10,
    permissions = $11, audience = $12, owner = $13, listed = $14, disabled = $15, public = $16, client = $17,
    registration = $18
WHERE id = $1 AND realm = $2 AND app_id = $3;

-- Before secrets are written, so that they are one change with the app's own row.
-- name: lock_app
SELECT realm, app_id FROM issuer_apps WHERE id = $1 FOR UPDATE;

-- name: clear_secrets
DELETE FROM issuer_secrets WHERE app_row = $1;

-- name: add_secret
INSERT INTO issuer_secrets (app_row, digest, sealed, ends_at) VALUES ($1, $2, $3, $4);

-- name: remove_app
DELETE FROM issuer_apps WHERE id = $1 RETURNING id;

-- name: remove_app_members
DELETE FROM issuer_members WHERE app_row = $1;

-- name: remove_app_count
DELETE FROM issuer_member_counts WHERE app_row = $1;

-- name: remove_app_slots
DELETE FROM issuer_places WHERE app_row = $1;

-- name: unbind_app_terminals
UPDATE issuer_machines SET bound_app_row = NULL WHERE bound_app_row = $1;

-- name: add_user
INSERT INTO issuer_users (realm, login, login_key, nick, avatar, sex, seller_name, disabled, created_at, password_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '')
ON CONFLICT DO NOTHING RETURNING id;

-- name: find_taken
SELECT t.n FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t (realm, login, login_key, n)
WHERE EXISTS (SELECT 1 FROM issuer_users e WHERE e.realm = t.realm AND e.login = t.login)
   OR EXISTS (SELECT 1 FROM issuer_users a WHERE a.realm = t.realm AND a.login_key = t.login_key)
ORDER BY t.n;

-- name: add_users
INSERT INTO issuer_users (realm, login, login_key, nick, avatar, sex, seller_name, disabled, created_at, password_hash)
SELECT t.*, '' FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::boolean[], $9::bigint[]
) AS t
RETURNING id, realm, login;

-- name: find_claims
SELECT t.n, u.claims FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, n) JOIN issuer_users u ON u.id = t.id;

-- name: save_claims
UPDATE issuer_users SET claims = $1 WHERE id = $2 RETURNING id;

-- name: find_user
SELECT t.n, u.id, u.realm, u.login, u.nick, u.avatar, u.sex, u.seller_name, u.disabled, u.created_at
FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, n) JOIN issuer_users u ON u.id = t.id;

-- name: find_login
-- The exact name comes before one that is spelled otherwise; both are looked for, so that both take the same time.
SELECT t.n, u.id, u.realm, u.login, u.nick, u.avatar, u.sex, u.seller_name, u.disabled, u.created_at, u.password_hash,
    u.password_sealed
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t (realm, login, login_key, n)
JOIN LATERAL (
    SELECT * FROM (
        SELECT 0 AS rank, e.* FROM issuer_users e WHERE e.realm = t.realm AND e.login = t.login
        UNION ALL
        SELECT 1, a.* FROM issuer_users a WHERE a.realm = t.realm AND a.login_key = t.login_key
    ) AS f ORDER BY rank LIMIT 1
) AS u ON true;

-- name: list_users
SELECT id, realm, login, nick, avatar, sex, seller_name, disabled, created_at
FROM issuer_users WHERE realm <= $1 AND (realm, id) > ($1, $2) ORDER BY realm, id LIMIT $3;

-- name: find_users
SELECT id, realm, login, nick, avatar, sex, seller_name, disabled, created_at
FROM issuer_users WHERE login_key >= $2 AND login_key > $3 AND login_key < $4 AND realm = $1
ORDER BY login_key LIMIT $5;

-- name: lock_user
SELECT realm FROM issuer_users WHERE id = $1 FOR UPDATE;

-- name: change_user
UPDATE issuer_users SET login = $2, login_key = CASE WHEN login = $2 THEN login_key ELSE $8 END, nick = $3, avatar = $4,
    sex = $5, seller_name = $6, disabled = $7
WHERE id = $1 RETURNING id;

-- name: remove_user
DELETE FROM issuer_users WHERE id = $1 RETURNING id;

-- name: remove_user_members
DELETE FROM issuer_members WHERE user_row = $1;

-- name: remove_user_unions
DELETE FROM issuer_unions WHERE user_row = $1;

-- name: remove_user_marks
DELETE FROM issuer_marks WHERE owner_kind = 1 AND owner_row = $1;

-- name: remove_user_identities
DELETE FROM issuer_identities WHERE user_row = $1;

-- name: remove_app_marks
DELETE FROM issuer_marks WHERE owner_kind = 2 AND owner_row = $1;

-- name: disown_terminals
UPDATE issuer_machines SET owner_row = NULL WHERE owner_row = $1;

-- name: save_terminal
INSERT INTO issuer_machines AS m (realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest,
    qr_ends_at, created_at)
VALUES ($1, $2, $3, $4, NULL, $5, '', 0, $6)
ON CONFLICT (realm, machine_code) DO UPDATE SET name = excluded.name, owner_row = excluded.owner_row,
    msign_digest = CASE WHEN excluded.msign_digest = '' THEN m.msign_digest ELSE excluded.msign_digest END
RETURNING id, realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest, qr_ends_at, created_at;

-- name: add_terminal
INSERT INTO issuer_machines (realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest,
    qr_ends_at, created_at)
VALUES ($1, $2, $3, $4, NULL, $5, '', 0, $6)
ON CONFLICT (realm, machine_code) DO NOTHING
RETURNING id, realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest, qr_ends_at, created_at;

-- name: lock_terminal
SELECT id, owner_row FROM issuer_machines WHERE realm = $1 AND machine_code = $2 FOR UPDATE;

-- name: find_terminal
SELECT t.n, m.id, m.realm, m.machine_code, m.name, m.owner_row, m.bound_app_row, m.msign_digest, m.qr_digest,
    m.qr_ends_at, m.created_at
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (realm, machine_code, n)
JOIN issuer_machines m ON m.realm = t.realm AND m.machine_code = t.machine_code;

-- name: list_terminals
SELECT id, realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest, qr_ends_at, created_at
FROM issuer_machines WHERE realm = $1 AND machine_code > $2 ORDER BY machine_code LIMIT $3;

-- name: list_owned_terminals
SELECT id, realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest, qr_ends_at, created_at
FROM issuer_machines WHERE owner_row = $4 AND realm = $1 AND machine_code > $2 ORDER BY machine_code LIMIT $3;

-- name: set_key
UPDATE issuer_machines SET qr_digest = $2, qr_ends_at = $3 WHERE id = $1 RETURNING id;

-- name: bind_terminal
-- Who removes an app locks it before he unbinds its terminals.
WITH app AS MATERIALIZED (SELECT id FROM issuer_apps WHERE id = $2 FOR KEY SHARE)
UPDATE issuer_machines AS m SET bound_app_row = app.id FROM app
WHERE m.id = $1 AND (m.bound_app_row IS NULL OR m.bound_app_row = app.id)
RETURNING m.id;

-- name: unbind_terminal
UPDATE issuer_machines SET bound_app_row = NULL WHERE id = $1 AND bound_app_row = $2 RETURNING id;

-- name: remove_terminal
DELETE FROM issuer_machines WHERE id = $1 RETURNING id;
