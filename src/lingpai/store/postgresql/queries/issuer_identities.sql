-- name: list_login_keys
SELECT realm, number, sealed, created_at, used_at FROM issuer_login_keys WHERE realm = $1 ORDER BY number;

-- name: add_login_key
INSERT INTO issuer_login_keys (realm, number, sealed, created_at, used_at)
SELECT $1, $2, $3, $4, $5
WHERE NOT EXISTS (SELECT 1 FROM issuer_login_keys WHERE realm = $1 AND number >= $2)
ON CONFLICT DO NOTHING RETURNING number;

-- name: forget_login_keys
DELETE FROM issuer_login_keys WHERE realm = $1 AND number < $2 AND number IS DISTINCT FROM $3;

-- name: use_login_key
UPDATE issuer_login_keys SET used_at = $1 WHERE realm = $2 AND number = $3 AND used_at = 0;

-- name: answer_login
-- Who answers the same challenge at the same time waits here for the first one's commit.
INSERT INTO issuer_logins (digest, subject, ends_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: answered_login
SELECT subject FROM issuer_logins WHERE digest = $1;

-- name: find_identity
SELECT u.id, u.realm, u.login, u.nick, u.avatar, u.sex, u.seller_name, u.disabled, u.created_at
FROM issuer_identities i JOIN issuer_users u ON u.id = i.user_row
WHERE i.realm = $1 AND i.provider = $2 AND i.digest = $3;

-- name: find_unlinked
-- The user with exactly this login name, unless the provider knows them already. Who links them at the same time waits.
SELECT id FROM issuer_users u WHERE realm = $1 AND login = $2
    AND NOT EXISTS (SELECT 1 FROM issuer_identities i WHERE i.user_row = u.id AND i.provider = $3)
FOR UPDATE;

-- name: begin_identity
-- Who uses the same identity for the first time at the same time waits here for the first one's commit.
INSERT INTO issuer_identities (realm, provider, digest, sealed, user_row, linked_at, last_used)
VALUES ($1, $2, $3, $4, 0, $5, $6) ON CONFLICT DO NOTHING RETURNING user_row;

-- name: link_identity
UPDATE issuer_identities SET user_row = $4 WHERE realm = $1 AND provider = $2 AND digest = $3;

-- name: use_identity
UPDATE issuer_identities SET last_used = $1 WHERE realm = $2 AND provider = $3 AND digest = $4 RETURNING user_row;

-- name: sealed_login_keys
SELECT substr(sealed, 1, 4), count(*) FROM issuer_login_keys GROUP BY 1;

-- name: stale_login_keys
SELECT sealed, realm, number FROM issuer_login_keys WHERE substr(sealed, 1, 4) < $1 LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: reseal_login_key
UPDATE issuer_login_keys SET sealed = $1 WHERE realm = $2 AND number = $3;

-- name: sealed_subjects
SELECT substr(sealed, 1, 4), count(*) FROM issuer_identities GROUP BY 1;

-- name: stale_subjects
SELECT sealed, realm, provider, digest FROM issuer_identities WHERE substr(sealed, 1, 4) < $1 LIMIT $2
FOR UPDATE SKIP LOCKED;

-- name: reseal_subject
UPDATE issuer_identities SET sealed = $1 WHERE realm = $2 AND provider = $3 AND digest = $4;
