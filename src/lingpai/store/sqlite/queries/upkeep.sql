-- name: purge_exchanges
-- A claim that is still on its way is left alone, whatever its end says.
DELETE FROM exchanges WHERE id IN (
  SELECT id FROM exchanges
  WHERE ends_at <= :wall
    AND (answer IS NOT NULL
         OR CASE WHEN claim_epoch = :epoch THEN claim_steady <= :steady ELSE claim_wall <= :wall END)
  ORDER BY ends_at LIMIT :limit
) RETURNING id;

-- name: purge_budgets
DELETE FROM budgets WHERE id IN (
  SELECT id FROM budgets WHERE ends_at <= :wall ORDER BY ends_at LIMIT :limit
) RETURNING id;

-- name: purge_credentials
-- Whoever asks with a wrong secret leaves a row behind; a configured account's rows stay.
DELETE FROM credentials WHERE id IN (
  SELECT c.id FROM credentials c
  WHERE c.idle_at <= :idle_since
    AND (c.lease_holder IS NULL
         OR CASE WHEN c.lease_epoch = :epoch THEN c.lease_steady <= :steady ELSE c.lease_wall <= :wall END)
    AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.platform = c.platform AND a.account = c.account
                    AND a.secret_digest = c.secret_digest)
  ORDER BY c.idle_at LIMIT :limit
) RETURNING id;

-- name: purge_roles
-- A wall clock that was set back puts this off, which harms nobody.
DELETE FROM roles WHERE id IN (
  SELECT id FROM roles
  WHERE end_wall <= :wall
    AND CASE WHEN end_epoch = :epoch THEN end_steady <= :steady ELSE end_wall <= :wall END
  ORDER BY end_wall LIMIT :limit
) RETURNING id;

-- name: purge_proofs
-- A secret that has not been proven for half a year is proven again by its next use.
DELETE FROM proofs WHERE digest IN (
  SELECT digest FROM proofs WHERE proven_at <= :wall - 15552000 ORDER BY proven_at LIMIT :limit
) RETURNING 1;

-- name: sealed_counts
SELECT key, sum(n) FROM (
  SELECT substr(secret, 1, 4) AS key, count(*) AS n FROM accounts GROUP BY 1
  UNION ALL
  SELECT substr(value, 1, 4), count(*) FROM generations GROUP BY 1
  UNION ALL
  SELECT substr(answer, 1, 4), count(*) FROM exchanges WHERE answer IS NOT NULL GROUP BY 1
  UNION ALL
  SELECT substr(secret, 1, 4), count(*) FROM hooks GROUP BY 1
  UNION ALL
  SELECT substr(former_secret, 1, 4), count(*) FROM hooks WHERE former_secret IS NOT NULL GROUP BY 1
  UNION ALL
  SELECT substr(further, 1, 4), count(*) FROM accounts WHERE further IS NOT NULL GROUP BY 1
  UNION ALL
  SELECT substr(content, 1, 4), count(*) FROM pushes WHERE content IS NOT NULL GROUP BY 1
  UNION ALL
  SELECT substr(secrets, 1, 4), count(*) FROM relays GROUP BY 1
  UNION ALL
  SELECT substr(secrets, 1, 4), count(*) FROM environments GROUP BY 1
  UNION ALL
  SELECT substr(content, 1, 4), count(*) FROM relay_messages GROUP BY 1
) GROUP BY key;

-- name: stale_accounts
SELECT id, secret, platform, account, label FROM accounts WHERE substr(secret, 1, 4) < ? LIMIT ?;

-- name: reseal_account
UPDATE accounts SET secret = ? WHERE id = ?;

-- name: stale_generations
SELECT id, value, credential_id, version FROM generations WHERE substr(value, 1, 4) < ? LIMIT ?;

-- name: reseal_generation
UPDATE generations SET value = ? WHERE id = ?;

-- name: stale_exchanges
SELECT id, answer, digest FROM exchanges WHERE answer IS NOT NULL AND substr(answer, 1, 4) < ? LIMIT ?;

-- name: reseal_exchange
UPDATE exchanges SET answer = ? WHERE id = ?;

-- name: probe
INSERT INTO probes (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at;

-- name: purge_events
-- From the oldest on; listeners get a `gap` instead.
DELETE FROM events WHERE id IN (
  SELECT id FROM events WHERE at <= :wall - 604800 ORDER BY at LIMIT :limit
) RETURNING id;

-- name: stale_hooks
SELECT id, secret, name FROM hooks WHERE substr(secret, 1, 4) < ? LIMIT ?;

-- name: reseal_hook
UPDATE hooks SET secret = ? WHERE id = ?;

-- name: stale_former_hooks
SELECT id, former_secret, name FROM hooks WHERE former_secret IS NOT NULL AND substr(former_secret, 1, 4) < ?
LIMIT ?;

-- name: reseal_former_hook
UPDATE hooks SET former_secret = ? WHERE id = ?;

-- name: stale_further
SELECT id, further, platform, account, label FROM accounts WHERE further IS NOT NULL AND substr(further, 1, 4) < ?
LIMIT ?;

-- name: reseal_further
UPDATE accounts SET further = ? WHERE id = ?;

-- name: stale_pushes
SELECT id, content, digest FROM pushes WHERE content IS NOT NULL AND substr(content, 1, 4) < ? LIMIT ?;

-- name: reseal_push
UPDATE pushes SET content = ? WHERE id = ?;

-- name: purge_pushes
-- Platforms repeat a push for minutes, and its code is good for an hour.
DELETE FROM pushes WHERE id IN (
  SELECT id FROM pushes WHERE at <= :wall - 604800 ORDER BY at LIMIT :limit
) RETURNING id;

-- name: purge_relay_copies
-- With the messages that they are of.
DELETE FROM relay_copies WHERE id IN (
  SELECT c.id FROM relay_messages p JOIN relay_copies c ON c.message_id = p.id
  WHERE p.at <= :wall - 259200 ORDER BY p.at LIMIT :limit
) RETURNING id;

-- name: purge_relay_messages
-- Repeats come within a minute; copies wait for three days.
DELETE FROM relay_messages WHERE id IN (
  SELECT p.id FROM relay_messages p
  WHERE p.at <= :wall - 600 AND NOT EXISTS (SELECT 1 FROM relay_copies c WHERE c.message_id = p.id)
  ORDER BY p.at LIMIT :limit
) RETURNING id;

-- name: stale_relays
SELECT id, secrets, app FROM relays WHERE substr(secrets, 1, 4) < ? LIMIT ?;

-- name: reseal_relay
UPDATE relays SET secrets = ? WHERE id = ?;

-- name: stale_environments
SELECT id, secrets, name FROM environments WHERE substr(secrets, 1, 4) < ? LIMIT ?;

-- name: reseal_environment
UPDATE environments SET secrets = ? WHERE id = ?;

-- name: stale_relay_messages
SELECT id, content, app, digest FROM relay_messages WHERE substr(content, 1, 4) < ? LIMIT ?;

-- name: reseal_relay_message
UPDATE relay_messages SET content = ? WHERE id = ?;
