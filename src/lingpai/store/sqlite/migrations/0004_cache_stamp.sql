-- What readers keep decoded comes from these tables, and only when one of them changes do they have to let go of it.
-- Grants, quotas and leases change all the time and are read anew each time: they have no part in it.
CREATE TABLE cache_stamp (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    stamp INTEGER NOT NULL
) STRICT;
INSERT INTO cache_stamp VALUES (1, 0);

CREATE TRIGGER accounts_inserted AFTER INSERT ON accounts BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER accounts_updated AFTER UPDATE ON accounts BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER accounts_deleted AFTER DELETE ON accounts BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER callers_inserted AFTER INSERT ON callers BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER callers_updated AFTER UPDATE ON callers BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER callers_deleted AFTER DELETE ON callers BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER credentials_inserted AFTER INSERT ON credentials BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER credentials_updated AFTER UPDATE ON credentials BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER credentials_deleted AFTER DELETE ON credentials BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER generations_inserted AFTER INSERT ON generations BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER generations_updated AFTER UPDATE ON generations BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER generations_deleted AFTER DELETE ON generations BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER issuer_apps_inserted AFTER INSERT ON issuer_apps BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER issuer_apps_updated AFTER UPDATE ON issuer_apps BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER issuer_apps_deleted AFTER DELETE ON issuer_apps BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;

CREATE TRIGGER issuer_secrets_inserted AFTER INSERT ON issuer_secrets BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER issuer_secrets_updated AFTER UPDATE ON issuer_secrets BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER issuer_secrets_deleted AFTER DELETE ON issuer_secrets BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
