-- What operators list goes by an index, a page at a time: grants of an app and of a terminal.
-- step: concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS issuer_grants_by_app ON issuer_grants (app_row, id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS issuer_grants_by_terminal ON issuer_grants (machine_row, id)
WHERE machine_row IS NOT NULL;
