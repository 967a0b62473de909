-- Keys of callers that were replaced, each valid until its end (unix seconds).
CREATE TABLE former_caller_keys (
    digest BLOB PRIMARY KEY,
    caller_row INTEGER NOT NULL,
    ends_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER former_caller_keys_inserted AFTER INSERT ON former_caller_keys BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER former_caller_keys_updated AFTER UPDATE ON former_caller_keys BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER former_caller_keys_deleted AFTER DELETE ON former_caller_keys BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
