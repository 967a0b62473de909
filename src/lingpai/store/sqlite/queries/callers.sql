-- name: add_caller
INSERT INTO callers (name, key_digest, environment, apps, rights, networks, created_at, revoked_at)
VALUES (:name, :key_digest, :environment, :apps, :rights, :networks, :created_at, :revoked_at)
ON CONFLICT DO NOTHING RETURNING id;

-- name: change_caller
UPDATE callers SET environment = :environment, apps = :apps, rights = :rights, networks = :networks
WHERE name = :name AND revoked_at IS NULL RETURNING id;

-- name: revoke_caller
UPDATE callers SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL RETURNING id;

-- name: find_caller
SELECT name, environment, apps, rights, networks, created_at, revoked_at FROM callers WHERE key_digest = ?;

-- name: list_callers
SELECT name, environment, apps, rights, networks, created_at, revoked_at FROM callers ORDER BY name;
