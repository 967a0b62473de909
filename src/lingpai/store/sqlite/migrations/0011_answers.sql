-- Which authorization requests were answered: the requests themselves travel sealed through the browser.
CREATE TABLE issuer_answers (
    digest BLOB PRIMARY KEY,
    grant_row INTEGER,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX issuer_answers_by_end ON issuer_answers (ends_at);
