-- Origins of the pages whose scripts may have themselves signed without a key (as JSON).
ALTER TABLE accounts ADD COLUMN origins TEXT NOT NULL DEFAULT '[]';
