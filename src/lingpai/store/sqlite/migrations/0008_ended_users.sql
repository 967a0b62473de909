-- What decides about a grant lies in its own row, or in tables that are nearly empty: with millions of grants, the rows of
-- its user and of its member were two more pages from anywhere for each check.

-- Whose grants up to the row `through` are over: of users and members whose grants were ended at once, and of users that
-- are disabled or removed (all there will ever be). Kept by the triggers.
CREATE TABLE issuer_ended_users (
    user_row INTEGER PRIMARY KEY,
    through INTEGER NOT NULL
) STRICT;
CREATE TABLE issuer_ended_members (
    member_row INTEGER PRIMARY KEY,
    through INTEGER NOT NULL
) STRICT;

CREATE TRIGGER issuer_user_inserted_ended AFTER INSERT ON issuer_users
WHEN NEW.disabled = 1 OR NEW.ended_through > 0 BEGIN
    INSERT INTO issuer_ended_users VALUES (NEW.id, iif(NEW.disabled, 9223372036854775807, NEW.ended_through));
END;
CREATE TRIGGER issuer_user_ended AFTER UPDATE OF disabled, ended_through ON issuer_users
WHEN NEW.disabled <> OLD.disabled OR NEW.ended_through <> OLD.ended_through BEGIN
    INSERT INTO issuer_ended_users VALUES (NEW.id, iif(NEW.disabled, 9223372036854775807, NEW.ended_through))
    ON CONFLICT DO UPDATE SET through = excluded.through;
END;
CREATE TRIGGER issuer_user_removed AFTER DELETE ON issuer_users BEGIN
    INSERT INTO issuer_ended_users VALUES (OLD.id, 9223372036854775807)
    ON CONFLICT DO UPDATE SET through = excluded.through;
END;
CREATE TRIGGER issuer_member_inserted_ended AFTER INSERT ON issuer_members WHEN NEW.ended_through > 0 BEGIN
    INSERT INTO issuer_ended_members VALUES (NEW.id, NEW.ended_through);
END;
CREATE TRIGGER issuer_member_ended AFTER UPDATE OF ended_through ON issuer_members
WHEN NEW.ended_through <> OLD.ended_through BEGIN
    INSERT INTO issuer_ended_members VALUES (NEW.id, NEW.ended_through)
    ON CONFLICT DO UPDATE SET through = excluded.through;
END;

INSERT INTO issuer_ended_users
SELECT id, iif(disabled, 9223372036854775807, ended_through) FROM issuer_users WHERE disabled = 1 OR ended_through > 0;
INSERT INTO issuer_ended_users
SELECT DISTINCT user_row, 9223372036854775807 FROM issuer_grants
WHERE user_row IS NOT NULL AND user_row NOT IN (SELECT id FROM issuer_users);
INSERT INTO issuer_ended_members SELECT id, ended_through FROM issuer_members WHERE ended_through > 0;

-- The member's open_id, which never changes. NULL in grants of earlier releases, whose member is asked.
ALTER TABLE issuer_grants ADD COLUMN open_id TEXT;
CREATE TRIGGER issuer_grant_of_member AFTER INSERT ON issuer_grants
WHEN NEW.member_row IS NOT NULL AND NEW.open_id IS NULL BEGIN
    UPDATE issuer_grants SET open_id = (SELECT open_id FROM issuer_members WHERE id = NEW.member_row) WHERE id = NEW.id;
END;

CREATE VIEW issuer_grant_views_v2 AS
SELECT g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
    g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
    g.ends_at, g.limit_at, g.end_reason,
    a.app_id,
    a.listed = 1 AND a.disabled = 0 AND g.id > a.ended_through
        AND (u.through IS NULL OR g.id > u.through)
        AND (m.through IS NULL OR g.id > m.through)
        AND (g.machine_row IS NULL OR t.id IS NOT NULL) AS usable,
    coalesce(g.open_id, (SELECT open_id FROM issuer_members WHERE id = g.member_row)) AS open_id,
    t.machine_code
FROM issuer_grants g
LEFT JOIN issuer_apps a ON a.id = g.app_row
LEFT JOIN issuer_ended_users u ON u.user_row = g.user_row
LEFT JOIN issuer_ended_members m ON m.member_row = g.member_row
LEFT JOIN issuer_machines t ON t.id = g.machine_row;
