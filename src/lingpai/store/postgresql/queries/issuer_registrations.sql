-- Batched statements take an array per argument and return the ordinal of the call first (see `engine`).

-- name: add_initial_token
INSERT INTO issuer_initial_tokens (realm, name, scopes, uses, salt, created_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id;

-- name: read_initial_token
SELECT t.n, i.id, i.realm, i.name, i.scopes, i.uses, i.salt, i.created_at, i.ends_at
FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, n)
JOIN issuer_initial_tokens i ON i.id = t.id;

-- name: list_initial_tokens
SELECT id, realm, name, scopes, uses, salt, created_at, ends_at FROM issuer_initial_tokens
WHERE realm = $1 ORDER BY id;

-- name: remove_initial_token
DELETE FROM issuer_initial_tokens WHERE realm = $1 AND id = $2 RETURNING id;

-- name: use_initial_token
UPDATE issuer_initial_tokens SET uses = uses - 1, ends_at = CASE WHEN uses = 1 THEN $3 ELSE ends_at END
WHERE id = $1 AND salt = $2 AND ends_at > $3 AND (uses IS NULL OR uses > 0) RETURNING id;

-- name: let_end_unused
UPDATE issuer_apps SET unused_until = $2 WHERE id = $1;

-- name: registration_of
SELECT registration FROM issuer_apps WHERE id = $1 FOR UPDATE;

-- name: due_apps
-- Of nodes that look at the same time, each takes rows that no other one does.
SELECT a.id, a.registration <> '' AND NOT EXISTS (SELECT 1 FROM issuer_members m WHERE m.app_row = a.id)
FROM issuer_apps a WHERE a.unused_until < $1 ORDER BY a.unused_until LIMIT $2 FOR UPDATE SKIP LOCKED;

-- name: find_any_member
SELECT t.n, t.n FROM unnest($1::bigint[]) WITH ORDINALITY AS t (app_row, n)
WHERE EXISTS (SELECT 1 FROM issuer_members m WHERE m.app_row = t.app_row);
