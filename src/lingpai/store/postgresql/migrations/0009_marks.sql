-- From where an owner (1 a user, 2 an app) has proved who they are: keyed digests of browsers and networks. Whoever comes
-- from there again is not shut out by what others tried. So many per owner at most, and none that a stranger could make.
CREATE TABLE issuer_marks (
    owner_kind smallint NOT NULL,
    owner_row bigint NOT NULL,
    digest bytea NOT NULL,
    ends_at bigint NOT NULL,
    PRIMARY KEY (owner_kind, owner_row, digest)
);
CREATE INDEX issuer_marks_by_end ON issuer_marks (ends_at);
