-- name: lock_credential
-- Before anything else is read of it: a statement that waits for a row sees the rows of other tables as they were.
SELECT id, lease_holder FROM credentials
WHERE platform = $1 AND account = $2 AND secret_digest = $3 AND kind = $4 FOR UPDATE;

-- name: add_credential
INSERT INTO credentials (platform, account, secret_digest, kind, idle_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING;

-- name: overtake
-- Whoever has the lease keeps nothing any more.
UPDATE credentials SET fence = fence + 1, lease_holder = NULL WHERE id = $1 RETURNING fence;

-- name: acquire_lease
-- An end of another epoch that lies further ahead than twice what is asked for was set by a clock that showed another
-- time, and is none: the fence keeps out whoever may still have the lease.
UPDATE credentials SET
    lease_holder = $2, lease_wall = $4, lease_steady = $5, lease_epoch = $6,
    fence = fence + 1, idle_at = greatest(idle_at, $4)
WHERE id = $1 AND version <= $3
  AND (lease_holder IS NULL OR lease_holder = $2
       OR CASE WHEN lease_epoch = $9 THEN lease_steady <= $8
               ELSE lease_wall <= $7 OR lease_wall > 2 * $4::float8 - $7 END)
RETURNING fence;

-- name: lock_fenced
SELECT version, trouble FROM credentials WHERE id = $1 AND fence = $2 FOR UPDATE;

-- name: read_generation
SELECT value_digest, end_wall, end_steady, end_epoch FROM generations WHERE credential_id = $1 AND version = $2;

-- name: save_progress
UPDATE credentials SET
    version = $3, suspect = false, trouble = NULL, lease_holder = NULL,
    renew_wall = $4, renew_steady = $5, renew_epoch = $6, idle_at = greatest(idle_at, $7)
WHERE id = $1 AND fence = $2
RETURNING id;

-- name: prolong_generation
UPDATE generations SET lifetime = $3, fetched_at = $4, end_wall = $5, end_steady = $6, end_epoch = $7
WHERE credential_id = $1 AND version = $2;

-- name: curtail_generation
UPDATE generations SET end_wall = $3, end_steady = $4, end_epoch = $5 WHERE credential_id = $1 AND version = $2;

-- name: drop_generations_before
DELETE FROM generations WHERE credential_id = $1 AND version < $2;

-- name: add_generation
INSERT INTO generations (credential_id, version, lifetime, fetched_at, end_wall, end_steady, end_epoch, value_digest,
                         value)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: save_trouble
UPDATE credentials SET
    trouble = $3, lease_holder = NULL, renew_wall = $4, renew_steady = $5, renew_epoch = $6,
    idle_at = greatest(idle_at, $7)
WHERE id = $1 AND fence = $2
RETURNING id;

-- name: release_lease
UPDATE credentials SET lease_holder = NULL WHERE id = $1 AND fence = $2 RETURNING id;
