-- name: find_account
SELECT id, secret_digest, mode FROM accounts WHERE platform = :platform AND account = :account AND label = :label;

-- name: save_account
INSERT INTO accounts (platform, account, label, secret, secret_digest, mode, domains, source, hand_out, origins,
                      further)
VALUES (:platform, :account, :label, :secret, :secret_digest, :mode, :domains, :source, :hand_out, :origins,
        :further)
ON CONFLICT (platform, account, label) DO UPDATE SET
    secret = excluded.secret, secret_digest = excluded.secret_digest, mode = excluded.mode,
    domains = excluded.domains, source = excluded.source, hand_out = excluded.hand_out,
    origins = excluded.origins, further = excluded.further;

-- name: make_due
INSERT INTO credentials (platform, account, secret_digest, kind, renew_wall, renew_steady, renew_epoch, idle_at)
VALUES (:platform, :account, :secret_digest, :kind, :wall, :steady, :epoch, :wall)
ON CONFLICT (platform, account, secret_digest, kind) DO UPDATE SET
    renew_wall = excluded.renew_wall, renew_steady = excluded.renew_steady, renew_epoch = excluded.renew_epoch
WHERE :again;

-- name: remove_account
DELETE FROM accounts WHERE platform = ? AND account = ? AND label = ? RETURNING secret_digest;

-- name: remove_held
-- Another label of the account may have the same secret; then what is held stays, for it.
DELETE FROM credentials
WHERE platform = :platform AND account = :account AND secret_digest = :secret_digest
  AND NOT EXISTS (
    SELECT 1 FROM accounts a
    WHERE a.platform = :platform AND a.account = :account AND a.secret_digest = :secret_digest
  );

-- name: take_over_terminals
-- Owners of terminals granted them to the app, not to its secret; what began with a code cannot be fetched anew.
UPDATE OR IGNORE credentials SET secret_digest = :secret_digest, trouble = NULL
WHERE platform = :platform AND account = :account AND secret_digest = :before AND kind GLOB 'terminal:*'
  AND NOT EXISTS (
    SELECT 1 FROM accounts a
    WHERE a.platform = :platform AND a.account = :account AND a.secret_digest = :before
  );

-- name: find_accounts
SELECT platform, account, label, secret, mode, domains, source, hand_out, origins, further
FROM accounts WHERE platform = ? AND account = ? ORDER BY label;

-- name: list_accounts
SELECT platform, account, label, secret, mode, domains, source, hand_out, origins, further
FROM accounts ORDER BY platform, account, label;
