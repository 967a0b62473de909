-- Which authorization requests were answered: the requests themselves travel sealed through the browser.
CREATE TABLE issuer_answers (
    digest bytea PRIMARY KEY,
    grant_row bigint,
    ends_at bigint NOT NULL
);
CREATE INDEX issuer_answers_by_end ON issuer_answers (ends_at);
