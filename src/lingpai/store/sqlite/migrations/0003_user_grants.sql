-- A user's own page lists what they allowed. Apps' own tokens and tickets have no user and cost nothing here.
CREATE INDEX issuer_grants_by_user ON issuer_grants (user_row, id) WHERE user_row IS NOT NULL;
