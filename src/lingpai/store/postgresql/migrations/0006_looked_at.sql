-- When purging looks at a grant: at its end, or before it, and then again. So a refresh, which moves the end on, changes
-- no column that is indexed, and writes one row version on the same page (HOT) instead of an entry in every index.
ALTER TABLE issuer_grants ADD COLUMN look_at bigint NOT NULL DEFAULT 0;

CREATE FUNCTION issuer_look_at_end_v1() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.look_at := NEW.ends_at;
    RETURN NEW;
END
$$;

CREATE TRIGGER issuer_grant_added BEFORE INSERT ON issuer_grants FOR EACH ROW
WHEN (NEW.look_at = 0) EXECUTE FUNCTION issuer_look_at_end_v1();

-- A code that is redeemed, and whatever ends sooner than it was to be looked at.
CREATE TRIGGER issuer_grant_turned BEFORE UPDATE OF ends_at ON issuer_grants FOR EACH ROW
WHEN (NEW.state <> OLD.state OR NEW.ends_at < OLD.look_at) EXECUTE FUNCTION issuer_look_at_end_v1();

-- step: batches issuer_grants
UPDATE issuer_grants SET look_at = ends_at WHERE id > $1 AND id <= $2 AND look_at = 0;

-- step: concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS issuer_grants_by_look ON issuer_grants (look_at);
DROP INDEX CONCURRENTLY IF EXISTS issuer_grants_by_end;
