-- What happened to accounts, for who listens: each written in the transaction that makes it so. Ids grow in the order of
-- commits and have no gaps.
CREATE TABLE events (
    id bigint PRIMARY KEY,
    at float8 NOT NULL,
    type text NOT NULL,
    platform text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    data text NOT NULL
);
CREATE INDEX events_at ON events (at);

-- The newest event; who adds one locks it.
CREATE TABLE event_head (
    id bigint PRIMARY KEY CHECK (id = 1),
    last bigint NOT NULL
);
CREATE TRIGGER event_head_tell AFTER INSERT OR UPDATE ON event_head
    FOR EACH ROW EXECUTE FUNCTION lingpai_tell();
