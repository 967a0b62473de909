-- name: next_event
-- The row stays locked until the transaction ends.
INSERT INTO event_head (id, last) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET last = event_head.last + 1
RETURNING last;

-- name: event_subject
-- Nobody hears of secrets that nobody configured.
SELECT c.platform, c.account, min(a.label), c.kind, c.version
FROM credentials c
JOIN accounts a ON a.platform = c.platform AND a.account = c.account AND a.secret_digest = c.secret_digest
WHERE c.id = $1
GROUP BY c.id;

-- name: event_subject_of_budget
SELECT platform, account, min(label) FROM accounts
WHERE platform = $1 AND account = $2 GROUP BY platform, account;

-- name: add_event
INSERT INTO events (id, at, type, platform, account, label, kind, version, data)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: read_events
SELECT id, at, type, platform, account, label, kind, version, data FROM events WHERE id > $1 ORDER BY id LIMIT $2;

-- name: event_range
SELECT coalesce((SELECT min(id) FROM events), 0), coalesce((SELECT last FROM event_head), 0);
