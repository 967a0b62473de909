-- What caller keys may have forwarded (patterns of paths, as JSON), and whether they get the platform's token or a phantom
-- token; for keys that do not say it, the account does.
ALTER TABLE callers ADD COLUMN forward text NOT NULL DEFAULT '[]';
ALTER TABLE callers ADD COLUMN hand_out text NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN hand_out text NOT NULL DEFAULT '';
