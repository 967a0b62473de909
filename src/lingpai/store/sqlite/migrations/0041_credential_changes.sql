-- With thousands of accounts, one of them is renewed every second. What readers keep of the others stays: a change of a
-- credential is listed here by the credential's id, and counted in `changed` as well as in the stamp. So readers tell it
-- from what empties all that they keep: a change of `stamp - changed`. What adds or removes a credential, or names it
-- otherwise, is such a change. Readers of earlier versions look at the stamp alone, as before.
ALTER TABLE cache_stamp ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;

-- The last thousand changes; `cache_stamp.changed` is the id of the last one.
CREATE TABLE credential_changes (
    id INTEGER PRIMARY KEY,
    credential_id INTEGER NOT NULL
) STRICT;
CREATE TRIGGER credential_changes_inserted AFTER INSERT ON credential_changes BEGIN
    UPDATE cache_stamp SET stamp = stamp + 1, changed = NEW.id;
    DELETE FROM credential_changes WHERE id <= NEW.id - 1000;
END;

DROP TRIGGER credentials_updated;
CREATE TRIGGER credentials_renamed AFTER UPDATE OF id, platform, account, secret_digest, kind ON credentials BEGIN
    UPDATE cache_stamp SET stamp = stamp + 1;
END;
CREATE TRIGGER credentials_updated
AFTER UPDATE OF version, suspect, trouble, renew_wall, renew_steady, renew_epoch ON credentials BEGIN
    INSERT INTO credential_changes (credential_id) VALUES (NEW.id);
END;

DROP TRIGGER generations_inserted;
DROP TRIGGER generations_updated;
DROP TRIGGER generations_deleted;
CREATE TRIGGER generations_inserted AFTER INSERT ON generations BEGIN
    INSERT INTO credential_changes (credential_id) VALUES (NEW.credential_id);
END;
CREATE TRIGGER generations_updated AFTER UPDATE ON generations BEGIN
    INSERT INTO credential_changes (credential_id) VALUES (NEW.credential_id);
END;
CREATE TRIGGER generations_deleted AFTER DELETE ON generations BEGIN
    INSERT INTO credential_changes (credential_id) VALUES (OLD.credential_id);
END;
