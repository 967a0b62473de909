-- name: add_caller
INSERT INTO callers (name, key_digest, environment, apps, rights, networks, created_at, revoked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING RETURNING id;

-- name: change_caller
UPDATE callers SET environment = $2, apps = $3, rights = $4, networks = $5
WHERE name = $1 AND revoked_at IS NULL RETURNING id;

-- name: revoke_caller
UPDATE callers SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL RETURNING id;

-- name: find_caller
SELECT t.n, c.name, c.environment, c.apps, c.rights, c.networks, c.created_at, c.revoked_at
FROM unnest($1::bytea[]) WITH ORDINALITY AS t (key_digest, n) JOIN callers c ON c.key_digest = t.key_digest;

-- name: list_callers
SELECT name, environment, apps, rights, networks, created_at, revoked_at FROM callers ORDER BY name;
