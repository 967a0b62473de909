-- name: add_relay
INSERT INTO relays (app, secrets, created_at, revision) VALUES (?1, ?2, ?3, 0)
ON CONFLICT (app) DO NOTHING RETURNING id;

-- name: find_relay
SELECT app, secrets, created_at, revision FROM relays WHERE app = ?1;

-- name: list_relays
SELECT app, secrets, created_at, revision FROM relays ORDER BY app;

-- name: replace_relay
UPDATE relays SET secrets = ?2, created_at = ?3, revision = revision + 1
WHERE app = ?1 AND revision = ?4 RETURNING id;

-- name: remove_relay
DELETE FROM relays WHERE app = ?1 RETURNING id;

-- name: add_environment
INSERT INTO environments (name, app, redirect_uris, url, is_primary, types, senders, secrets, failures, next_at, problem, created_at,
                          revision)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0)
ON CONFLICT (name) DO NOTHING RETURNING id;

-- name: find_environment
SELECT name, app, redirect_uris, url, is_primary, types, senders, secrets, failures, next_at, problem, created_at,
       revision
FROM environments WHERE name = ?1;

-- name: list_environments
SELECT name, app, redirect_uris, url, is_primary, types, senders, secrets, failures, next_at, problem, created_at,
       revision
FROM environments ORDER BY name;

-- name: replace_environment
UPDATE environments SET
    app = ?2,
    redirect_uris = ?3,
    url = ?4,
    is_primary = ?5,
    types = ?6,
    senders = ?7,
    secrets = ?8,
    failures = ?9,
    next_at = ?10,
    problem = ?11,
    created_at = ?12,
    revision = revision + 1
WHERE name = ?1 AND revision = ?13
RETURNING id;

-- name: remove_environment
DELETE FROM environments WHERE name = ?1 RETURNING id;

-- name: add_message
INSERT INTO relay_messages (app, digest, at, content) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (digest) DO NOTHING RETURNING id;

-- name: find_message
SELECT app, digest, content FROM relay_messages WHERE digest = ?1;

-- name: lock_message
SELECT id, app, digest, content FROM relay_messages WHERE digest = ?1;

-- name: answer_message
UPDATE relay_messages SET content = ?2 WHERE digest = ?1;

-- name: add_copy
INSERT INTO relay_copies (message_id, environment, attempts, next_at) VALUES (?1, ?2, 0, ?3);

-- name: end_copy_of
DELETE FROM relay_copies WHERE message_id = ?1 AND environment = ?2;

-- name: end_copies_of
DELETE FROM relay_copies WHERE environment = ?1;

-- name: waiting_copies
SELECT environment, count(*), min(next_at) FROM relay_copies GROUP BY environment;

-- name: due_copies
SELECT c.id, c.environment, c.attempts, p.app, p.digest, p.content
FROM relay_copies c JOIN relay_messages p ON p.id = c.message_id
WHERE c.environment = ?1 AND c.next_at <= ?2
ORDER BY c.next_at, c.id LIMIT ?3;

-- name: end_copy
DELETE FROM relay_copies WHERE id = ?1 RETURNING id;

-- name: delay_copy
UPDATE relay_copies SET attempts = ?2, next_at = ?3 WHERE id = ?1 RETURNING id;
