-- Batched statements take an array per argument and return the ordinal of the call first (see `engine`).

-- name: add_member
INSERT INTO issuer_members (app_row, user_row, open_id, permissions, scope, added, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (app_row, user_row) DO NOTHING;

-- name: import_members
-- In the order of their keys, so that two imports at once wait for each other and not in a circle.
INSERT INTO issuer_members AS m (app_row, user_row, open_id, permissions, scope, added, created_at)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::bigint[])
ORDER BY 1, 2
ON CONFLICT (app_row, user_row) DO UPDATE SET open_id = m.open_id WHERE m.open_id = excluded.open_id
RETURNING app_row, user_row;

-- name: add_union
INSERT INTO issuer_unions (realm, owner, user_row, union_id)
SELECT realm, owner, $2::bigint, $4::text FROM issuer_apps WHERE id = $1 AND owner = $3
ON CONFLICT DO NOTHING;

-- name: read_member
SELECT m.id, m.app_row, m.user_row, m.open_id, n.union_id, m.permissions, m.scope, m.added, m.created_at
FROM issuer_members m
JOIN issuer_apps a ON a.id = m.app_row
LEFT JOIN issuer_unions n ON n.realm = a.realm AND n.owner = a.owner AND n.user_row = m.user_row
WHERE m.app_row = $1 AND m.user_row = $2;

-- name: find_member
SELECT t.n, m.id, m.app_row, m.user_row, m.open_id, o.union_id, m.permissions, m.scope, m.added, m.created_at
FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS t (app_row, user_row, n)
JOIN issuer_members m ON m.app_row = t.app_row AND m.user_row = t.user_row
JOIN issuer_apps a ON a.id = m.app_row
LEFT JOIN issuer_unions o ON o.realm = a.realm AND o.owner = a.owner AND o.user_row = m.user_row;

-- name: find_open_id
SELECT t.n, m.id, m.app_row, m.user_row, m.open_id, o.union_id, m.permissions, m.scope, m.added, m.created_at,
    u.id, u.realm, u.login, u.nick, u.avatar, u.sex, u.seller_name, u.disabled, u.created_at
FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS t (app_row, open_id, n)
JOIN issuer_members m ON m.app_row = t.app_row AND m.open_id = t.open_id
JOIN issuer_apps a ON a.id = m.app_row
JOIN issuer_users u ON u.id = m.user_row
LEFT JOIN issuer_unions o ON o.realm = a.realm AND o.owner = a.owner AND o.user_row = m.user_row;

-- name: list_members
SELECT m.id, m.app_row, m.user_row, m.open_id, n.union_id, m.permissions, m.scope, m.added, m.created_at
FROM (
    SELECT * FROM issuer_members WHERE app_row <= $1 AND (app_row, id) > ($1, $2) AND added
    ORDER BY app_row, id LIMIT $3
) AS m
JOIN issuer_apps a ON a.id = m.app_row
LEFT JOIN issuer_unions n ON n.realm = a.realm AND n.owner = a.owner AND n.user_row = m.user_row
ORDER BY m.id;

-- name: list_added
SELECT m.id, m.app_row, m.user_row, m.open_id, n.union_id, m.permissions, m.scope, m.added, m.created_at
FROM issuer_members m
JOIN issuer_apps a ON a.id = m.app_row
LEFT JOIN issuer_unions n ON n.realm = a.realm AND n.owner = a.owner AND n.user_row = m.user_row
WHERE m.user_row = $1 AND m.added ORDER BY m.id;

-- name: count_members
SELECT coalesce(sum(added), 0)::bigint FROM issuer_member_counts WHERE app_row = $1;

-- name: save_consent
UPDATE issuer_members SET scope = $2, permissions = $3, added = $4 WHERE id = $1 RETURNING id;
