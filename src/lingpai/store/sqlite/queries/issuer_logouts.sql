-- name: lock_session
SELECT id FROM issuer_sessions WHERE id = ? AND salt = ?;

-- name: add_session_grant
INSERT INTO issuer_session_grants (session_row, grant_row, app_row, online, told, ends_at) VALUES (?, ?, ?, ?, ?, ?);

-- name: move_session_grants
UPDATE issuer_session_grants SET session_row = ?1, ends_at = ?2 WHERE session_row = ?3;

-- name: end_session
DELETE FROM issuer_sessions WHERE id = ? AND salt = ? RETURNING id, user_row, sid;

-- name: end_sessions
DELETE FROM issuer_sessions WHERE user_row = ? RETURNING id, user_row, sid;

-- name: end_session_grants
-- What lives on without its user does too while its code is out: nobody logs in by that any more.
UPDATE issuer_grants AS g SET state = 3, ends_at = ?2, look_at = min(look_at, ?2), end_reason = 'logged out'
FROM issuer_session_grants AS s
WHERE s.session_row = ?1 AND g.id = s.grant_row AND (s.online OR g.state = 0) AND g.state <> 3 AND g.ends_at > ?2;

-- name: add_logouts
INSERT INTO issuer_logouts (realm, app_row, salt, open_id, sid, tries_left, created_at, next_at, ends_at)
SELECT a.realm, a.id, 65536 + abs(random() % 4294901760), m.open_id, ?3, ?4, ?5, ?6, ?7
FROM (SELECT DISTINCT app_row FROM issuer_session_grants WHERE session_row = ?1 AND told) AS s
JOIN issuer_apps AS a ON a.id = s.app_row
JOIN issuer_members AS m ON m.app_row = a.id AND m.user_row = ?2
WHERE json_extract(a.client, '$.backchannel_logout_uri') <> ''
RETURNING id, realm, app_row, salt, open_id, sid, tries_left, created_at;

-- name: remove_session_grants
DELETE FROM issuer_session_grants WHERE session_row = ?;

-- name: find_due_logout
SELECT id FROM issuer_logouts WHERE realm = ? AND next_at <= ? LIMIT 1;

-- name: take_logouts
UPDATE issuer_logouts SET next_at = ?3 WHERE id IN (
    SELECT id FROM issuer_logouts WHERE realm = ?1 AND next_at <= ?2 ORDER BY next_at LIMIT ?4
) RETURNING id, realm, app_row, salt, open_id, sid, tries_left, created_at;

-- name: postpone_logout
UPDATE issuer_logouts SET tries_left = ?3, next_at = ?4 WHERE id = ?1 AND salt = ?2;

-- name: remove_logout
DELETE FROM issuer_logouts WHERE id = ? AND salt = ?;
