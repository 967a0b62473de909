-- A redemption moves the end on as a refresh does, and leaves `look_at` alone as well (see 0006): purging looks at what
-- was a code when that would have ended, and then at its end.
DROP TRIGGER issuer_grant_turned ON issuer_grants;
CREATE TRIGGER issuer_grant_turned BEFORE UPDATE OF ends_at ON issuer_grants FOR EACH ROW
WHEN (NEW.ends_at < OLD.look_at) EXECUTE FUNCTION issuer_look_at_end_v1();

-- step: concurrently
-- Nor is the state, which a redemption changes, part of any index; what a condition of an index names counts as well.
CREATE INDEX CONCURRENTLY IF NOT EXISTS issuer_grants_by_machine ON issuer_grants (machine_row, app_row) WHERE machine_row IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS issuer_codes_by_machine;
