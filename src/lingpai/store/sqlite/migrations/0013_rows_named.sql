-- An id can be handed out again: by a store that was restored from a backup, by a standby that lost commits. So each row
-- that a handle names has a random salt, which is part of the handle. Rows of releases before have none (0): their handles
-- open no row that has one, and the handles of rows that have one open no row without (see `core.handles`).
ALTER TABLE issuer_grants ADD COLUMN salt INTEGER NOT NULL DEFAULT 0;

-- To end all grants of an app, a user or a member at once is to begin its next epoch: a grant counts in the epochs in which
-- it was made, whatever the order of ids. A grant without a salt was made by a release before, which knows no epochs: it
-- counts while its id is above `ended_through`, as ever.
ALTER TABLE issuer_apps ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issuer_users ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issuer_members ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issuer_ended_users ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issuer_ended_members ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issuer_grants ADD COLUMN app_epoch INTEGER;
ALTER TABLE issuer_grants ADD COLUMN user_epoch INTEGER;
ALTER TABLE issuer_grants ADD COLUMN member_epoch INTEGER;

DROP TRIGGER issuer_user_inserted_ended;
CREATE TRIGGER issuer_user_inserted_ended AFTER INSERT ON issuer_users
WHEN NEW.disabled = 1 OR NEW.ended_through > 0 OR NEW.epoch > 0 BEGIN
    INSERT INTO issuer_ended_users (user_row, through, epoch)
    VALUES (NEW.id, iif(NEW.disabled, 9223372036854775807, NEW.ended_through), NEW.epoch);
END;
DROP TRIGGER issuer_user_ended;
CREATE TRIGGER issuer_user_ended AFTER UPDATE OF disabled, ended_through, epoch ON issuer_users
WHEN NEW.disabled <> OLD.disabled OR NEW.ended_through <> OLD.ended_through OR NEW.epoch <> OLD.epoch BEGIN
    INSERT INTO issuer_ended_users (user_row, through, epoch)
    VALUES (NEW.id, iif(NEW.disabled, 9223372036854775807, NEW.ended_through), NEW.epoch)
    ON CONFLICT DO UPDATE SET through = excluded.through, epoch = max(epoch, excluded.epoch);
END;
DROP TRIGGER issuer_user_removed;
CREATE TRIGGER issuer_user_removed AFTER DELETE ON issuer_users BEGIN
    INSERT INTO issuer_ended_users (user_row, through, epoch) VALUES (OLD.id, 9223372036854775807, OLD.epoch)
    ON CONFLICT DO UPDATE SET through = excluded.through;
END;
DROP TRIGGER issuer_member_inserted_ended;
CREATE TRIGGER issuer_member_inserted_ended AFTER INSERT ON issuer_members
WHEN NEW.ended_through > 0 OR NEW.epoch > 0 BEGIN
    INSERT INTO issuer_ended_members (member_row, through, epoch) VALUES (NEW.id, NEW.ended_through, NEW.epoch);
END;
DROP TRIGGER issuer_member_ended;
CREATE TRIGGER issuer_member_ended AFTER UPDATE OF ended_through, epoch ON issuer_members
WHEN NEW.ended_through <> OLD.ended_through OR NEW.epoch <> OLD.epoch BEGIN
    INSERT INTO issuer_ended_members (member_row, through, epoch) VALUES (NEW.id, NEW.ended_through, NEW.epoch)
    ON CONFLICT DO UPDATE SET through = excluded.through, epoch = max(epoch, excluded.epoch);
END;

-- What a release before ends, on another worker, ends for this one too. The triggers above may see that change after the
-- one that follows on it: so an epoch never goes back.
CREATE TRIGGER issuer_app_epoch AFTER UPDATE OF ended_through ON issuer_apps
WHEN NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch BEGIN
    UPDATE issuer_apps SET epoch = epoch + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER issuer_user_epoch AFTER UPDATE OF ended_through ON issuer_users
WHEN NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch BEGIN
    UPDATE issuer_users SET epoch = epoch + 1 WHERE id = NEW.id;
END;
CREATE TRIGGER issuer_member_epoch AFTER UPDATE OF ended_through ON issuer_members
WHEN NEW.ended_through <> OLD.ended_through AND NEW.epoch = OLD.epoch BEGIN
    UPDATE issuer_members SET epoch = epoch + 1 WHERE id = NEW.id;
END;

CREATE VIEW issuer_grant_views_v3 AS
SELECT g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
    g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
    g.ends_at, g.limit_at, g.end_reason, g.salt,
    a.app_id,
    a.listed = 1 AND a.disabled = 0 AND (g.machine_row IS NULL OR t.id IS NOT NULL)
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
