-- When purging looks at a grant: at its end, or before it, and then again. So a refresh, which moves the end on, leaves
-- the index alone: with millions of grants it would be another page to read and to write for each.
ALTER TABLE issuer_grants ADD COLUMN look_at INTEGER NOT NULL DEFAULT 0;
UPDATE issuer_grants SET look_at = ends_at;
CREATE INDEX issuer_grants_by_look ON issuer_grants (look_at);
DROP INDEX issuer_grants_by_end;
