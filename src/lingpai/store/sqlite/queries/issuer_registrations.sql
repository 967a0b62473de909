-- name: add_initial_token
INSERT INTO issuer_initial_tokens (realm, name, scopes, uses, salt, created_at, ends_at)
VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id;

-- name: read_initial_token
SELECT id, realm, name, scopes, uses, salt, created_at, ends_at FROM issuer_initial_tokens WHERE id = ?;

-- name: list_initial_tokens
SELECT id, realm, name, scopes, uses, salt, created_at, ends_at FROM issuer_initial_tokens
WHERE realm = ? ORDER BY id;

-- name: remove_initial_token
DELETE FROM issuer_initial_tokens WHERE realm = ? AND id = ? RETURNING id;

-- name: app_of_name
SELECT id FROM issuer_apps WHERE realm = ? AND app_id = ?;

-- name: use_initial_token
UPDATE issuer_initial_tokens SET uses = uses - 1, ends_at = CASE WHEN uses = 1 THEN :now ELSE ends_at END
WHERE id = :id AND salt = :salt AND ends_at > :now AND (uses IS NULL OR uses > 0) RETURNING id;

-- name: let_end_unused
UPDATE issuer_apps SET unused_until = ? WHERE id = ?;

-- name: registration_of
SELECT registration FROM issuer_apps WHERE id = ?;

-- name: due_apps
SELECT a.id, a.registration <> '' AND NOT EXISTS (SELECT 1 FROM issuer_members m WHERE m.app_row = a.id)
FROM issuer_apps a WHERE a.unused_until < ? ORDER BY a.unused_until LIMIT ?;

-- name: find_any_member
SELECT id FROM issuer_members WHERE app_row = ? LIMIT 1;
