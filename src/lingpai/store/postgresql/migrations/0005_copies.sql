-- A copy of an embedded store into this database: begun, and finished or not. Nothing serves from an unfinished one.
CREATE TABLE store_copies (
    id integer PRIMARY KEY CHECK (id = 1),
    source text NOT NULL,
    fingerprint bytea NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
