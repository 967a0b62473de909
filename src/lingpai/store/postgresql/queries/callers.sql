-- name: add_caller
INSERT INTO callers (name, key_digest, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING RETURNING id;

-- name: change_caller
UPDATE callers SET environment = $2, apps = $3, rights = $4, networks = $5, forward = $6, hand_out = $7
WHERE name = $1 AND revoked_at IS NULL RETURNING id;

-- name: revoke_caller
UPDATE callers SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL RETURNING id;

-- name: find_caller
-- What is somebody's key now is nobody's former one.
SELECT t.n, c.name, c.environment, c.apps, c.rights, c.networks, c.forward, c.hand_out, c.created_at, c.revoked_at, NULL::float8
FROM unnest($1::bytea[]) WITH ORDINALITY AS t (digest, n) JOIN callers c ON c.key_digest = t.digest
UNION ALL
SELECT t.n, c.name, c.environment, c.apps, c.rights, c.networks, c.forward, c.hand_out, c.created_at, c.revoked_at, f.ends_at
FROM unnest($1::bytea[]) WITH ORDINALITY AS t (digest, n)
JOIN former_caller_keys f ON f.digest = t.digest JOIN callers c ON c.id = f.caller_row
WHERE NOT EXISTS (SELECT FROM callers o WHERE o.key_digest = t.digest);

-- name: rotate_caller
WITH known AS (
    SELECT id, key_digest FROM callers WHERE name = $1 AND revoked_at IS NULL FOR UPDATE
), shortened AS (
    UPDATE former_caller_keys f SET ends_at = $3 FROM known
    WHERE f.caller_row = known.id AND f.ends_at > $3 AND f.digest <> known.key_digest
), kept AS (
    INSERT INTO former_caller_keys (digest, caller_row, ends_at) SELECT key_digest, id, $3 FROM known
    ON CONFLICT (digest) DO UPDATE SET ends_at = excluded.ends_at
), ended AS (
    DELETE FROM former_caller_keys WHERE ends_at <= $4
)
UPDATE callers c SET key_digest = $2 FROM known WHERE c.id = known.id RETURNING c.id;

-- name: list_former_keys
SELECT c.name, f.ends_at FROM former_caller_keys f JOIN callers c ON c.id = f.caller_row
WHERE f.ends_at > $1 AND c.revoked_at IS NULL AND NOT EXISTS (SELECT FROM callers o WHERE o.key_digest = f.digest)
ORDER BY 1, 2;

-- name: list_callers
SELECT name, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at FROM callers ORDER BY name;

-- name: find_caller_named
SELECT name, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at FROM callers WHERE name = $1;

-- name: lock_caller
SELECT name, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at FROM callers WHERE name = $1 FOR UPDATE;
