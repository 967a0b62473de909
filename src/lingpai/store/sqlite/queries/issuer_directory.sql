-- name: find_app
SELECT a.id, a.realm, a.app_id, a.name, a.mode, a.redirect_uris, a.domains, a.networks, a.grants, a.scopes,
    a.permissions, a.audience, a.owner, a.listed, a.disabled, a.public, a.created_at, a.client,
    a.registration, s.digest, s.sealed, s.ends_at
FROM issuer_apps a LEFT JOIN issuer_secrets s ON s.app_row = a.id
WHERE a.realm = ? AND a.app_id = ? ORDER BY s.id DESC;

-- name: list_apps
SELECT a.id, a.realm, a.app_id, a.name, a.mode, a.redirect_uris, a.domains, a.networks, a.grants, a.scopes,
    a.permissions, a.audience, a.owner, a.listed, a.disabled, a.public, a.created_at, a.client,
    a.registration, s.digest, s.sealed, s.ends_at
FROM issuer_apps a LEFT JOIN issuer_secrets s ON s.app_row = a.id
WHERE a.realm = ? ORDER BY a.app_id, s.id DESC;

-- name: add_app
INSERT INTO issuer_apps (realm, app_id, name, mode, redirect_uris, domains, networks, grants, scopes, permissions,
    audience, owner, listed, disabled, public, client, registration, created_at)
VALUES (:realm, :app_id, :name, :mode, :redirect_uris, :domains, :networks, :grants, :scopes, :permissions,
    :audience, :owner, :listed, :disabled, :public, :client, :registration, :created_at)
ON CONFLICT DO NOTHING RETURNING id;

-- name: update_app
UPDATE issuer_apps SET name = :name, mode = :mode, redirect_uris = :redirect_uris, domains = :domains,
    networks = :networks, grants = :grants, scopes = :scopes, permissions = :permissions, audience = :audience,
    owner = :owner, listed = :listed, disabled = :disabled, public = :public,
    client = :client, registration = :registration
WHERE id = :id;

-- name: app_name
SELECT realm, app_id FROM issuer_apps WHERE id = ?;

-- name: clear_secrets
DELETE FROM issuer_secrets WHERE app_row = ?;

-- name: add_secret
INSERT INTO issuer_secrets (app_row, digest, sealed, ends_at) VALUES (?, ?, ?, ?);

-- name: remove_app
DELETE FROM issuer_apps WHERE id = ? RETURNING id;

-- name: remove_app_members
DELETE FROM issuer_members WHERE app_row = ?;

-- name: remove_app_count
DELETE FROM issuer_member_counts WHERE app_row = ?;

-- name: remove_app_slots
DELETE FROM issuer_places WHERE app_row = ?;

-- name: unbind_app_terminals
UPDATE issuer_machines SET bound_app_row = NULL WHERE bound_app_row = ?;

-- name: add_user
INSERT INTO issuer_users (realm, login, login_key, password_hash, nick, avatar, sex, seller_name, disabled, created_at)
VALUES (:realm, :login, :login_key, '', :nick, :avatar, :sex, :seller_name, :disabled, :created_at)
ON CONFLICT DO NOTHING RETURNING id;

-- name: find_taken
SELECT id FROM issuer_users WHERE realm = :realm AND login = :login
UNION ALL SELECT id FROM issuer_users WHERE realm = :realm AND login_key = :login_key;

-- name: find_claims
SELECT claims FROM issuer_users WHERE id = ?;

-- name: save_claims
UPDATE issuer_users SET claims = ? WHERE id = ? RETURNING id;

-- name: find_user
SELECT id, realm, login, nick, avatar, sex, seller_name, disabled, created_at FROM issuer_users WHERE id = ?;

-- name: find_login
SELECT id, realm, login, nick, avatar, sex, seller_name, disabled, created_at, password_hash, password_sealed
FROM issuer_users WHERE realm = ? AND login = ?;

-- name: find_login_key
SELECT id, realm, login, nick, avatar, sex, seller_name, disabled, created_at, password_hash, password_sealed
FROM issuer_users WHERE realm = ? AND login_key = ?;

-- name: list_users
SELECT id, realm, login, nick, avatar, sex, seller_name, disabled, created_at
FROM issuer_users WHERE realm = ? AND id > ? ORDER BY id LIMIT ?;

-- name: find_users
SELECT id, realm, login, nick, avatar, sex, seller_name, disabled, created_at
FROM issuer_users WHERE login_key >= :first AND login_key > :after AND login_key < :end AND realm = :realm
ORDER BY login_key LIMIT :limit;

-- name: change_user
UPDATE OR IGNORE issuer_users SET login = :login, login_key = iif(login = :login, login_key, :login_key), nick = :nick, avatar = :avatar, sex = :sex,
    seller_name = :seller_name, disabled = :disabled
WHERE id = :id RETURNING login;

-- name: remove_user
DELETE FROM issuer_users WHERE id = ? RETURNING id;

-- name: remove_user_members
DELETE FROM issuer_members WHERE user_row = ?;

-- name: remove_user_unions
DELETE FROM issuer_unions WHERE user_row = ?;

-- name: remove_user_marks
DELETE FROM issuer_marks WHERE owner_kind = 1 AND owner_row = ?;

-- name: remove_user_identities
DELETE FROM issuer_identities WHERE user_row = ?;

-- name: remove_app_marks
DELETE FROM issuer_marks WHERE owner_kind = 2 AND owner_row = ?;

-- name: disown_terminals
UPDATE issuer_machines SET owner_row = NULL WHERE owner_row = ?;

-- name: save_terminal
INSERT INTO issuer_machines (realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest, qr_ends_at,
    created_at)
VALUES (:realm, :machine_code, :name, :owner, NULL, :msign_digest, x'', 0, :created_at)
ON CONFLICT DO UPDATE SET name = excluded.name, owner_row = excluded.owner_row,
    msign_digest = CASE WHEN excluded.msign_digest = x'' THEN msign_digest ELSE excluded.msign_digest END;

-- name: find_terminal
SELECT id, realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest, qr_ends_at, created_at
FROM issuer_machines WHERE realm = ? AND machine_code = ?;

-- name: list_terminals
SELECT id, realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest, qr_ends_at, created_at
FROM issuer_machines WHERE realm = :realm AND machine_code > :after ORDER BY machine_code LIMIT :limit;

-- name: list_owned_terminals
SELECT id, realm, machine_code, name, owner_row, bound_app_row, msign_digest, qr_digest, qr_ends_at, created_at
FROM issuer_machines WHERE owner_row = :owner AND realm = :realm AND machine_code > :after
ORDER BY machine_code LIMIT :limit;

-- name: set_key
UPDATE issuer_machines SET qr_digest = ?, qr_ends_at = ? WHERE id = ? RETURNING id;

-- name: bind_terminal
UPDATE issuer_machines SET bound_app_row = :app
WHERE id = :terminal AND (bound_app_row IS NULL OR bound_app_row = :app)
  AND EXISTS (SELECT 1 FROM issuer_apps WHERE id = :app)
RETURNING id;

-- name: unbind_terminal
UPDATE issuer_machines SET bound_app_row = NULL WHERE id = :terminal AND bound_app_row = :app RETURNING id;

-- name: remove_terminal
DELETE FROM issuer_machines WHERE id = ? RETURNING id;
