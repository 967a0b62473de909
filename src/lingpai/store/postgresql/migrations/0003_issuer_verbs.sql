-- The issuer's verbs that many call at once, each for a whole batch of callers in one round trip. Element `n` of the
-- arrays is caller `n`; what is returned says whose it is. Elements see each other's effects, as every statement in
-- a volatile function sees what was written or committed before it.
--
-- A batch holds locks until its end, so all verbs take them in one order, and no two wait for each other: quotas,
-- terminals, places, grants, signed requests, each by its key. What the order does not cover (an operator removes an
-- app just now) costs a deadlock's retry.
--
-- Functions are never replaced: a change is a new function with the next number, so that old code runs on.

-- What came of spending or placing a grant, for caller `n`, and the grant where the caller does not know it.
CREATE TYPE issuer_spent_v1 AS (
    n bigint,
    id bigint, realm text, kind smallint, app_row bigint, user_row bigint, machine_row bigint, member_row bigint,
    scope text, redirect_uri text, challenge text, challenge_method text, nonce text, audience text, state smallint,
    generation bigint, rotated_at bigint, created_at bigint, ends_at bigint, limit_at bigint, end_reason text,
    outcome text
);

-- DO UPDATE … WHERE false locks the row that is there and writes nothing.
CREATE FUNCTION issuer_lock_quotas_v1(ends bigint[], apps bigint[], subjects bigint[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO issuer_quotas AS q (ends_at, app_row, subject, used)
    SELECT DISTINCT e.ends_at, e.app_row, e.subject, 0 FROM unnest(ends, apps, subjects) AS e (ends_at, app_row, subject)
    WHERE e.app_row IS NOT NULL ORDER BY 1, 2, 3
    ON CONFLICT (ends_at, app_row, subject) DO UPDATE SET used = q.used WHERE false;
$$;

CREATE FUNCTION issuer_has_room_v1(ends bigint, app bigint, whose bigint, most bigint) RETURNS boolean
LANGUAGE sql AS $$
    SELECT app IS NULL OR NOT EXISTS (
        SELECT FROM issuer_quotas q
        WHERE q.ends_at = ends AND q.app_row = app AND q.subject = whose AND q.used >= most
    );
$$;

CREATE FUNCTION issuer_redeem_v1(
    grants bigint[], moments bigint[], ends bigint[], keeps bigint[],
    quota_ends bigint[], quota_apps bigint[], quota_subjects bigint[], quota_limits bigint[],
    request_apps bigint[], request_times bigint[], request_digests bytea[], request_ends bigint[]
) RETURNS SETOF issuer_spent_v1 LANGUAGE plpgsql AS $$
DECLARE
    has_quotas boolean := cardinality(array_remove(quota_apps, NULL)) > 0;
    has_places boolean := cardinality(array_remove(keeps, NULL)) > 0;
    has_requests boolean := cardinality(array_remove(request_apps, NULL)) > 0;
    e record;
    spent issuer_spent_v1;
    place record;
    holder bigint;
BEGIN
    IF has_quotas THEN
        PERFORM issuer_lock_quotas_v1(quota_ends, quota_apps, quota_subjects);
    END IF;
    IF has_places THEN
        INSERT INTO issuer_places AS p (app_row, kind, subject, grant_row)
        SELECT DISTINCT g.app_row, g.kind, coalesce(g.machine_row, -g.user_row, 0), 0
        FROM unnest(grants, keeps) AS t (id, keep) JOIN issuer_grants g ON g.id = t.id
        WHERE t.keep IS NOT NULL AND g.state = 0 ORDER BY 1, 2, 3
        ON CONFLICT (app_row, kind, subject) DO UPDATE SET grant_row = p.grant_row WHERE false;
    END IF;
    IF has_places OR has_requests THEN
        PERFORM FROM issuer_grants WHERE id IN (
            SELECT unnest(grants)
            UNION SELECT p.grant_row FROM unnest(grants) AS t (id) JOIN issuer_grants g ON g.id = t.id
            JOIN issuer_places p ON p.app_row = g.app_row AND p.kind = g.kind
                AND p.subject = coalesce(g.machine_row, -g.user_row, 0)
        ) ORDER BY id FOR UPDATE;
    END IF;
    FOR e IN SELECT * FROM unnest(
        grants, moments, ends, keeps, quota_ends, quota_apps, quota_subjects, quota_limits,
        request_apps, request_times, request_digests, request_ends
    ) WITH ORDINALITY AS t (
        grant_row, now, ends_at, keep, quota_ends, quota_app, quota_subject, quota_limit,
        request_app, request_at, request_digest, request_ends, n
    ) ORDER BY request_at, request_app, request_digest, grant_row, n
    LOOP
        spent := NULL;
        spent.n := e.n;
        IF e.request_app IS NOT NULL AND EXISTS (
            SELECT FROM issuer_signed_requests
            WHERE at = e.request_at AND app_row = e.request_app AND digest = e.request_digest
        ) THEN
            spent.outcome := 'same_request';
            RETURN NEXT spent;
            CONTINUE;
        END IF;
        IF e.quota_app IS NOT NULL
            AND NOT issuer_has_room_v1(e.quota_ends, e.quota_app, e.quota_subject, e.quota_limit)
        THEN
            spent.outcome := 'limited';
            RETURN NEXT spent;
            CONTINUE;
        END IF;
        IF e.request_app IS NOT NULL AND EXISTS (
            SELECT FROM issuer_grants WHERE id = e.grant_row AND state = 0 AND ends_at > e.now
        ) THEN
            INSERT INTO issuer_signed_requests (at, app_row, digest, ends_at)
            VALUES (e.request_at, e.request_app, e.request_digest, e.request_ends) ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                spent.outcome := 'same_request';
                RETURN NEXT spent;
                CONTINUE;
            END IF;
        END IF;
        holder := NULL;
        IF e.keep IS NOT NULL THEN
            SELECT p.app_row, p.kind, p.subject, nullif(p.grant_row, 0) AS holder INTO place
            FROM issuer_grants g JOIN issuer_places p ON p.app_row = g.app_row AND p.kind = g.kind
                AND p.subject = coalesce(g.machine_row, -g.user_row, 0)
            WHERE g.id = e.grant_row;
            holder := place.holder;
        END IF;
        UPDATE issuer_grants
        SET state = 1, generation = 1, rotated_at = e.now, ends_at = least(e.ends_at, limit_at), previous_row = holder
        WHERE id = e.grant_row AND state = 0 AND ends_at > e.now;
        IF NOT FOUND THEN
            RETURN QUERY SELECT e.n, id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri,
                challenge, challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at,
                limit_at, end_reason, CASE WHEN generation > 0 THEN 'replayed' ELSE 'gone' END
                FROM issuer_grants WHERE id = e.grant_row;
            CONTINUE;
        END IF;
        IF e.quota_app IS NOT NULL THEN
            UPDATE issuer_quotas SET used = used + 1
            WHERE ends_at = e.quota_ends AND app_row = e.quota_app AND subject = e.quota_subject;
        END IF;
        IF e.keep IS NOT NULL THEN
            UPDATE issuer_grants SET state = 2, ends_at = least(ends_at, e.now + e.keep), end_reason = 'superseded'
            WHERE id = holder AND state = 1;
            UPDATE issuer_places SET grant_row = e.grant_row
            WHERE app_row = place.app_row AND kind = place.kind AND subject = place.subject;
        END IF;
        spent.outcome := 'done';
        RETURN NEXT spent;
    END LOOP;
END $$;

CREATE FUNCTION issuer_rotate_v1(
    grants bigint[], generations bigint[], moments bigint[], ends bigint[], windows bigint[], end_replayed boolean[],
    quota_ends bigint[], quota_apps bigint[], quota_subjects bigint[], quota_limits bigint[],
    request_apps bigint[], request_times bigint[], request_digests bytea[], request_ends bigint[]
) RETURNS SETOF issuer_spent_v1 LANGUAGE plpgsql AS $$
DECLARE
    e record;
    g issuer_grants;
    spent issuer_spent_v1;
    found_as text;
BEGIN
    IF cardinality(array_remove(quota_apps, NULL)) > 0 THEN
        PERFORM issuer_lock_quotas_v1(quota_ends, quota_apps, quota_subjects);
    END IF;
    IF cardinality(array_remove(request_apps, NULL)) > 0 THEN
        PERFORM FROM issuer_grants WHERE id = ANY (grants) ORDER BY id FOR UPDATE;
    END IF;
    FOR e IN SELECT * FROM unnest(
        grants, generations, moments, ends, windows, end_replayed, quota_ends, quota_apps, quota_subjects,
        quota_limits, request_apps, request_times, request_digests, request_ends
    ) WITH ORDINALITY AS t (
        grant_row, generation, now, ends_at, seconds, end_replayed, quota_ends, quota_app, quota_subject, quota_limit,
        request_app, request_at, request_digest, request_ends, n
    ) ORDER BY request_at, request_app, request_digest, grant_row, n
    LOOP
        spent := NULL;
        spent.n := e.n;
        IF e.request_app IS NULL AND e.quota_app IS NULL THEN
            found_as := 'done';
        ELSE
            -- What it will be, on rows that are locked by now: a signed request must be ours before anything is spent.
            SELECT * INTO g FROM issuer_grants WHERE id = e.grant_row;
            found_as := CASE
                WHEN g.id IS NULL OR g.state <> 1 OR g.ends_at <= e.now OR e.generation > g.generation THEN 'gone'
                WHEN e.generation = g.generation AND e.quota_app IS NOT NULL
                    AND NOT issuer_has_room_v1(e.quota_ends, e.quota_app, e.quota_subject, e.quota_limit)
                    THEN 'limited'
                WHEN e.generation = g.generation THEN 'done'
                WHEN e.generation = g.generation - 1 AND e.now < g.rotated_at + e.seconds THEN 'repeated'
                ELSE 'replayed' END;
            IF e.request_app IS NOT NULL THEN
                IF EXISTS (
                    SELECT FROM issuer_signed_requests
                    WHERE at = e.request_at AND app_row = e.request_app AND digest = e.request_digest
                ) THEN
                    spent.outcome := 'same_request';
                    RETURN NEXT spent;
                    CONTINUE;
                END IF;
                IF found_as IN ('done', 'repeated') THEN
                    INSERT INTO issuer_signed_requests (at, app_row, digest, ends_at)
                    VALUES (e.request_at, e.request_app, e.request_digest, e.request_ends) ON CONFLICT DO NOTHING;
                    IF NOT FOUND THEN
                        spent.outcome := 'same_request';
                        RETURN NEXT spent;
                        CONTINUE;
                    END IF;
                END IF;
            END IF;
        END IF;
        IF found_as = 'done' THEN
            UPDATE issuer_grants AS i
            SET generation = i.generation + 1, rotated_at = e.now, ends_at = least(e.ends_at, limit_at)
            WHERE id = e.grant_row AND i.generation = e.generation AND state = 1 AND i.ends_at > e.now;
            IF FOUND THEN
                IF e.quota_app IS NOT NULL THEN
                    UPDATE issuer_quotas SET used = used + 1
                    WHERE ends_at = e.quota_ends AND app_row = e.quota_app AND subject = e.quota_subject;
                END IF;
                spent.outcome := 'done';
                RETURN NEXT spent;
                CONTINUE;
            END IF;
        END IF;
        -- Generations only grow: what is a replay now stays one, whoever commits meanwhile.
        SELECT * INTO g FROM issuer_grants WHERE id = e.grant_row;
        CONTINUE WHEN NOT FOUND;
        found_as := CASE
            WHEN g.state <> 1 OR g.ends_at <= e.now OR e.generation > g.generation THEN 'gone'
            WHEN e.generation = g.generation THEN 'limited'
            WHEN e.generation = g.generation - 1 AND e.now < g.rotated_at + e.seconds THEN 'repeated'
            ELSE 'replayed' END;
        RETURN NEXT ROW (
            e.n, g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
            g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
            g.ends_at, g.limit_at, g.end_reason, found_as
        )::issuer_spent_v1;
        IF found_as = 'replayed' AND e.end_replayed THEN
            UPDATE issuer_grants SET state = 3, ends_at = e.now, end_reason = 'refresh token replayed'
            WHERE id = e.grant_row AND state <> 3 AND ends_at > e.now;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION issuer_place_v1(
    realms text[], kinds smallint[], apps bigint[], users bigint[], machines bigint[], members bigint[], scopes text[],
    redirect_uris text[], challenges text[], challenge_methods text[], nonces text[], audiences text[],
    states smallint[], generations bigint[], rotated bigint[], created bigint[], ends bigint[], limits bigint[],
    seen bigint[], keeps bigint[], quota_ends bigint[], quota_apps bigint[], quota_subjects bigint[],
    quota_limits bigint[], qr_digests bytea[],
    request_apps bigint[], request_times bigint[], request_digests bytea[], request_ends bigint[]
) RETURNS SETOF issuer_spent_v1 LANGUAGE plpgsql AS $$
DECLARE
    e record;
    spent issuer_spent_v1;
    holder bigint;
BEGIN
    IF cardinality(array_remove(quota_apps, NULL)) > 0 THEN
        PERFORM issuer_lock_quotas_v1(quota_ends, quota_apps, quota_subjects);
    END IF;
    IF cardinality(array_remove(qr_digests, NULL)) > 0 THEN
        PERFORM FROM issuer_machines WHERE id = ANY (machines) ORDER BY id FOR UPDATE;
    END IF;
    IF cardinality(array_remove(keeps, NULL)) > 0 THEN
        INSERT INTO issuer_places AS p (app_row, kind, subject, grant_row)
        SELECT DISTINCT t.app_row, t.kind, coalesce(t.machine_row, -t.user_row, 0), 0
        FROM unnest(apps, kinds, machines, users, keeps) AS t (app_row, kind, machine_row, user_row, keep)
        WHERE t.keep IS NOT NULL ORDER BY 1, 2, 3
        ON CONFLICT (app_row, kind, subject) DO UPDATE SET grant_row = p.grant_row WHERE false;
        PERFORM FROM issuer_grants WHERE id IN (
            SELECT p.grant_row
            FROM unnest(apps, kinds, machines, users) AS t (app_row, kind, machine_row, user_row)
            JOIN issuer_places p ON p.app_row = t.app_row AND p.kind = t.kind
                AND p.subject = coalesce(t.machine_row, -t.user_row, 0)
        ) ORDER BY id FOR UPDATE;
    END IF;
    FOR e IN SELECT t.*, coalesce(machine_row, -user_row, 0) AS subject FROM unnest(
        realms, kinds, apps, users, machines, members, scopes, redirect_uris, challenges, challenge_methods, nonces,
        audiences, states, generations, rotated, created, ends, limits, seen, keeps, quota_ends, quota_apps,
        quota_subjects, quota_limits, qr_digests, request_apps, request_times, request_digests, request_ends
    ) WITH ORDINALITY AS t (
        realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
        nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, seen, keep, quota_ends,
        quota_app, quota_subject, quota_limit, qr_digest, request_app, request_at, request_digest, request_ends, n
    ) ORDER BY request_at, request_app, request_digest, n
    LOOP
        spent := NULL;
        spent.n := e.n;
        IF e.request_app IS NOT NULL AND EXISTS (
            SELECT FROM issuer_signed_requests
            WHERE at = e.request_at AND app_row = e.request_app AND digest = e.request_digest
        ) THEN
            spent.outcome := 'same_request';
            RETURN NEXT spent;
            CONTINUE;
        END IF;
        holder := NULL;
        IF e.keep IS NOT NULL THEN
            SELECT nullif(p.grant_row, 0) INTO holder FROM issuer_places p
            WHERE p.app_row = e.app_row AND p.kind = e.kind AND p.subject = e.subject;
            IF holder <> e.seen THEN
                SELECT e.n, id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
                    challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at,
                    end_reason, 'repeated' INTO spent
                FROM issuer_grant_views_v1 WHERE id = holder AND usable AND state = 1 AND ends_at > e.created_at;
            END IF;
        END IF;
        IF spent.outcome IS NULL AND e.quota_app IS NOT NULL
            AND NOT issuer_has_room_v1(e.quota_ends, e.quota_app, e.quota_subject, e.quota_limit)
        THEN
            spent := NULL;
            spent.outcome := 'limited';
        ELSIF spent.outcome IS NULL AND e.qr_digest IS NOT NULL AND NOT EXISTS (
            SELECT FROM issuer_machines
            WHERE id = e.machine_row AND qr_digest = e.qr_digest AND qr_ends_at > e.created_at
        ) THEN
            spent := NULL;
            spent.outcome := 'gone';
        ELSIF e.request_app IS NOT NULL THEN
            INSERT INTO issuer_signed_requests (at, app_row, digest, ends_at)
            VALUES (e.request_at, e.request_app, e.request_digest, e.request_ends) ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                spent := NULL;
                spent.outcome := 'same_request';
            END IF;
        END IF;
        spent.n := e.n;
        IF spent.outcome IS NOT NULL THEN
            RETURN NEXT spent;
            CONTINUE;
        END IF;
        INSERT INTO issuer_grants (
            realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
            nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, previous_row
        ) VALUES (
            e.realm, e.kind, e.app_row, e.user_row, e.machine_row, e.member_row, e.scope, e.redirect_uri, e.challenge,
            e.challenge_method, e.nonce, e.audience, e.state, e.generation, e.rotated_at, e.created_at, e.ends_at,
            e.limit_at, holder
        ) RETURNING id INTO spent.id;
        IF e.qr_digest IS NOT NULL THEN
            UPDATE issuer_machines SET qr_digest = '', qr_ends_at = 0 WHERE id = e.machine_row;
        END IF;
        IF e.quota_app IS NOT NULL THEN
            UPDATE issuer_quotas SET used = used + 1
            WHERE ends_at = e.quota_ends AND app_row = e.quota_app AND subject = e.quota_subject;
        END IF;
        IF e.keep IS NOT NULL THEN
            UPDATE issuer_grants
            SET state = 2, ends_at = least(ends_at, e.created_at + e.keep), end_reason = 'superseded'
            WHERE id = holder AND state = 1;
            UPDATE issuer_places SET grant_row = spent.id
            WHERE app_row = e.app_row AND kind = e.kind AND subject = e.subject;
        END IF;
        spent.outcome := 'done';
        RETURN NEXT spent;
    END LOOP;
END $$;

-- `issuer_place_v1` without quota, shown key and signed request, for callers who say what they saw: a few statements for
-- the whole batch. Of those who want a place, at most one gets it, and the others get what it got.
CREATE FUNCTION issuer_place_alone_v1(
    realms text[], kinds smallint[], apps bigint[], users bigint[], machines bigint[], members bigint[], scopes text[],
    redirect_uris text[], challenges text[], challenge_methods text[], nonces text[], audiences text[],
    states smallint[], generations bigint[], rotated bigint[], created bigint[], ends bigint[], limits bigint[],
    seen_rows bigint[], keeps bigint[]
) RETURNS SETOF issuer_spent_v1 LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO issuer_places AS p (app_row, kind, subject, grant_row)
    SELECT DISTINCT t.app_row, t.kind, coalesce(t.machine_row, -t.user_row, 0), 0
    FROM unnest(apps, kinds, machines, users) AS t (app_row, kind, machine_row, user_row) ORDER BY 1, 2, 3
    ON CONFLICT (app_row, kind, subject) DO UPDATE SET grant_row = p.grant_row WHERE false;
    -- No join of what was worked out with itself, which takes the square of the batch: windows instead.
    RETURN QUERY WITH t AS MATERIALIZED (
        SELECT u.*, p.subject, nullif(p.grant_row, 0) AS holder, row_number() OVER (
            -- Of each place one bids: who saw the grant that holds it, else the first.
            PARTITION BY u.app_row, u.kind, p.subject ORDER BY (nullif(p.grant_row, 0) = u.seen) DESC NULLS LAST, u.n
        ) = 1 AS bids
        FROM unnest(
            realms, kinds, apps, users, machines, members, scopes, redirect_uris, challenges, challenge_methods,
            nonces, audiences, states, generations, rotated, created, ends, limits, seen_rows, keeps
        ) WITH ORDINALITY AS u (
            realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
            nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, seen, keep, n
        ) JOIN issuer_places p ON p.app_row = u.app_row AND p.kind = u.kind
            AND p.subject = coalesce(u.machine_row, -u.user_row, 0)
    ), decided AS MATERIALIZED (
        SELECT t.*, h.held, CASE WHEN t.bids AND h.held IS NULL THEN nextval('issuer_grants_id_seq') END AS id
        FROM t LEFT JOIN LATERAL (
            SELECT ROW (
                t.n, v.id, v.realm, v.kind, v.app_row, v.user_row, v.machine_row, v.member_row, v.scope,
                v.redirect_uri, v.challenge, v.challenge_method, v.nonce, v.audience, v.state, v.generation,
                v.rotated_at, v.created_at, v.ends_at, v.limit_at, v.end_reason, 'repeated'
            )::issuer_spent_v1 AS held
            FROM issuer_grant_views_v1 v
            WHERE t.bids AND t.holder <> t.seen AND v.id = t.holder AND v.usable AND v.state = 1
                AND v.ends_at > t.created_at
        ) h ON true
    ), winners AS MATERIALIZED (
        SELECT * FROM decided WHERE id IS NOT NULL ORDER BY holder
    ), superseded AS (
        UPDATE issuer_grants g
        SET state = 2, ends_at = least(g.ends_at, w.created_at + w.keep), end_reason = 'superseded'
        FROM winners w WHERE g.id = w.holder AND g.state = 1
    ), added AS (
        INSERT INTO issuer_grants (
            id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
            challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at,
            previous_row
        )
        SELECT id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
            challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, holder
        FROM winners
    ), taken AS (
        UPDATE issuer_places p SET grant_row = w.id FROM winners w
        WHERE p.app_row = w.app_row AND p.kind = w.kind AND p.subject = w.subject
    ), told AS (
        SELECT d.n AS caller, d.id AS own, first_value(
            CASE WHEN d.id IS NULL THEN d.held ELSE ROW (
                d.n, d.id, d.realm, d.kind, d.app_row, d.user_row, d.machine_row, d.member_row, d.scope,
                d.redirect_uri, d.challenge, d.challenge_method, d.nonce, d.audience, d.state, d.generation,
                d.rotated_at, d.created_at, d.ends_at, d.limit_at, '', 'repeated'
            )::issuer_spent_v1 END
        ) OVER (PARTITION BY d.app_row, d.kind, d.subject ORDER BY d.bids DESC) AS r
        FROM decided d
    )
    SELECT caller, (r).id, (r).realm, (r).kind, (r).app_row, (r).user_row, (r).machine_row, (r).member_row, (r).scope,
        (r).redirect_uri, (r).challenge, (r).challenge_method, (r).nonce, (r).audience, (r).state, (r).generation,
        (r).rotated_at, (r).created_at, (r).ends_at, (r).limit_at, (r).end_reason,
        CASE WHEN own IS NULL THEN 'repeated' ELSE 'done' END
    FROM told;
END $$;

-- Grants that answer authorization requests: the first answer counts, and is what the others get.
CREATE FUNCTION issuer_answer_v1(
    requests bigint[],
    realms text[], kinds smallint[], apps bigint[], users bigint[], machines bigint[], members bigint[], scopes text[],
    redirect_uris text[], challenges text[], challenge_methods text[], nonces text[], audiences text[],
    states smallint[], generations bigint[], rotated bigint[], created bigint[], ends bigint[], limits bigint[]
) RETURNS SETOF issuer_spent_v1 LANGUAGE plpgsql AS $$
DECLARE
    e record;
    answered bigint;
    spent issuer_spent_v1;
BEGIN
    FOR e IN SELECT * FROM unnest(
        requests, realms, kinds, apps, users, machines, members, scopes, redirect_uris, challenges, challenge_methods,
        nonces, audiences, states, generations, rotated, created, ends, limits
    ) WITH ORDINALITY AS t (
        request, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
        challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, n
    ) ORDER BY request, n
    LOOP
        SELECT grant_row INTO answered FROM issuer_authorizations WHERE id = e.request FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        IF answered IS NOT NULL THEN
            RETURN QUERY SELECT e.n, id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri,
                challenge, challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at,
                limit_at, end_reason, 'repeated'
                FROM issuer_grants WHERE id = answered;
            CONTINUE;
        END IF;
        spent := NULL;
        INSERT INTO issuer_grants (
            realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
            nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at
        ) VALUES (
            e.realm, e.kind, e.app_row, e.user_row, e.machine_row, e.member_row, e.scope, e.redirect_uri, e.challenge,
            e.challenge_method, e.nonce, e.audience, e.state, e.generation, e.rotated_at, e.created_at, e.ends_at,
            e.limit_at
        ) RETURNING id INTO spent.id;
        UPDATE issuer_authorizations SET grant_row = spent.id WHERE id = e.request;
        spent.outcome := 'done';
        spent.n := e.n;
        RETURN NEXT spent;
    END LOOP;
END $$;

-- Returns whose taking was within the limit.
CREATE FUNCTION issuer_take_quota_v1(
    ends bigint[], apps bigint[], subjects bigint[], limits bigint[]
) RETURNS TABLE (n bigint) LANGUAGE plpgsql AS $$
DECLARE
    e record;
BEGIN
    FOR e IN SELECT * FROM unnest(ends, apps, subjects, limits)
        WITH ORDINALITY AS t (ends_at, app_row, subject, most, ordinal) ORDER BY ends_at, app_row, subject, ordinal
    LOOP
        IF e.most > 0 THEN
            INSERT INTO issuer_quotas AS q (ends_at, app_row, subject, used)
            VALUES (e.ends_at, e.app_row, e.subject, 1)
            ON CONFLICT (ends_at, app_row, subject) DO UPDATE SET used = q.used + 1 WHERE q.used < e.most;
            IF FOUND THEN
                n := e.ordinal;
                RETURN NEXT;
            END IF;
        END IF;
    END LOOP;
END $$;

-- Counts one attempt for each subject, all or none. Returns when the fullest window ends, NULL when all had room.
CREATE FUNCTION issuer_take_attempts_v1(digests bytea[], limits bigint[], now bigint, ends bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    full_until bigint;
BEGIN
    INSERT INTO issuer_attempts AS a (digest, used, ends_at)
    SELECT DISTINCT t.digest, 0, ends FROM unnest(digests) AS t (digest) ORDER BY 1
    ON CONFLICT (digest) DO UPDATE SET used = 0, ends_at = excluded.ends_at WHERE a.ends_at <= now;
    SELECT max(a.ends_at) INTO full_until
    FROM unnest(digests, limits) AS t (digest, most) JOIN issuer_attempts a ON a.digest = t.digest
    WHERE a.used >= t.most;
    IF full_until IS NULL THEN
        UPDATE issuer_attempts AS a SET used = a.used + t.times
        FROM (SELECT digest, count(*) AS times FROM unnest(digests) AS d (digest) GROUP BY 1) AS t
        WHERE a.digest = t.digest;
    END IF;
    RETURN full_until;
END $$;
