-- name: read_password
SELECT realm, password_hash, password_sealed FROM issuer_users WHERE id = ? AND disabled = 0;

-- name: keep_password
UPDATE issuer_users SET password_hash = '', password_sealed = ? WHERE id = ? RETURNING id;

-- name: seal_password
UPDATE issuer_users SET password_sealed = ? WHERE id = ?;

-- name: sealed_passwords
SELECT substr(password_sealed, 1, 4), count(*) FROM issuer_users
WHERE password_sealed IS NOT NULL AND password_hash = '' GROUP BY 1;

-- name: stale_passwords
-- Also those that a release before wrote.
SELECT id, realm, password_hash, password_sealed FROM issuer_users
WHERE password_hash <> '' OR substr(password_sealed, 1, 4) <> ? LIMIT ?;

-- name: unkeyed_logins
SELECT id, login FROM issuer_users WHERE login_key IS NULL ORDER BY id LIMIT ?;

-- name: key_login
UPDATE OR IGNORE issuer_users SET login_key = ? WHERE id = ?;

-- name: list_twins
SELECT realm, login FROM issuer_users WHERE login_key >= ' ' AND login_key < '!' ORDER BY login_key, realm LIMIT ?;
