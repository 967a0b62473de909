-- What operators list goes by an index, a page at a time: grants of an app and of a terminal, users of a realm. The row's id
-- is the last part of each index.
CREATE INDEX issuer_grants_by_app ON issuer_grants (app_row);
CREATE INDEX issuer_grants_by_terminal ON issuer_grants (machine_row) WHERE machine_row IS NOT NULL;
CREATE INDEX issuer_users_by_realm ON issuer_users (realm);
