-- name: begin_audit
INSERT INTO audit_head (id, last, digest) VALUES (1, 0, ''::bytea) ON CONFLICT DO NOTHING;

-- name: lock_audit_head
SELECT last, digest FROM audit_head FOR UPDATE;

-- name: add_audit_row
INSERT INTO audit_rows (id, at, actor_kind, actor, address, trace_id, action, target, changes, reason, outcome, previous, digest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: move_audit_head
UPDATE audit_head SET last = $1, digest = $2;

-- name: list_audit
SELECT id, at, actor_kind, actor, address, trace_id, action, target, changes, reason, outcome, previous, digest
FROM audit_rows
WHERE id < $1 AND ($2::text = '' OR actor = $2) AND ($3::text = '' OR action = $3)
  AND ($4::text = '' OR target = $4 OR (target >= $5 AND target < $6)) AND at >= $7
ORDER BY id DESC LIMIT $8;

-- name: read_audit
SELECT id, at, actor_kind, actor, address, trace_id, action, target, changes, reason, outcome, previous, digest
FROM audit_rows WHERE id > $1 ORDER BY id LIMIT $2;

-- name: purge_audit
-- Whole from the oldest on, so that what is left has no gap.
DELETE FROM audit_rows WHERE id IN (
  SELECT id FROM (SELECT id, at FROM audit_rows ORDER BY id LIMIT $2) AS oldest WHERE at < $1
) RETURNING id;

-- name: add_admin_key
INSERT INTO admin_keys (key_id, name, digest, role, rights, networks, created_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id;

-- name: find_admin_key
SELECT digest, id, key_id, name, role, rights, networks, created_at, ends_at, used_at, removed_at
FROM admin_keys WHERE key_id = $1;

-- name: list_admin_keys
SELECT id, key_id, name, role, rights, networks, created_at, ends_at, used_at, removed_at FROM admin_keys ORDER BY name;

-- name: remove_admin_key
UPDATE admin_keys SET removed_at = $1 WHERE name = $2 AND removed_at IS NULL RETURNING id;

-- name: touch_admin_key
UPDATE admin_keys SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2);

-- name: drop_ended_answer
DELETE FROM admin_answers WHERE digest = $1 AND ends_at <= $2;

-- name: claim_answer
INSERT INTO admin_answers (digest, body, nonce, nonce_ends_at, ends_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING 1;

-- name: read_answer
SELECT body, status, answer, nonce, nonce_ends_at FROM admin_answers WHERE digest = $1;

-- name: keep_answer
UPDATE admin_answers SET status = $1, answer = $2, ends_at = $3 WHERE digest = $4;

-- name: drop_answer
DELETE FROM admin_answers WHERE digest = $1 AND status IS NULL;

-- name: purge_answers
DELETE FROM admin_answers WHERE digest IN (
  SELECT digest FROM admin_answers WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2
) RETURNING 1;

-- name: erase_nonces
UPDATE admin_answers SET nonce = ''::bytea WHERE nonce_ends_at <= $1 AND nonce <> ''::bytea;

-- name: audit_head
SELECT last, digest FROM audit_head;

-- name: add_console_session
INSERT INTO console_sessions (digest, link, name, role, key_id, created_at, used_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING 1;

-- name: find_console_session
SELECT link, name, role, key_id, created_at, used_at, ends_at FROM console_sessions WHERE digest = $1;

-- name: list_console_sessions
SELECT digest, link, name, role, key_id, created_at, used_at, ends_at FROM console_sessions ORDER BY ends_at DESC LIMIT $1;

-- name: take_console_link
DELETE FROM console_sessions WHERE digest = $1 AND link = TRUE
RETURNING link, name, role, key_id, created_at, used_at, ends_at;

-- name: touch_console_session
UPDATE console_sessions SET used_at = $1 WHERE digest = $2 AND used_at < $3 RETURNING 1;

-- name: end_console_session
DELETE FROM console_sessions WHERE digest = $1 RETURNING 1;

-- name: purge_console_sessions
DELETE FROM console_sessions WHERE digest IN (
  SELECT digest FROM console_sessions WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2
) RETURNING 1;
