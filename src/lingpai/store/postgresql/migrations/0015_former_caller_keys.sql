-- Keys of callers that were replaced, each valid until its end (unix seconds).
CREATE TABLE former_caller_keys (
    digest bytea PRIMARY KEY,
    caller_row bigint NOT NULL,
    ends_at double precision NOT NULL
);
