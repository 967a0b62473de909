-- name: read_credential
SELECT c.id, c.platform, c.account, c.secret_digest, c.kind, c.version, c.suspect, c.trouble,
       c.renew_wall, c.renew_steady, c.renew_epoch,
       g.version, g.value, g.end_wall, g.end_steady, g.end_epoch, g.lifetime, g.fetched_at
FROM credentials c LEFT JOIN generations g ON g.credential_id = c.id
WHERE c.platform = ? AND c.account = ? AND c.secret_digest = ? AND c.kind = ?
ORDER BY g.version DESC;

-- name: read_credential_by_id
SELECT c.id, c.platform, c.account, c.secret_digest, c.kind, c.version, c.suspect, c.trouble,
       c.renew_wall, c.renew_steady, c.renew_epoch,
       g.version, g.value, g.end_wall, g.end_steady, g.end_epoch, g.lifetime, g.fetched_at
FROM credentials c LEFT JOIN generations g ON g.credential_id = c.id
WHERE c.id = ?
ORDER BY g.version DESC;

-- name: find_holder_of_value
SELECT credential_id FROM generations WHERE value_digest = ? ORDER BY id DESC LIMIT 1;

-- name: mark_suspect
UPDATE credentials SET suspect = 1
WHERE platform = :platform AND account = :account AND secret_digest = :secret_digest AND kind = :kind
  AND version = :version AND version > 0 AND suspect = 0
RETURNING id;

-- name: end_generation
-- An end of 0 by the wall clock marks what was found dead.
UPDATE generations SET end_wall = 0, end_steady = :steady, end_epoch = :epoch
WHERE version = :version AND end_wall > 0
  AND credential_id = (SELECT id FROM credentials
                       WHERE platform = :platform AND account = :account AND secret_digest = :secret_digest
                         AND kind = :kind AND version = :version)
RETURNING credential_id;

-- name: forget_troubles
UPDATE credentials SET trouble = NULL
WHERE platform = :platform AND account = :account AND trouble IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.platform = credentials.platform AND a.account = credentials.account
                  AND a.secret_digest = credentials.secret_digest)
RETURNING kind;

-- name: forget_trouble
UPDATE credentials SET trouble = NULL
WHERE platform = :platform AND account = :account AND secret_digest = :secret_digest AND kind = :kind
  AND trouble IS NOT NULL
RETURNING id;

-- name: due_here
-- A lease of another epoch that lasts for more than an hour from now is none (see `acquire_lease`).
-- Ends of our own epoch have passed by steady time, and by nothing else.
SELECT :steady - c.renew_steady, c.platform, c.account, c.secret_digest, c.kind
FROM credentials c INDEXED BY credentials_by_renewal_here
WHERE c.renew_epoch = :epoch AND c.renew_steady <= :steady
  AND (c.lease_holder IS NULL
       OR CASE WHEN c.lease_epoch = :epoch THEN c.lease_steady <= :steady
               ELSE c.lease_wall <= :wall OR c.lease_wall > :wall + 3600 END)
  AND EXISTS (SELECT 1 FROM accounts a WHERE a.platform = c.platform AND a.account = c.account
              AND a.secret_digest = c.secret_digest)
ORDER BY c.renew_steady LIMIT :limit;

-- name: due_elsewhere
SELECT :wall - c.renew_wall, c.platform, c.account, c.secret_digest, c.kind
FROM credentials c INDEXED BY credentials_by_renewal_elsewhere
WHERE c.renew_epoch = :elsewhere AND c.renew_wall <= :wall
  AND (c.lease_holder IS NULL
       OR CASE WHEN c.lease_epoch = :epoch THEN c.lease_steady <= :steady
               ELSE c.lease_wall <= :wall OR c.lease_wall > :wall + 3600 END)
  AND EXISTS (SELECT 1 FROM accounts a WHERE a.platform = c.platform AND a.account = c.account
              AND a.secret_digest = c.secret_digest)
ORDER BY c.renew_wall LIMIT :limit;

-- name: next_epoch
-- Stepping from epoch to epoch costs one search each, however many credentials there are.
SELECT min(renew_epoch) FROM credentials WHERE renew_epoch > ?;

-- name: list_statuses
SELECT c.platform, c.account, a.label, c.kind, c.version, c.suspect, c.trouble,
       g.end_wall, g.end_steady, g.end_epoch, g.fetched_at, g.lifetime,
       p.end_wall, p.end_steady, p.end_epoch, c.renew_wall, c.renew_steady, c.renew_epoch
FROM credentials c
LEFT JOIN accounts a
  ON a.platform = c.platform AND a.account = c.account AND a.secret_digest = c.secret_digest
LEFT JOIN generations g ON g.credential_id = c.id AND g.version = c.version
LEFT JOIN generations p ON p.credential_id = c.id AND p.version = (
  SELECT max(o.version) FROM generations o WHERE o.credential_id = c.id AND o.version < c.version)
UNION ALL
SELECT a.platform, a.account, a.label, 'access_token', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL,
       NULL, NULL, NULL, NULL, NULL, NULL
FROM accounts a
WHERE NOT EXISTS (
  SELECT 1 FROM credentials c WHERE c.platform = a.platform AND c.account = a.account
  AND c.secret_digest = a.secret_digest AND c.kind = 'access_token'
)
ORDER BY 1, 2, 3, 4;
