-- name: insert_grant
INSERT INTO issuer_grants (realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
    challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, end_reason,
    previous_row, look_at, salt, app_epoch, user_epoch, member_epoch, open_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, '', ?19, ?20, ?21,
    coalesce((SELECT epoch FROM issuer_apps WHERE id = ?3), 0),
    coalesce((SELECT epoch FROM issuer_ended_users WHERE user_row = ?4), 0),
    coalesce((SELECT epoch FROM issuer_ended_members WHERE member_row = ?6), 0),
    (SELECT open_id FROM issuer_members WHERE id = ?6));

-- name: read_grant
SELECT id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
    nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, end_reason, salt
FROM issuer_grants WHERE id = ? AND salt = ?;

-- name: view_grant
SELECT * FROM issuer_grant_views_v3 WHERE id = ?;

-- name: list_grants
-- Of each app the newest by the index, and of these the newest: never the whole table, however many realms share it.
SELECT * FROM issuer_grant_views_v3 WHERE id IN (
    SELECT g.id FROM issuer_apps a CROSS JOIN issuer_grants g
    WHERE a.realm = :realm AND g.id IN (
        SELECT id FROM issuer_grants WHERE app_row = a.id AND id < :before ORDER BY id DESC LIMIT :limit
    )
    ORDER BY g.id DESC LIMIT :limit
) ORDER BY id DESC;

-- name: list_grants_of_app
SELECT * FROM issuer_grant_views_v3 WHERE app_row = :app AND id < :before ORDER BY id DESC LIMIT :limit;

-- name: list_grants_of_user
SELECT * FROM issuer_grant_views_v3 WHERE user_row = :user AND id < :before ORDER BY id DESC LIMIT :limit;

-- name: list_grants_of_terminal
SELECT * FROM issuer_grant_views_v3 WHERE machine_row = :terminal AND id < :before ORDER BY id DESC LIMIT :limit;

-- name: list_user_grants
SELECT * FROM issuer_grant_views_v3 WHERE user_row = :user AND id < :before AND ends_at > :now
ORDER BY id DESC LIMIT :limit;

-- name: redeem
-- (generation, now, ends_at, previous row, row, salt, now)
UPDATE issuer_grants SET state = 1, generation = ?, rotated_at = ?, ends_at = ?, previous_row = ?
WHERE id = ? AND salt = ? AND state = 0 AND ends_at > ?;

-- name: rotate
-- (next generation, now, ends_at, row, salt, next generation, now). A token that is ahead of the row was made in commits
-- that are lost. Purging looks at the grant when it was to look before, and then again.
UPDATE issuer_grants SET generation = ?, rotated_at = ?, ends_at = ?
WHERE id = ? AND salt = ? AND generation < ? AND state = 1 AND ends_at > ?;

-- name: bind_grant
UPDATE issuer_grants SET nonce = ?, generation = ?
WHERE id = ? AND salt = ? AND nonce = ? AND generation = ? AND state IN (0, 1);

-- name: end_grant
UPDATE issuer_grants SET state = 3, ends_at = :now, look_at = min(look_at, :now), end_reason = :reason
WHERE id = :id AND salt = :salt AND state <> 3 AND ends_at > :now RETURNING id;

-- name: end_slot
UPDATE issuer_grants SET state = 3, ends_at = :now, look_at = min(look_at, :now), end_reason = :reason
WHERE id = (SELECT grant_row FROM issuer_places WHERE app_row = :app AND kind = :kind AND subject = :subject)
  AND state <> 3 AND ends_at > :now RETURNING id;

-- name: void_codes
UPDATE issuer_grants SET state = 3, ends_at = :now, look_at = min(look_at, :now), end_reason = :reason
WHERE app_row = :app AND machine_row = :terminal AND state = 0 AND ends_at > :now RETURNING id;

-- name: end_owned
UPDATE issuer_grants SET state = 3, ends_at = :now, look_at = min(look_at, :now), end_reason = 'terminal changed hands'
WHERE user_row = :owner AND machine_row = :terminal AND state <> 3 AND ends_at > :now;

-- name: supersede
-- (end, end, row)
UPDATE issuer_grants SET state = 2, ends_at = min(ends_at, ?), look_at = min(look_at, ?), end_reason = 'superseded'
WHERE id = ? AND state = 1;

-- name: follow
UPDATE issuer_grants SET previous_row = ? WHERE id = ?;

-- name: read_slot
SELECT grant_row FROM issuer_places WHERE app_row = ? AND kind = ? AND subject = ?;

-- name: take_slot
INSERT INTO issuer_places (app_row, kind, subject, grant_row) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET grant_row = excluded.grant_row;

-- name: take_over
UPDATE issuer_places SET grant_row = ? WHERE app_row = ? AND kind = ? AND subject = ? AND grant_row = ?;

-- name: drop_grant
DELETE FROM issuer_grants WHERE id = ?;

-- name: list_slot
-- Each grant knows which one it superseded; none that came earlier ends later.
WITH RECURSIVE chain (row, depth) AS (
    SELECT grant_row, 1 FROM issuer_places WHERE app_row = :app AND kind = :kind AND subject = :subject
    UNION ALL
    SELECT g.previous_row, depth + 1 FROM chain JOIN issuer_grants g ON g.id = chain.row
    WHERE depth < :most AND (g.ends_at > :now OR g.state = 3) AND g.previous_row IS NOT NULL
)
SELECT v.* FROM chain JOIN issuer_grant_views_v3 v ON v.id = chain.row
WHERE v.ends_at > :now AND v.usable
ORDER BY chain.depth;

-- Releases before know no epochs, and go by `ended_through` alone.

-- name: end_app
UPDATE issuer_apps SET epoch = epoch + 1, ended_through = (SELECT coalesce(max(id), 0) FROM issuer_grants)
WHERE id = :app AND :user IS NULL RETURNING id;

-- name: end_user
UPDATE issuer_users SET epoch = epoch + 1, ended_through = (SELECT coalesce(max(id), 0) FROM issuer_grants)
WHERE id = :user AND :app IS NULL RETURNING id;

-- name: end_member
UPDATE issuer_members SET epoch = epoch + 1, ended_through = (SELECT coalesce(max(id), 0) FROM issuer_grants)
WHERE app_row = :app AND user_row = :user RETURNING id;

-- name: spend_key
UPDATE issuer_machines SET qr_digest = x'', qr_ends_at = 0
WHERE id = ? AND qr_digest = ? AND qr_ends_at > ? RETURNING id;

-- name: read_quota
SELECT used FROM issuer_quotas WHERE ends_at = ? AND app_row = ? AND subject = ?;

-- name: take_quota
INSERT INTO issuer_quotas (ends_at, app_row, subject, used) VALUES (?, ?, ?, 1)
ON CONFLICT DO UPDATE SET used = used + 1;
