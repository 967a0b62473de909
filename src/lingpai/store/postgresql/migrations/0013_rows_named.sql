-- An id can be handed out again: by a store that was restored from a backup, by a standby that lost commits. So each row
-- that a handle names has a random salt, which is part of the handle. Rows of releases before have none (0): their handles
-- open no row that has one, and the handles of rows that have one open no row without (see `core.handles`).
ALTER TABLE issuer_grants ADD COLUMN salt bigint NOT NULL DEFAULT 0;

-- To end all grants of an app, a user or a member at once is to begin its next epoch: a grant counts in the epochs in which
-- it was made, whatever the order of ids. A grant without a salt was made by a release before, which knows no epochs: it
-- counts while its id is above `ended_through`, as ever.
ALTER TABLE issuer_apps ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE issuer_users ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE issuer_members ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE issuer_ended_users ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE issuer_ended_members ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE issuer_grants ADD COLUMN app_epoch bigint, ADD COLUMN user_epoch bigint, ADD COLUMN member_epoch bigint;

CREATE FUNCTION issuer_end_user_v2() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended issuer_users := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    forever boolean := TG_OP = 'DELETE' OR ended.disabled;
BEGIN
    INSERT INTO issuer_ended_users (user_row, through, epoch)
    VALUES (ended.id, CASE WHEN forever THEN 9223372036854775807 ELSE ended.ended_through END, ended.epoch)
    ON CONFLICT (user_row) DO UPDATE SET through = excluded.through, epoch = excluded.epoch;
    RETURN NULL;
END
$$;
CREATE FUNCTION issuer_end_member_v2() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO issuer_ended_members (member_row, through, epoch) VALUES (NEW.id, NEW.ended_through, NEW.epoch)
    ON CONFLICT (member_row) DO UPDATE SET through = excluded.through, epoch = excluded.epoch;
    RETURN NULL;
END
$$;
DROP TRIGGER issuer_user_inserted_ended ON issuer_users;
CREATE TRIGGER issuer_user_inserted_ended AFTER INSERT ON issuer_users FOR EACH ROW
WHEN (NEW.disabled OR NEW.ended_through > 0 OR NEW.epoch > 0) EXECUTE FUNCTION issuer_end_user_v2();
DROP TRIGGER issuer_user_ended ON issuer_users;
CREATE TRIGGER issuer_user_ended AFTER UPDATE OF disabled, ended_through, epoch ON issuer_users FOR EACH ROW
WHEN (NEW.disabled <> OLD.disabled OR NEW.ended_through <> OLD.ended_through OR NEW.epoch <> OLD.epoch)
EXECUTE FUNCTION issuer_end_user_v2();
DROP TRIGGER issuer_user_removed ON issuer_users;
CREATE TRIGGER issuer_user_removed AFTER DELETE ON issuer_users FOR EACH ROW EXECUTE FUNCTION issuer_end_user_v2();
DROP TRIGGER issuer_member_inserted_ended ON issuer_members;
CREATE TRIGGER issuer_member_inserted_ended AFTER INSERT ON issuer_members FOR EACH ROW
WHEN (NEW.ended_through > 0 OR NEW.epoch > 0) EXECUTE FUNCTION issuer_end_member_v2();
DROP TRIGGER issuer_member_ended ON issuer_members;
CREATE TRIGGER issuer_member_ended AFTER UPDATE OF ended_through, epoch ON issuer_members FOR EACH ROW
WHEN (NEW.ended_through <> OLD.ended_through OR NEW.epoch <> OLD.epoch) EXECUTE FUNCTION issuer_end_member_v2();

-- What a release before ends, on another node, ends for this one too.
CREATE FUNCTION issuer_begin_epoch_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.epoch := OLD.epoch + 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER issuer_app_epoch BEFORE UPDATE OF ended_through ON issuer_apps FOR EACH ROW
WHEN (NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch) EXECUTE FUNCTION issuer_begin_epoch_v1();
CREATE TRIGGER issuer_user_epoch BEFORE UPDATE OF ended_through ON issuer_users FOR EACH ROW
WHEN (NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch) EXECUTE FUNCTION issuer_begin_epoch_v1();
CREATE TRIGGER issuer_member_epoch BEFORE UPDATE OF ended_through ON issuer_members FOR EACH ROW
WHEN (NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch) EXECUTE FUNCTION issuer_begin_epoch_v1();

-- Whoever adds a grant leaves its epochs and its open_id to this. Rows that are copied from another store have theirs.
CREATE FUNCTION issuer_grant_epochs_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.app_epoch := coalesce((SELECT epoch FROM issuer_apps WHERE id = NEW.app_row), 0);
    NEW.user_epoch := coalesce((SELECT epoch FROM issuer_ended_users WHERE user_row = NEW.user_row), 0);
    NEW.member_epoch := coalesce((SELECT epoch FROM issuer_ended_members WHERE member_row = NEW.member_row), 0);
    IF NEW.member_row IS NOT NULL AND NEW.open_id IS NULL THEN
        NEW.open_id := (SELECT open_id FROM issuer_members WHERE id = NEW.member_row);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER issuer_grant_epochs BEFORE INSERT ON issuer_grants FOR EACH ROW
WHEN (NEW.salt <> 0 AND NEW.app_epoch IS NULL) EXECUTE FUNCTION issuer_grant_epochs_v1();

CREATE VIEW issuer_grant_views_v3 AS
SELECT g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
    g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
    g.ends_at, g.limit_at, g.end_reason, g.salt,
    a.app_id,
    a.listed AND NOT a.disabled AND (g.machine_row IS NULL OR t.id IS NOT NULL)
        AND CASE WHEN g.salt <> 0 THEN
            g.app_epoch = a.epoch AND g.user_epoch = coalesce(u.epoch, 0) AND g.member_epoch = coalesce(m.epoch, 0)
            AND (u.through IS NULL OR u.through < 9223372036854775807)
        ELSE
            g.id > a.ended_through AND (u.through IS NULL OR g.id > u.through)
            AND (m.through IS NULL OR g.id > m.through)
        END AS usable,
    coalesce(g.open_id, (SELECT open_id FROM issuer_members WHERE id = g.member_row)) AS open_id,
    t.machine_code
FROM issuer_grants g
LEFT JOIN issuer_apps a ON a.id = g.app_row
LEFT JOIN issuer_ended_users u ON u.user_row = g.user_row
LEFT JOIN issuer_ended_members m ON m.member_row = g.member_row
LEFT JOIN issuer_machines t ON t.id = g.machine_row;

-- As `issuer_spent_v1`, with the salt.
CREATE TYPE issuer_spent_v2 AS (
    n bigint,
    id bigint, realm text, kind smallint, app_row bigint, user_row bigint, machine_row bigint, member_row bigint,
    scope text, redirect_uri text, challenge text, challenge_method text, nonce text, audience text, state smallint,
    generation bigint, rotated_at bigint, created_at bigint, ends_at bigint, limit_at bigint, end_reason text,
    salt bigint, outcome text
);

-- The verbs of 0003, which know a row by its id and its salt. A refresh token that is ahead of its row was made in commits
-- that are lost: the grant goes on behind it.

CREATE FUNCTION issuer_redeem_v2(
    grants bigint[], salts bigint[], moments bigint[], ends bigint[], keeps bigint[],
    quota_ends bigint[], quota_apps bigint[], quota_subjects bigint[], quota_limits bigint[],
    request_apps bigint[], request_times bigint[], request_digests bytea[], request_ends bigint[]
) RETURNS SETOF issuer_spent_v2 LANGUAGE plpgsql AS $$
DECLARE
    has_quotas boolean := cardinality(array_remove(quota_apps, NULL)) > 0;
    has_places boolean := cardinality(array_remove(keeps, NULL)) > 0;
    has_requests boolean := cardinality(array_remove(request_apps, NULL)) > 0;
    e record;
    spent issuer_spent_v2;
    place record;
    holder bigint;
BEGIN
    IF has_quotas THEN
        PERFORM issuer_lock_quotas_v1(quota_ends, quota_apps, quota_subjects);
    END IF;
    IF has_places THEN
        INSERT INTO issuer_places AS p (app_row, kind, subject, grant_row)
        SELECT DISTINCT g.app_row, g.kind, coalesce(g.machine_row, -g.user_row, 0), 0
        FROM unnest(grants, salts, keeps) AS t (id, salt, keep) JOIN issuer_grants g ON g.id = t.id AND g.salt = t.salt
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
        grants, salts, moments, ends, keeps, quota_ends, quota_apps, quota_subjects, quota_limits,
        request_apps, request_times, request_digests, request_ends
    ) WITH ORDINALITY AS t (
        grant_row, grant_salt, now, ends_at, keep, quota_ends, quota_app, quota_subject, quota_limit,
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
            SELECT FROM issuer_grants WHERE id = e.grant_row AND salt = e.grant_salt AND state = 0 AND ends_at > e.now
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
            WHERE g.id = e.grant_row AND g.salt = e.grant_salt;
            holder := place.holder;
        END IF;
        UPDATE issuer_grants
        SET state = 1, generation = 1, rotated_at = e.now, ends_at = least(e.ends_at, limit_at), previous_row = holder
        WHERE id = e.grant_row AND salt = e.grant_salt AND state = 0 AND ends_at > e.now;
        IF NOT FOUND THEN
            RETURN QUERY SELECT e.n, id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri,
                challenge, challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at,
                limit_at, end_reason, salt, CASE WHEN generation > 0 THEN 'replayed' ELSE 'gone' END
                FROM issuer_grants WHERE id = e.grant_row AND salt = e.grant_salt;
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

CREATE FUNCTION issuer_rotate_v2(
    grants bigint[], salts bigint[], generations bigint[], moments bigint[], ends bigint[], windows bigint[], end_replayed boolean[],
    quota_ends bigint[], quota_apps bigint[], quota_subjects bigint[], quota_limits bigint[],
    request_apps bigint[], request_times bigint[], request_digests bytea[], request_ends bigint[]
) RETURNS SETOF issuer_spent_v2 LANGUAGE plpgsql AS $$
DECLARE
    e record;
    g issuer_grants;
    spent issuer_spent_v2;
    found_as text;
BEGIN
    IF cardinality(array_remove(quota_apps, NULL)) > 0 THEN
        PERFORM issuer_lock_quotas_v1(quota_ends, quota_apps, quota_subjects);
    END IF;
    IF cardinality(array_remove(request_apps, NULL)) > 0 THEN
        PERFORM FROM issuer_grants WHERE id = ANY (grants) ORDER BY id FOR UPDATE;
    END IF;
    FOR e IN SELECT * FROM unnest(
        grants, salts, generations, moments, ends, windows, end_replayed, quota_ends, quota_apps, quota_subjects,
        quota_limits, request_apps, request_times, request_digests, request_ends
    ) WITH ORDINALITY AS t (
        grant_row, grant_salt, generation, now, ends_at, seconds, end_replayed, quota_ends, quota_app, quota_subject, quota_limit,
        request_app, request_at, request_digest, request_ends, n
    ) ORDER BY request_at, request_app, request_digest, grant_row, n
    LOOP
        spent := NULL;
        spent.n := e.n;
        IF e.request_app IS NULL AND e.quota_app IS NULL THEN
            found_as := 'done';
        ELSE
            -- What it will be, on rows that are locked by now: a signed request must be ours before anything is spent.
            SELECT * INTO g FROM issuer_grants WHERE id = e.grant_row AND salt = e.grant_salt;
            found_as := CASE
                WHEN g.id IS NULL OR g.state <> 1 OR g.ends_at <= e.now THEN 'gone'
                WHEN e.generation >= g.generation AND e.quota_app IS NOT NULL
                    AND NOT issuer_has_room_v1(e.quota_ends, e.quota_app, e.quota_subject, e.quota_limit)
                    THEN 'limited'
                WHEN e.generation >= g.generation THEN 'done'
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
            SET generation = e.generation + 1, rotated_at = e.now, ends_at = least(e.ends_at, limit_at)
            WHERE id = e.grant_row AND salt = e.grant_salt AND i.generation <= e.generation AND state = 1
                AND i.ends_at > e.now;
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
        SELECT * INTO g FROM issuer_grants WHERE id = e.grant_row AND salt = e.grant_salt;
        CONTINUE WHEN NOT FOUND;
        found_as := CASE
            WHEN g.state <> 1 OR g.ends_at <= e.now THEN 'gone'
            WHEN e.generation >= g.generation THEN 'limited'
            WHEN e.generation = g.generation - 1 AND e.now < g.rotated_at + e.seconds THEN 'repeated'
            ELSE 'replayed' END;
        RETURN NEXT ROW (
            e.n, g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
            g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
            g.ends_at, g.limit_at, g.end_reason, g.salt, found_as
        )::issuer_spent_v2;
        IF found_as = 'replayed' AND e.end_replayed THEN
            UPDATE issuer_grants SET state = 3, ends_at = e.now, end_reason = 'refresh token replayed'
            WHERE id = e.grant_row AND salt = e.grant_salt AND state <> 3 AND ends_at > e.now;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION issuer_place_v2(
    realms text[], kinds smallint[], apps bigint[], users bigint[], machines bigint[], members bigint[], scopes text[],
    redirect_uris text[], challenges text[], challenge_methods text[], nonces text[], audiences text[],
    states smallint[], generations bigint[], rotated bigint[], created bigint[], ends bigint[], limits bigint[], salts bigint[],
    seen bigint[], keeps bigint[], quota_ends bigint[], quota_apps bigint[], quota_subjects bigint[],
    quota_limits bigint[], qr_digests bytea[],
    request_apps bigint[], request_times bigint[], request_digests bytea[], request_ends bigint[]
) RETURNS SETOF issuer_spent_v2 LANGUAGE plpgsql AS $$
DECLARE
    e record;
    spent issuer_spent_v2;
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
        audiences, states, generations, rotated, created, ends, limits, salts, seen, keeps, quota_ends, quota_apps,
        quota_subjects, quota_limits, qr_digests, request_apps, request_times, request_digests, request_ends
    ) WITH ORDINALITY AS t (
        realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
        nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, salt, seen, keep, quota_ends,
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
                    end_reason, salt, 'repeated' INTO spent
                FROM issuer_grant_views_v3 WHERE id = holder AND usable AND state = 1 AND ends_at > e.created_at;
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
            nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, previous_row,
            salt
        ) VALUES (
            e.realm, e.kind, e.app_row, e.user_row, e.machine_row, e.member_row, e.scope, e.redirect_uri, e.challenge,
            e.challenge_method, e.nonce, e.audience, e.state, e.generation, e.rotated_at, e.created_at, e.ends_at,
            e.limit_at, holder, e.salt
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

-- `issuer_place_v2` without quota, shown key and signed request, for callers who say what they saw: a few statements for
-- the whole batch. Of those who want a place, at most one gets it, and the others get what it got.
CREATE FUNCTION issuer_place_alone_v2(
    realms text[], kinds smallint[], apps bigint[], users bigint[], machines bigint[], members bigint[], scopes text[],
    redirect_uris text[], challenges text[], challenge_methods text[], nonces text[], audiences text[],
    states smallint[], generations bigint[], rotated bigint[], created bigint[], ends bigint[], limits bigint[], salts bigint[],
    seen_rows bigint[], keeps bigint[]
) RETURNS SETOF issuer_spent_v2 LANGUAGE plpgsql AS $$
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
            nonces, audiences, states, generations, rotated, created, ends, limits, salts, seen_rows, keeps
        ) WITH ORDINALITY AS u (
            realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge, challenge_method,
            nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, salt, seen, keep, n
        ) JOIN issuer_places p ON p.app_row = u.app_row AND p.kind = u.kind
            AND p.subject = coalesce(u.machine_row, -u.user_row, 0)
    ), decided AS MATERIALIZED (
        SELECT t.*, h.held, CASE WHEN t.bids AND h.held IS NULL THEN nextval('issuer_grants_id_seq') END AS id
        FROM t LEFT JOIN LATERAL (
            SELECT ROW (
                t.n, v.id, v.realm, v.kind, v.app_row, v.user_row, v.machine_row, v.member_row, v.scope,
                v.redirect_uri, v.challenge, v.challenge_method, v.nonce, v.audience, v.state, v.generation,
                v.rotated_at, v.created_at, v.ends_at, v.limit_at, v.end_reason, v.salt,
                'repeated'
            )::issuer_spent_v2 AS held
            FROM issuer_grant_views_v3 v
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
            previous_row, salt
        )
        SELECT id, realm, kind, app_row, user_row, machine_row, member_row, scope, redirect_uri, challenge,
            challenge_method, nonce, audience, state, generation, rotated_at, created_at, ends_at, limit_at, holder, salt
        FROM winners
    ), taken AS (
        UPDATE issuer_places p SET grant_row = w.id FROM winners w
        WHERE p.app_row = w.app_row AND p.kind = w.kind AND p.subject = w.subject
    ), told AS (
        SELECT d.n AS caller, d.id AS own, first_value(
            CASE WHEN d.id IS NULL THEN d.held ELSE ROW (
                d.n, d.id, d.realm, d.kind, d.app_row, d.user_row, d.machine_row, d.member_row, d.scope,
                d.redirect_uri, d.challenge, d.challenge_method, d.nonce, d.audience, d.state, d.generation,
                d.rotated_at, d.created_at, d.ends_at, d.limit_at, '', d.salt, 'repeated'
            )::issuer_spent_v2 END
        ) OVER (PARTITION BY d.app_row, d.kind, d.subject ORDER BY d.bids DESC) AS r
        FROM decided d
    )
    SELECT caller, (r).id, (r).realm, (r).kind, (r).app_row, (r).user_row, (r).machine_row, (r).member_row, (r).scope,
        (r).redirect_uri, (r).challenge, (r).challenge_method, (r).nonce, (r).audience, (r).state, (r).generation,
        (r).rotated_at, (r).created_at, (r).ends_at, (r).limit_at, (r).end_reason, (r).salt,
        CASE WHEN own IS NULL THEN 'repeated' ELSE 'done' END
    FROM told;
END $$;
