-- name: list_login_keys
SELECT realm, number, sealed, created_at, used_at FROM issuer_login_keys WHERE realm = ? ORDER BY number;

-- name: add_login_key
INSERT INTO issuer_login_keys (realm, number, sealed, created_at, used_at)
SELECT :realm, :number, :sealed, :created_at, :used_at
WHERE NOT EXISTS (SELECT 1 FROM issuer_login_keys WHERE realm = :realm AND number >= :number)
RETURNING number;

-- name: forget_login_keys
DELETE FROM issuer_login_keys WHERE realm = :realm AND number < :number AND number IS NOT :keep;

-- name: use_login_key
UPDATE issuer_login_keys SET used_at = ? WHERE realm = ? AND number = ? AND used_at = 0;

-- name: answer_login
INSERT INTO issuer_logins (digest, subject, ends_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: answered_login
SELECT subject FROM issuer_logins WHERE digest = ?;

-- name: find_identity
SELECT u.id, u.realm, u.login, u.nick, u.avatar, u.sex, u.seller_name, u.disabled, u.created_at
FROM issuer_identities i JOIN issuer_users u ON u.id = i.user_row
WHERE i.realm = ? AND i.provider = ? AND i.digest = ?;

-- name: find_unlinked
-- The user with exactly this login name, unless the provider knows them already.
SELECT id FROM issuer_users u WHERE realm = ? AND login = ?
    AND NOT EXISTS (SELECT 1 FROM issuer_identities i WHERE i.user_row = u.id AND i.provider = ?);

-- name: add_identity
-- In place of one whose user was removed by who did not know of it.
INSERT OR REPLACE INTO issuer_identities (realm, provider, digest, sealed, user_row, linked_at, last_used)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: use_identity
UPDATE issuer_identities SET last_used = ? WHERE realm = ? AND provider = ? AND digest = ?;

-- name: sealed_login_keys
SELECT substr(sealed, 1, 4), count(*) FROM issuer_login_keys GROUP BY 1;

-- name: stale_login_keys
SELECT sealed, realm, number FROM issuer_login_keys WHERE substr(sealed, 1, 4) < ? LIMIT ?;

-- name: reseal_login_key
UPDATE issuer_login_keys SET sealed = ? WHERE realm = ? AND number = ?;

-- name: sealed_subjects
SELECT substr(sealed, 1, 4), count(*) FROM issuer_identities GROUP BY 1;

-- name: stale_subjects
SELECT sealed, realm, provider, digest FROM issuer_identities WHERE substr(sealed, 1, 4) < ? LIMIT ?;

-- name: reseal_subject
UPDATE issuer_identities SET sealed = ? WHERE realm = ? AND provider = ? AND digest = ?;
