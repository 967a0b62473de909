-- name: read_password
SELECT realm, password_hash, password_sealed FROM issuer_users WHERE id = $1 AND NOT disabled FOR UPDATE;

-- name: keep_password
UPDATE issuer_users SET password_hash = '', password_sealed = $1 WHERE id = $2 RETURNING id;

-- name: seal_passwords
UPDATE issuer_users AS u SET password_sealed = t.sealed FROM unnest($1::bigint[], $2::bytea[]) AS t (id, sealed)
WHERE u.id = t.id;

-- name: sealed_passwords
SELECT substr(password_sealed, 1, 4), count(*) FROM issuer_users
WHERE password_sealed IS NOT NULL AND password_hash = '' GROUP BY 1;

-- name: stale_passwords
-- Also those that a release before wrote.
SELECT id, realm, password_hash, password_sealed FROM issuer_users
WHERE password_hash <> '' OR substr(password_sealed, 1, 4) <> $1 LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: unkeyed_logins
SELECT id, login FROM issuer_users WHERE login_key IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: key_login
UPDATE issuer_users SET login_key = $1 WHERE id = $2;

-- name: list_twins
SELECT realm, login FROM issuer_users WHERE login_key >= ' ' AND login_key < '!' ORDER BY login_key, realm LIMIT $1;
