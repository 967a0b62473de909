-- What an account of a third-party platform has besides (as JSON, encrypted): its callback's keys, or who acts for it.
ALTER TABLE accounts ADD COLUMN further BLOB;
