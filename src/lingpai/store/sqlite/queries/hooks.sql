-- name: add_hook
INSERT INTO hooks (name, url, apps, types, secret, former_secret,
       former_ends_at, position, failures, next_at, problem, state, created_at,
                   revision)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0)
ON CONFLICT (name) DO NOTHING RETURNING id;

-- name: find_hook
SELECT name, url, apps, types, secret, former_secret,
       former_ends_at, position, failures, next_at, problem, state, created_at,
       revision
FROM hooks WHERE name = ?1;

-- name: list_hooks
SELECT name, url, apps, types, secret, former_secret,
       former_ends_at, position, failures, next_at, problem, state, created_at,
       revision
FROM hooks ORDER BY name;

-- name: replace_hook
UPDATE hooks SET
    url = ?2, apps = ?3, types = ?4, secret = ?5, former_secret = ?6, former_ends_at = ?7, position = ?8, failures = ?9, next_at = ?10, problem = ?11, state = ?12, created_at = ?13,
    revision = revision + 1
WHERE name = ?1 AND revision = ?14
RETURNING id;

-- name: remove_hook
DELETE FROM hooks WHERE name = ?1 RETURNING id;
