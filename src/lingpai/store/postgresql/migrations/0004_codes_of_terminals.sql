-- A terminal that is taken from an app takes its unspent codes with it. Other codes and all tokens cost nothing here.
-- step: concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS issuer_codes_by_machine ON issuer_grants (machine_row, app_row)
WHERE machine_row IS NOT NULL AND state = 0;
