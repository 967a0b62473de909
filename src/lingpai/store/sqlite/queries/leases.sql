-- name: add_credential
INSERT INTO credentials (platform, account, secret_digest, kind, idle_at)
VALUES (:platform, :account, :secret_digest, :kind, :wall);

-- name: begin_credential
INSERT INTO credentials (platform, account, secret_digest, kind, idle_at)
VALUES (:platform, :account, :secret_digest, :kind, :wall) ON CONFLICT DO NOTHING;

-- name: overtake
-- Whoever has the lease keeps nothing any more.
UPDATE credentials SET fence = fence + 1, lease_holder = NULL WHERE id = ? RETURNING id, fence;

-- name: read_lease_holder
SELECT lease_holder FROM credentials WHERE id = ?;

-- name: acquire_lease
-- An end of another epoch that lies further ahead than twice what is asked for was set by a clock that showed another
-- time, and is none: the fence keeps out whoever may still have the lease.
UPDATE credentials SET
    lease_holder = :holder, lease_wall = :end_wall, lease_steady = :end_steady, lease_epoch = :end_epoch,
    fence = fence + 1, idle_at = max(idle_at, :end_wall)
WHERE id = :id AND version <= :seen
  AND (lease_holder IS NULL OR lease_holder = :holder
       OR CASE WHEN lease_epoch = :epoch THEN lease_steady <= :steady
               ELSE lease_wall <= :wall OR lease_wall > 2 * :end_wall - :wall END)
RETURNING fence;

-- name: save_progress
UPDATE credentials SET
    version = :version, suspect = 0, trouble = NULL, lease_holder = NULL,
    renew_wall = :renew_wall, renew_steady = :renew_steady, renew_epoch = :renew_epoch,
    idle_at = max(idle_at, :end_wall)
WHERE id = :id AND fence = :fence
RETURNING id;

-- name: newest_generation
SELECT c.trouble, c.version, g.value_digest, g.end_wall, g.end_steady, g.end_epoch
FROM credentials c LEFT JOIN generations g ON g.credential_id = c.id AND g.version = c.version
WHERE c.id = :id AND c.fence = :fence;

-- name: prolong_generation
UPDATE generations SET
    end_wall = :end_wall, end_steady = :end_steady, end_epoch = :end_epoch,
    lifetime = :lifetime, fetched_at = :fetched_at
WHERE credential_id = :id AND version = :version;

-- name: curtail_generation
UPDATE generations SET end_wall = :end_wall, end_steady = :end_steady, end_epoch = :end_epoch
WHERE credential_id = :id AND version = :version;

-- name: drop_generations_before
DELETE FROM generations WHERE credential_id = :id AND version < :version;

-- name: add_generation
INSERT INTO generations (credential_id, version, value, value_digest, end_wall, end_steady, end_epoch,
                         lifetime, fetched_at)
VALUES (:id, :version, :value, :value_digest, :end_wall, :end_steady, :end_epoch, :lifetime, :fetched_at);

-- name: read_trouble
SELECT trouble FROM credentials WHERE id = ?;

-- name: save_trouble
UPDATE credentials SET
    trouble = :trouble, lease_holder = NULL,
    renew_wall = :renew_wall, renew_steady = :renew_steady, renew_epoch = :renew_epoch,
    idle_at = max(idle_at, :retry_wall)
WHERE id = :id AND fence = :fence
RETURNING id;

-- name: release_lease
UPDATE credentials SET lease_holder = NULL WHERE id = :id AND fence = :fence RETURNING id;
