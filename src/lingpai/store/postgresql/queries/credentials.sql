-- name: read_credential
SELECT t.n, c.id, c.platform, c.account, c.secret_digest, c.kind, c.version, c.suspect, c.trouble,
       c.renew_wall, c.renew_steady, c.renew_epoch,
       g.version, g.value, g.end_wall, g.end_steady, g.end_epoch, g.lifetime, g.fetched_at
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[]) WITH ORDINALITY
    AS t (platform, account, secret_digest, kind, n)
JOIN credentials c
  ON c.platform = t.platform AND c.account = t.account AND c.secret_digest = t.secret_digest AND c.kind = t.kind
LEFT JOIN generations g ON g.credential_id = c.id
ORDER BY t.n, g.version DESC;

-- name: read_credential_by_id
SELECT c.id, c.platform, c.account, c.secret_digest, c.kind, c.version, c.suspect, c.trouble,
       c.renew_wall, c.renew_steady, c.renew_epoch,
       g.version, g.value, g.end_wall, g.end_steady, g.end_epoch, g.lifetime, g.fetched_at
FROM credentials c LEFT JOIN generations g ON g.credential_id = c.id
WHERE c.id = $1
ORDER BY g.version DESC;

-- name: find_credential
SELECT t.n, c.id, c.platform, c.account, c.secret_digest, c.kind, c.version, c.suspect, c.trouble,
       c.renew_wall, c.renew_steady, c.renew_epoch,
       g.version, g.value, g.end_wall, g.end_steady, g.end_epoch, g.lifetime, g.fetched_at
FROM unnest($1::bytea[]) WITH ORDINALITY AS t (value_digest, n)
CROSS JOIN LATERAL (
    SELECT h.credential_id FROM generations h WHERE h.value_digest = t.value_digest ORDER BY h.id DESC LIMIT 1
) AS holder
JOIN credentials c ON c.id = holder.credential_id
LEFT JOIN generations g ON g.credential_id = c.id
ORDER BY t.n, g.version DESC;

-- name: mark_suspect
UPDATE credentials SET suspect = true
WHERE platform = $1 AND account = $2 AND secret_digest = $3 AND kind = $4
  AND version = $5 AND version > 0 AND NOT suspect
RETURNING id;

-- name: end_generation
-- An end of 0 by the wall clock marks what was found dead. The credential's row is locked, so that no newer version
-- comes meanwhile.
WITH c AS (
  SELECT id FROM credentials
  WHERE platform = $1 AND account = $2 AND secret_digest = $3 AND kind = $4 AND version = $5 FOR UPDATE
)
UPDATE generations g SET end_wall = 0, end_steady = $6, end_epoch = $7
FROM c WHERE g.credential_id = c.id AND g.version = $5 AND g.end_wall > 0
RETURNING g.credential_id;

-- name: forget_troubles
UPDATE credentials SET trouble = NULL
WHERE platform = $1 AND account = $2 AND trouble IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.platform = credentials.platform AND a.account = credentials.account
                  AND a.secret_digest = credentials.secret_digest)
RETURNING kind;

-- name: forget_trouble
UPDATE credentials SET trouble = NULL
WHERE platform = $1 AND account = $2 AND secret_digest = $3 AND kind = $4 AND trouble IS NOT NULL
RETURNING id;

-- name: due_credentials
-- Ends of our own epoch ($3) have passed by steady time ($2) and by nothing else; those of others by wall time ($1).
-- A lease of another epoch that lasts for more than an hour from now is none (see `acquire_lease`).
-- Stepping from epoch to epoch costs one search each, however many credentials there are.
WITH RECURSIVE epochs (epoch) AS (
    SELECT min(renew_epoch) FROM credentials WHERE renew_epoch IS NOT NULL
    UNION ALL
    SELECT (SELECT min(c.renew_epoch) FROM credentials c WHERE c.renew_epoch > e.epoch)
    FROM epochs e WHERE e.epoch IS NOT NULL
)
SELECT due.platform, due.account, due.secret_digest, due.kind
FROM epochs e CROSS JOIN LATERAL (
    (SELECT $2::float8 - c.renew_steady AS late, c.platform, c.account, c.secret_digest, c.kind
     FROM credentials c
     WHERE e.epoch = $3::text AND c.renew_epoch = e.epoch AND c.renew_steady <= $2::float8
       AND (c.lease_holder IS NULL
            OR CASE WHEN c.lease_epoch = $3::text THEN c.lease_steady <= $2::float8
                    ELSE c.lease_wall <= $1::float8 OR c.lease_wall > $1::float8 + 3600 END)
       AND EXISTS (SELECT FROM accounts a WHERE a.platform = c.platform AND a.account = c.account
                   AND a.secret_digest = c.secret_digest)
     ORDER BY c.renew_steady LIMIT $4)
    UNION ALL
    (SELECT $1::float8 - c.renew_wall, c.platform, c.account, c.secret_digest, c.kind
     FROM credentials c
     WHERE e.epoch <> $3::text AND c.renew_epoch = e.epoch AND c.renew_wall <= $1::float8
       AND (c.lease_holder IS NULL
            OR CASE WHEN c.lease_epoch = $3::text THEN c.lease_steady <= $2::float8
                    ELSE c.lease_wall <= $1::float8 OR c.lease_wall > $1::float8 + 3600 END)
       AND EXISTS (SELECT FROM accounts a WHERE a.platform = c.platform AND a.account = c.account
                   AND a.secret_digest = c.secret_digest)
     ORDER BY c.renew_wall LIMIT $4)
) AS due
ORDER BY due.late DESC LIMIT $4;

-- name: list_statuses
SELECT * FROM (
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
  SELECT a.platform, a.account, a.label, 'access_token', 0, false, NULL, NULL, NULL, NULL, NULL, NULL,
         NULL, NULL, NULL, NULL, NULL, NULL
  FROM accounts a
  WHERE NOT EXISTS (
    SELECT FROM credentials c WHERE c.platform = a.platform AND c.account = a.account
    AND c.secret_digest = a.secret_digest AND c.kind = 'access_token'
  )
) AS statuses
ORDER BY platform, account, label NULLS FIRST, kind;
