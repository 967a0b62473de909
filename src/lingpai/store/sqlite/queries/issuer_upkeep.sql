-- name: set_anchor
INSERT INTO issuer_anchors (epoch, anchor) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: read_anchor
SELECT anchor FROM issuer_anchors WHERE epoch = ?;

-- name: remember_request
INSERT INTO issuer_signed_requests (app_row, at, digest, ends_at) VALUES (?, ?, ?, ?)
ON CONFLICT DO NOTHING;

-- name: find_request
SELECT at FROM issuer_signed_requests WHERE app_row = ? AND at = ? AND digest = ?;

-- name: read_attempts
SELECT used, ends_at FROM issuer_attempts WHERE digest = ? AND ends_at > ?;

-- name: take_attempt
INSERT INTO issuer_attempts (digest, used, ends_at) VALUES (:digest, 1, :ends_at)
ON CONFLICT DO UPDATE SET
    used = CASE WHEN ends_at > :now THEN used + 1 ELSE 1 END,
    ends_at = CASE WHEN ends_at > :now THEN ends_at ELSE excluded.ends_at END;

-- name: return_attempt
UPDATE issuer_attempts SET used = used - 1 WHERE digest = ? AND used > 0;

-- name: forget_attempts
DELETE FROM issuer_attempts WHERE digest = ?;

-- name: keep_mark
INSERT INTO issuer_marks (owner_kind, owner_row, digest, ends_at) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET ends_at = excluded.ends_at;

-- name: trim_marks
DELETE FROM issuer_marks WHERE (owner_kind, owner_row, digest) IN (
    SELECT owner_kind, owner_row, digest FROM issuer_marks WHERE owner_kind = ? AND owner_row = ?
    ORDER BY ends_at DESC LIMIT -1 OFFSET ?
);

-- name: find_mark
SELECT digest FROM issuer_marks WHERE owner_kind = ? AND owner_row = ? AND digest = ? AND ends_at > ?;

-- name: add_session
INSERT INTO issuer_sessions (realm, user_row, salt, created_at, ends_at, sid)
VALUES (:realm, :user, :salt, :created_at, :ends_at, :sid) RETURNING id;

-- name: read_session
SELECT s.id, s.realm, s.user_row, s.salt, s.created_at, s.ends_at, s.sid,
    u.id, u.realm, u.login, u.nick, u.avatar, u.sex, u.seller_name, u.disabled, u.created_at
FROM issuer_sessions s LEFT JOIN issuer_users u ON u.id = s.user_row WHERE s.id = ?;

-- name: read_answer
SELECT grant_row FROM issuer_answers WHERE digest = ?;

-- name: lock_answer
SELECT grant_row FROM issuer_answers WHERE digest = ?;

-- name: begin_answer
INSERT INTO issuer_answers (digest, grant_row, ends_at) VALUES (?1, NULL, ?2) ON CONFLICT DO NOTHING RETURNING digest;

-- name: end_answer
UPDATE issuer_answers SET grant_row = ?2 WHERE digest = ?1;

-- name: purge_grants
DELETE FROM issuer_grants WHERE ends_at < :now AND id IN (
    SELECT id FROM issuer_grants WHERE look_at < :now ORDER BY look_at LIMIT :limit
);

-- name: purge_looks
-- What lives on is looked at again at its end.
UPDATE issuer_grants SET look_at = ends_at WHERE ends_at >= :now AND id IN (
    SELECT id FROM issuer_grants WHERE look_at < :now ORDER BY look_at LIMIT :limit
);

-- name: purge_authorizations
-- Of the release before.
DELETE FROM issuer_authorizations WHERE id IN (
    SELECT id FROM issuer_authorizations WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_answers
DELETE FROM issuer_answers WHERE digest IN (
    SELECT digest FROM issuer_answers WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_logins
DELETE FROM issuer_logins WHERE digest IN (
    SELECT digest FROM issuer_logins WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_sessions
DELETE FROM issuer_sessions WHERE id IN (
    SELECT id FROM issuer_sessions WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_session_grants
DELETE FROM issuer_session_grants WHERE (session_row, grant_row) IN (
    SELECT session_row, grant_row FROM issuer_session_grants WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_logouts
DELETE FROM issuer_logouts WHERE id IN (
    SELECT id FROM issuer_logouts WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_devices
DELETE FROM issuer_devices WHERE id IN (
    SELECT id FROM issuer_devices WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_pushed_requests
DELETE FROM issuer_pushed_requests WHERE id IN (
    SELECT id FROM issuer_pushed_requests WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_initial_tokens
DELETE FROM issuer_initial_tokens WHERE id IN (
    SELECT id FROM issuer_initial_tokens WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_quotas
DELETE FROM issuer_quotas WHERE (ends_at, app_row, subject) IN (
    SELECT ends_at, app_row, subject FROM issuer_quotas WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_signed_requests
DELETE FROM issuer_signed_requests WHERE (at, app_row, digest) IN (
    SELECT at, app_row, digest FROM issuer_signed_requests WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_attempts
DELETE FROM issuer_attempts WHERE digest IN (
    SELECT digest FROM issuer_attempts WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: purge_attempts_beyond
-- Strangers can make rows here: beyond 100,000, those that end first go.
DELETE FROM issuer_attempts WHERE digest IN (
    SELECT digest FROM issuer_attempts WHERE ends_at <= (
        SELECT ends_at FROM issuer_attempts WHERE ends_at > :now ORDER BY ends_at DESC LIMIT 1 OFFSET 100000
    )
    ORDER BY ends_at LIMIT :limit
);

-- name: purge_marks
DELETE FROM issuer_marks WHERE (owner_kind, owner_row, digest) IN (
    SELECT owner_kind, owner_row, digest FROM issuer_marks WHERE ends_at < :now ORDER BY ends_at LIMIT :limit
);

-- name: sealed_secrets
SELECT substr(sealed, 1, 4), count(*) FROM issuer_secrets WHERE sealed IS NOT NULL GROUP BY 1;

-- name: stale_secrets
SELECT s.id, s.sealed, a.realm, a.app_id FROM issuer_secrets s JOIN issuer_apps a ON a.id = s.app_row
WHERE s.sealed IS NOT NULL AND substr(s.sealed, 1, 4) < ? LIMIT ?;

-- name: reseal_secret
UPDATE issuer_secrets SET sealed = ? WHERE id = ?;
