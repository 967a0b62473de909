-- Batched statements take an array per argument and return the ordinal of the call first (see `engine`).

-- name: set_anchor
INSERT INTO issuer_anchors (epoch, anchor) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: read_anchor
SELECT anchor FROM issuer_anchors WHERE epoch = $1;

-- name: add_session
WITH t AS MATERIALIZED (
    SELECT nextval('issuer_sessions_id_seq') AS id, u.* FROM unnest(
        $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]
    ) WITH ORDINALITY AS u (realm, user_row, salt, created_at, ends_at, sid, n)
), added AS (
    INSERT INTO issuer_sessions (id, realm, user_row, salt, created_at, ends_at, sid)
    SELECT id, realm, user_row, salt, created_at, ends_at, sid FROM t
)
SELECT n, id FROM t;

-- name: read_session
SELECT t.n, s.id, s.realm, s.user_row, s.salt, s.created_at, s.ends_at, s.sid,
    u.id, u.realm, u.login, u.nick, u.avatar, u.sex, u.seller_name, u.disabled, u.created_at
FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, n)
JOIN issuer_sessions s ON s.id = t.id
LEFT JOIN issuer_users u ON u.id = s.user_row;

-- name: begin_answer
-- Who answers the same request at the same time waits here for the first one's commit.
INSERT INTO issuer_answers (digest, grant_row, ends_at) VALUES ($1, NULL, $2) ON CONFLICT DO NOTHING RETURNING digest;

-- name: end_answer
UPDATE issuer_answers SET grant_row = $2 WHERE digest = $1;

-- name: read_answer
SELECT grant_row FROM issuer_answers WHERE digest = $1;

-- name: lock_answer
SELECT grant_row FROM issuer_answers WHERE digest = $1 FOR UPDATE;

-- Of nodes that purge at the same time, each takes rows that no other one does. Each batch begins where the one before
-- ended ($3): while somebody holds a snapshot, entries of what was purged stay in the index, and all of them were walked.

-- name: purge_grants
-- What lives on is looked at again at its end.
WITH o AS MATERIALIZED (
    SELECT id, look_at FROM issuer_grants WHERE look_at >= $3 AND look_at < $1 ORDER BY look_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM issuer_grants AS r USING o WHERE r.id = o.id AND r.ends_at < $1
), later AS (
    UPDATE issuer_grants AS r SET look_at = r.ends_at FROM o WHERE r.id = o.id AND r.ends_at >= $1
)
SELECT count(*), max(look_at) FROM o;

-- name: purge_authorizations
-- Of the release before.
WITH o AS MATERIALIZED (
    SELECT id, ends_at FROM issuer_authorizations WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_authorizations AS r USING o WHERE r.id = o.id)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_answers
WITH o AS MATERIALIZED (
    SELECT digest, ends_at FROM issuer_answers WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_answers AS r USING o WHERE r.digest = o.digest)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_logins
WITH o AS MATERIALIZED (
    SELECT digest, ends_at FROM issuer_logins WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_logins AS r USING o WHERE r.digest = o.digest)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_sessions
WITH o AS MATERIALIZED (
    SELECT id, ends_at FROM issuer_sessions WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_sessions AS r USING o WHERE r.id = o.id)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_session_grants
WITH o AS MATERIALIZED (
    SELECT session_row, grant_row, ends_at FROM issuer_session_grants WHERE ends_at >= $3 AND ends_at < $1
    ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM issuer_session_grants AS r USING o WHERE r.session_row = o.session_row AND r.grant_row = o.grant_row
)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_logouts
WITH o AS MATERIALIZED (
    SELECT id, ends_at FROM issuer_logouts WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_logouts AS r USING o WHERE r.id = o.id)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_devices
WITH o AS MATERIALIZED (
    SELECT id, ends_at FROM issuer_devices WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_devices AS r USING o WHERE r.id = o.id)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_pushed_requests
WITH o AS MATERIALIZED (
    SELECT id, ends_at FROM issuer_pushed_requests WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_pushed_requests AS r USING o WHERE r.id = o.id)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_initial_tokens
WITH o AS MATERIALIZED (
    SELECT id, ends_at FROM issuer_initial_tokens WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_initial_tokens AS r USING o WHERE r.id = o.id)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_quotas
WITH o AS MATERIALIZED (
    SELECT ends_at, app_row, subject FROM issuer_quotas WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_quotas AS r USING o WHERE r.ends_at = o.ends_at AND r.app_row = o.app_row AND r.subject = o.subject)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_signed_requests
WITH o AS MATERIALIZED (
    SELECT at, app_row, digest, ends_at FROM issuer_signed_requests WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_signed_requests AS r USING o WHERE r.at = o.at AND r.app_row = o.app_row AND r.digest = o.digest)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_attempts
WITH o AS MATERIALIZED (
    SELECT digest, ends_at FROM issuer_attempts WHERE ends_at >= $3 AND ends_at < $1 ORDER BY ends_at LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_attempts AS r USING o WHERE r.digest = o.digest)
SELECT count(*), max(ends_at) FROM o;

-- name: purge_attempts_beyond
-- Strangers can make rows here: beyond 100,000, those that end first go.
WITH o AS MATERIALIZED (
    SELECT digest FROM issuer_attempts WHERE $3::bigint IS NOT NULL AND ends_at <= (
        SELECT ends_at FROM issuer_attempts WHERE ends_at > $1 ORDER BY ends_at DESC LIMIT 1 OFFSET 100000
    )
    ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM issuer_attempts AS r USING o WHERE r.digest = o.digest)
SELECT count(*), NULL::bigint FROM o;

-- name: purge_marks
WITH o AS MATERIALIZED (
    SELECT owner_kind, owner_row, digest, ends_at FROM issuer_marks WHERE ends_at >= $3 AND ends_at < $1
    ORDER BY ends_at LIMIT $2 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM issuer_marks AS r USING o
    WHERE r.owner_kind = o.owner_kind AND r.owner_row = o.owner_row AND r.digest = o.digest
)
SELECT count(*), max(ends_at) FROM o;

-- name: sealed_secrets
SELECT substr(sealed, 1, 4), count(*) FROM issuer_secrets WHERE sealed IS NOT NULL GROUP BY 1;

-- name: stale_secrets
SELECT s.id, s.sealed, a.realm, a.app_id FROM issuer_secrets s JOIN issuer_apps a ON a.id = s.app_row
WHERE s.sealed IS NOT NULL AND substr(s.sealed, 1, 4) < $1 LIMIT $2 FOR UPDATE OF s SKIP LOCKED;

-- name: reseal_secret
UPDATE issuer_secrets SET sealed = $2 WHERE id = $1;
