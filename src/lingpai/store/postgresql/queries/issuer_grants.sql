-- Batched statements take an array per argument and return the ordinal of the call first (see `engine`).

-- name: add_grant
WITH t AS MATERIALIZED (
    SELECT nextval('issuer_grants_id_seq') AS id, u.* FROM unnest(
        $1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::smallint[], $14::bigint[], $15::bigint[],
        $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[]
    ) WITH ORDINALITY AS u (
        realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
        nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, salt, n
    )
), added AS (
    INSERT INTO issuer_grants (
        id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
        nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, salt, look_at
    )
    SELECT id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
        challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, salt, ends_at
    FROM t
)
SELECT n, id FROM t;

-- name: take_slot_by_function
SELECT * FROM issuer_place_v2(
    $1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::smallint[], $14::bigint[], $15::bigint[], $16::bigint[],
    $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::bigint[],
    $24::bigint[], $25::bigint[], $26::bytea[], $27::bigint[], $28::bigint[], $29::bytea[], $30::bigint[]
);

-- The three verbs below without quota, shown key and signed request, which take one guarded statement and half the time.
-- Who gets no row asks the function why. Rows are locked by their keys, places before grants, as the functions do.

-- name: redeem_alone
WITH t AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
        WITH ORDINALITY AS u (id, salt, now, ends_at, n)
    ORDER BY id
)
UPDATE issuer_grants AS g
SET state = 1, generation = 1, rotated_at = t.now, ends_at = t.ends_at, previous_row = NULL
FROM t WHERE g.id = t.id AND g.salt = t.salt AND g.state = 0 AND g.ends_at > t.now
RETURNING t.n;

-- name: rotate_alone
-- A token that is ahead of the row was made in commits that are lost.
WITH t AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
        WITH ORDINALITY AS u (id, salt, generation, now, ends_at, n)
    ORDER BY id
)
UPDATE issuer_grants AS g
SET generation = t.generation + 1, rotated_at = t.now, ends_at = t.ends_at
FROM t WHERE g.id = t.id AND g.salt = t.salt AND g.generation <= t.generation AND g.state = 1 AND g.ends_at > t.now
RETURNING t.n;

-- name: take_slot
-- Of those who saw the same grant there, one gets it.
WITH t AS MATERIALIZED (
    SELECT u.*, coalesce(u.machine_row, -u.user_row, 0) AS subject
    FROM unnest(
        $1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::smallint[], $14::bigint[], $15::bigint[],
        $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[]
    ) WITH ORDINALITY AS u (
        realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
        nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, salt, seen, keep, n
    )
    ORDER BY app_row, kind, subject
), taken AS (
    UPDATE issuer_places AS p SET grant_row = nextval('issuer_grants_id_seq')
    FROM t WHERE p.app_row = t.app_row AND p.kind = t.kind AND p.subject = t.subject AND p.grant_row = t.seen
    RETURNING t.*, p.grant_row AS id
), superseded AS (
    UPDATE issuer_grants AS g
    SET state = 2, ends_at = least(g.ends_at, w.created_at + w.keep), end_reason = 'superseded'
    FROM (SELECT seen, created_at, keep FROM taken ORDER BY seen) AS w WHERE g.id = w.seen AND g.state = 1
), added AS (
    INSERT INTO issuer_grants (
        id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
        nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, salt, look_at,
        previous_row
    )
    SELECT id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
        challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, salt, ends_at,
        nullif(seen, 0)
    FROM taken
)
SELECT n, id, salt FROM taken;

-- name: take_slot_alone_by_function
SELECT * FROM issuer_place_alone_v2(
    $1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::smallint[], $14::bigint[], $15::bigint[], $16::bigint[],
    $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[]
);

-- name: redeem
SELECT * FROM issuer_redeem_v2(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bytea[], $13::bigint[]
);

-- name: rotate
SELECT * FROM issuer_rotate_v2(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::boolean[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bytea[], $15::bigint[]
);

-- name: view_grant
SELECT t.n, v.* FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, n)
JOIN issuer_grant_views_v3 v ON v.id = t.id;

-- name: list_grants
-- Of each app the newest by the index, and of these the newest: never the whole table, however many realms share it. Here and
-- below, rows are compared whole: for `app_row = $1 ORDER BY id` a plan may walk the primary key through all that is others'.
SELECT v.* FROM (
    SELECT g.id FROM issuer_apps a CROSS JOIN LATERAL (
        SELECT id FROM issuer_grants WHERE app_row >= a.id AND (app_row, id) < (a.id, $2)
        ORDER BY app_row DESC, id DESC LIMIT $3
    ) AS g
    WHERE a.realm = $1 ORDER BY g.id DESC LIMIT $3
) AS newest JOIN issuer_grant_views_v3 v ON v.id = newest.id
ORDER BY v.id DESC;

-- name: list_grants_of_app
SELECT * FROM issuer_grant_views_v3 WHERE app_row >= $1 AND (app_row, id) < ($1, $2)
ORDER BY app_row DESC, id DESC LIMIT $3;

-- name: list_grants_of_user
SELECT * FROM issuer_grant_views_v3 WHERE user_row >= $1 AND (user_row, id) < ($1, $2)
ORDER BY user_row DESC, id DESC LIMIT $3;

-- name: list_grants_of_terminal
SELECT * FROM issuer_grant_views_v3 WHERE machine_row >= $1 AND (machine_row, id) < ($1, $2)
ORDER BY machine_row DESC, id DESC LIMIT $3;

-- name: list_user_grants
SELECT * FROM issuer_grant_views_v3 WHERE user_row >= $1 AND (user_row, id) < ($1, $2) AND ends_at > $3
ORDER BY user_row DESC, id DESC LIMIT $4;

-- name: bind_grant
UPDATE issuer_grants SET nonce = $1, generation = $2
WHERE id = $3 AND salt = $4 AND nonce = $5 AND generation = $6 AND state IN (0, 1) RETURNING id;

-- name: end_grant
UPDATE issuer_grants SET state = 3, ends_at = $3, end_reason = $4
WHERE id = $1 AND salt = $2 AND state <> 3 AND ends_at > $3 RETURNING id;

-- name: end_slot
UPDATE issuer_grants SET state = 3, ends_at = $1, end_reason = $2
WHERE id IN (
        SELECT grant_row FROM issuer_places WHERE app_row = $3 AND kind = $4 AND subject = $5
        UNION ALL SELECT id FROM issuer_grants WHERE app_row = $3 AND machine_row = $5 AND state = 0
    )
    AND state <> 3 AND ends_at > $1 RETURNING id;

-- name: end_owned
UPDATE issuer_grants SET state = 3, ends_at = $1, end_reason = 'terminal changed hands'
WHERE user_row = $2 AND machine_row = $3 AND state <> 3 AND ends_at > $1;

-- name: read_slot
SELECT t.n, p.grant_row
FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) WITH ORDINALITY AS t (app_row, kind, subject, n)
JOIN issuer_places p ON p.app_row = t.app_row AND p.kind = t.kind AND p.subject = t.subject;

-- name: open_slot
INSERT INTO issuer_places (app_row, kind, subject, grant_row) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING;

-- name: lock_slot
SELECT grant_row FROM issuer_places WHERE app_row = $1 AND kind = $2 AND subject = $3 FOR UPDATE;

-- name: fill_slot
UPDATE issuer_places SET grant_row = $4 WHERE app_row = $1 AND kind = $2 AND subject = $3;

-- name: supersede
UPDATE issuer_grants SET state = 2, ends_at = least(ends_at, $2), end_reason = 'superseded' WHERE id = $1 AND state = 1;

-- name: list_slot
-- Each grant knows which one it superseded; none that came earlier ends later.
WITH RECURSIVE chain (id, depth) AS (
    SELECT grant_row, 1 FROM issuer_places WHERE app_row = $1 AND kind = $2 AND subject = $3
    UNION ALL
    SELECT g.previous_row, depth + 1 FROM chain JOIN issuer_grants g ON g.id = chain.id
    WHERE depth < $5 AND (g.ends_at > $4 OR g.state = 3) AND g.previous_row IS NOT NULL
)
SELECT v.* FROM chain JOIN issuer_grant_views_v3 v ON v.id = chain.id
WHERE v.ends_at > $4 AND v.usable
ORDER BY chain.depth;

-- Releases before know no epochs, and go by `ended_through` alone. Ids are handed out before they are committed, so the
-- highest one that can be seen is no mark: a grant that was begun earlier may be committed later. The next id is one, as
-- far as each connection takes its ids one by one (a sequence's CACHE 1).

-- name: end_app
UPDATE issuer_apps SET epoch = epoch + 1, ended_through = greatest(
    nextval('issuer_grants_id_seq'), (SELECT max(id) FROM issuer_grants)
) WHERE id = $1 RETURNING id;

-- name: end_user
UPDATE issuer_users SET epoch = epoch + 1, ended_through = greatest(
    nextval('issuer_grants_id_seq'), (SELECT max(id) FROM issuer_grants)
) WHERE id = $1 RETURNING id;

-- name: end_member
UPDATE issuer_members SET epoch = epoch + 1, ended_through = greatest(
    nextval('issuer_grants_id_seq'), (SELECT max(id) FROM issuer_grants)
) WHERE app_row = $1 AND user_row = $2 RETURNING id;

-- name: take_quota
SELECT * FROM issuer_take_quota_v1($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]);

-- name: remember_request
-- Of several that ask at once, the first one has it remembered.
WITH t AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bigint[])
        WITH ORDINALITY AS u (app_row, at, digest, ends_at, n)
), added AS (
    INSERT INTO issuer_signed_requests (at, app_row, digest, ends_at)
    SELECT at, app_row, digest, max(ends_at) FROM t GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING RETURNING at, app_row, digest
)
SELECT min(t.n) FROM t JOIN added USING (at, app_row, digest) GROUP BY at, app_row, digest;

-- name: find_request
SELECT t.n FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) WITH ORDINALITY AS t (app_row, at, digest, n)
JOIN issuer_signed_requests r ON r.at = t.at AND r.app_row = t.app_row AND r.digest = t.digest;

-- name: take_attempts
SELECT issuer_take_attempts_v1($1, $2, $3, $4);

-- name: read_attempts
SELECT t.n, a.used, a.ends_at FROM unnest($1::bytea[], $2::bigint[]) WITH ORDINALITY AS t (digest, now, n)
JOIN issuer_attempts a ON a.digest = t.digest AND a.ends_at > t.now;

-- name: return_attempts
WITH o AS MATERIALIZED (
    SELECT digest FROM issuer_attempts WHERE digest = ANY ($1::bytea[]) AND used > 0 ORDER BY digest FOR UPDATE
)
UPDATE issuer_attempts AS a SET used = a.used - 1 FROM o WHERE a.digest = o.digest;

-- name: forget_attempts
DELETE FROM issuer_attempts WHERE digest = ANY ($1::bytea[]);

-- name: keep_marks
INSERT INTO issuer_marks (owner_kind, owner_row, digest, ends_at)
SELECT DISTINCT $1::smallint, $2::bigint, d, $4::bigint FROM unnest($3::bytea[]) AS d ORDER BY d
ON CONFLICT (owner_kind, owner_row, digest) DO UPDATE SET ends_at = excluded.ends_at;

-- name: trim_marks
DELETE FROM issuer_marks WHERE owner_kind = $1 AND owner_row = $2 AND digest IN (
    SELECT digest FROM issuer_marks WHERE owner_kind = $1 AND owner_row = $2 ORDER BY ends_at DESC OFFSET $3
);

-- name: find_marks
SELECT digest FROM issuer_marks WHERE owner_kind = $1 AND owner_row = $2 AND digest = ANY ($3::bytea[]) AND ends_at > $4;
