-- name: add_member
INSERT INTO issuer_members (app_row, user_row, open_id, permissions, scope, added, created_at)
VALUES (:app, :user, :open_id, :permissions, :scope, :added, :created_at)
ON CONFLICT (app_row, user_row) DO NOTHING;

-- name: import_member
INSERT INTO issuer_members (app_row, user_row, open_id, permissions, scope, added, created_at)
VALUES (:app, :user, :open_id, :permissions, :scope, :added, :created_at)
ON CONFLICT (app_row, user_row) DO UPDATE SET open_id = open_id WHERE open_id = excluded.open_id
RETURNING id;

-- name: add_union
INSERT INTO issuer_unions (realm, owner, user_row, union_id)
SELECT realm, owner, :user, :union_id FROM issuer_apps WHERE id = :app AND owner = :owner
ON CONFLICT DO NOTHING;

-- name: find_member
SELECT m.id, m.app_row, m.user_row, m.open_id, n.union_id, m.permissions, m.scope, m.added, m.created_at
FROM issuer_members m
JOIN issuer_apps a ON a.id = m.app_row
LEFT JOIN issuer_unions n ON n.realm = a.realm AND n.owner = a.owner AND n.user_row = m.user_row
WHERE m.app_row = ? AND m.user_row = ?;

-- name: find_open_id
SELECT m.id, m.app_row, m.user_row, m.open_id, n.union_id, m.permissions, m.scope, m.added, m.created_at,
    u.id, u.realm, u.login, u.nick, u.avatar, u.sex, u.seller_name, u.disabled, u.created_at
FROM issuer_members m
JOIN issuer_apps a ON a.id = m.app_row
JOIN issuer_users u ON u.id = m.user_row
LEFT JOIN issuer_unions n ON n.realm = a.realm AND n.owner = a.owner AND n.user_row = m.user_row
WHERE m.app_row = ? AND m.open_id = ?;

-- name: list_members
SELECT m.id, m.app_row, m.user_row, m.open_id, n.union_id, m.permissions, m.scope, m.added, m.created_at
FROM issuer_members m
JOIN issuer_apps a ON a.id = m.app_row
LEFT JOIN issuer_unions n ON n.realm = a.realm AND n.owner = a.owner AND n.user_row = m.user_row
WHERE m.app_row = ? AND m.added = 1 AND m.id > ? ORDER BY m.id LIMIT ?;

-- name: list_added
SELECT m.id, m.app_row, m.user_row, m.open_id, n.union_id, m.permissions, m.scope, m.added, m.created_at
FROM issuer_members m
JOIN issuer_apps a ON a.id = m.app_row
LEFT JOIN issuer_unions n ON n.realm = a.realm AND n.owner = a.owner AND n.user_row = m.user_row
WHERE m.user_row = ? AND m.added = 1 ORDER BY m.id;

-- name: count_members
SELECT added FROM issuer_member_counts WHERE app_row = ?;

-- name: save_consent
UPDATE issuer_members SET scope = ?, permissions = ?, added = ? WHERE id = ? RETURNING id;
