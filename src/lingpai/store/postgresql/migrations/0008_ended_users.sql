-- What decides about a grant lies in its own row, or in tables that are nearly empty: with millions of grants, the rows of
-- its user and of its member were two more pages from anywhere for each check.

-- Whose grants up to the row `through` are over: of users and members whose grants were ended at once, and of users that
-- are disabled or removed (all there will ever be). Kept by the triggers.
CREATE TABLE issuer_ended_users (
    user_row bigint PRIMARY KEY,
    through bigint NOT NULL
);
CREATE TABLE issuer_ended_members (
    member_row bigint PRIMARY KEY,
    through bigint NOT NULL
);

CREATE FUNCTION issuer_end_user_v1() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended issuer_users := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    forever boolean := TG_OP = 'DELETE' OR ended.disabled;
BEGIN
    INSERT INTO issuer_ended_users
    VALUES (ended.id, CASE WHEN forever THEN 9223372036854775807 ELSE ended.ended_through END)
    ON CONFLICT (user_row) DO UPDATE SET through = excluded.through;
    RETURN NULL;
END
$$;
CREATE FUNCTION issuer_end_member_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO issuer_ended_members VALUES (NEW.id, NEW.ended_through)
    ON CONFLICT (member_row) DO UPDATE SET through = excluded.through;
    RETURN NULL;
END
$$;
CREATE TRIGGER issuer_user_inserted_ended AFTER INSERT ON issuer_users FOR EACH ROW
WHEN (NEW.disabled OR NEW.ended_through > 0) EXECUTE FUNCTION issuer_end_user_v1();
CREATE TRIGGER issuer_user_ended AFTER UPDATE OF disabled, ended_through ON issuer_users FOR EACH ROW
WHEN (NEW.disabled <> OLD.disabled OR NEW.ended_through <> OLD.ended_through) EXECUTE FUNCTION issuer_end_user_v1();
CREATE TRIGGER issuer_user_removed AFTER DELETE ON issuer_users FOR EACH ROW EXECUTE FUNCTION issuer_end_user_v1();
CREATE TRIGGER issuer_member_inserted_ended AFTER INSERT ON issuer_members FOR EACH ROW
WHEN (NEW.ended_through > 0) EXECUTE FUNCTION issuer_end_member_v1();
CREATE TRIGGER issuer_member_ended AFTER UPDATE OF ended_through ON issuer_members FOR EACH ROW
WHEN (NEW.ended_through <> OLD.ended_through) EXECUTE FUNCTION issuer_end_member_v1();

-- step: batches issuer_users
INSERT INTO issuer_ended_users
SELECT id, CASE WHEN disabled THEN 9223372036854775807 ELSE ended_through END FROM issuer_users
WHERE id > $1 AND id <= $2 AND (disabled OR ended_through > 0) ON CONFLICT DO NOTHING;

-- step: batches issuer_grants
INSERT INTO issuer_ended_users
SELECT DISTINCT g.user_row, 9223372036854775807 FROM issuer_grants g LEFT JOIN issuer_users u ON u.id = g.user_row
WHERE g.id > $1 AND g.id <= $2 AND g.user_row IS NOT NULL AND u.id IS NULL ON CONFLICT DO NOTHING;

-- step: batches issuer_members
INSERT INTO issuer_ended_members SELECT id, ended_through FROM issuer_members
WHERE id > $1 AND id <= $2 AND ended_through > 0 ON CONFLICT DO NOTHING;

-- step: transaction
-- The member's open_id, which never changes. NULL in grants of earlier releases, whose member is asked.
ALTER TABLE issuer_grants ADD COLUMN open_id text COLLATE "C";
CREATE FUNCTION issuer_name_member_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.open_id := (SELECT open_id FROM issuer_members WHERE id = NEW.member_row);
    RETURN NEW;
END
$$;
CREATE TRIGGER issuer_grant_of_member BEFORE INSERT ON issuer_grants FOR EACH ROW
WHEN (NEW.member_row IS NOT NULL AND NEW.open_id IS NULL) EXECUTE FUNCTION issuer_name_member_v1();

CREATE VIEW issuer_grant_views_v2 AS
SELECT g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
    g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
    g.ends_at, g.limit_at, g.end_reason,
    a.app_id,
    a.listed AND NOT a.disabled AND g.id > a.ended_through
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
