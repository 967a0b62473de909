-- name: add_caller
INSERT INTO callers (name, key_digest, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at)
VALUES (:name, :key_digest, :environment, :apps, :rights, :networks, :forward, :hand_out, :created_at, :revoked_at)
ON CONFLICT DO NOTHING RETURNING id;

-- name: change_caller
UPDATE callers SET environment = :environment, apps = :apps, rights = :rights, networks = :networks,
    forward = :forward, hand_out = :hand_out
WHERE name = :name AND revoked_at IS NULL RETURNING id;

-- name: revoke_caller
UPDATE callers SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL RETURNING id;

-- name: find_caller
-- What is somebody's key now is nobody's former one.
SELECT name, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at, NULL FROM callers WHERE key_digest = ?1
UNION ALL
SELECT c.name, c.environment, c.apps, c.rights, c.networks, c.forward, c.hand_out, c.created_at, c.revoked_at, f.ends_at
FROM former_caller_keys f JOIN callers c ON c.id = f.caller_row
WHERE f.digest = ?1 AND NOT EXISTS (SELECT 1 FROM callers WHERE key_digest = ?1);

-- name: shorten_former_keys
UPDATE former_caller_keys SET ends_at = :ends_at
WHERE ends_at > :ends_at AND caller_row = (SELECT id FROM callers WHERE name = :name AND revoked_at IS NULL);

-- name: keep_former_key
INSERT INTO former_caller_keys (digest, caller_row, ends_at)
SELECT key_digest, id, :ends_at FROM callers WHERE name = :name AND revoked_at IS NULL
ON CONFLICT (digest) DO UPDATE SET ends_at = excluded.ends_at
RETURNING caller_row;

-- name: drop_ended_keys
DELETE FROM former_caller_keys WHERE ends_at <= :now;

-- name: rotate_caller
UPDATE callers SET key_digest = :key_digest WHERE name = :name;

-- name: list_former_keys
SELECT c.name, f.ends_at FROM former_caller_keys f JOIN callers c ON c.id = f.caller_row
WHERE f.ends_at > ? AND c.revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM callers WHERE key_digest = f.digest)
ORDER BY 1, 2;

-- name: list_callers
SELECT name, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at FROM callers ORDER BY name;

-- name: find_caller_named
SELECT name, environment, apps, rights, networks, forward, hand_out, created_at, revoked_at FROM callers WHERE name = ?;
