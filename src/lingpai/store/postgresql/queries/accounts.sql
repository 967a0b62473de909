-- name: lock_account
-- Whoever changes labels of one account comes one after the other: what is held hangs on all of them.
SELECT pg_advisory_xact_lock(hashtextextended('lingpai account ' || $1::text || '/' || $2::text, 0));

-- name: find_account
SELECT secret_digest, mode FROM accounts WHERE platform = $1 AND account = $2 AND label = $3;

-- name: save_account
INSERT INTO accounts (platform, account, label, secret, secret_digest, mode, domains, source, hand_out, origins,
                      further)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (platform, account, label) DO UPDATE SET
    secret = excluded.secret, secret_digest = excluded.secret_digest, mode = excluded.mode,
    domains = excluded.domains, source = excluded.source, hand_out = excluded.hand_out,
    origins = excluded.origins, further = excluded.further;

-- name: make_due
-- That it is in use again keeps it from a purge that looked before.
INSERT INTO credentials (platform, account, secret_digest, kind, renew_wall, renew_steady, renew_epoch, idle_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $5)
ON CONFLICT (platform, account, secret_digest, kind) DO UPDATE SET
    renew_wall = excluded.renew_wall, renew_steady = excluded.renew_steady, renew_epoch = excluded.renew_epoch,
    idle_at = greatest(credentials.idle_at, excluded.idle_at)
WHERE $8::boolean;

-- name: remove_account
DELETE FROM accounts WHERE platform = $1 AND account = $2 AND label = $3 RETURNING secret_digest;

-- name: remove_held
-- Another label of the account may have the same secret; then what is held stays, for it.
DELETE FROM credentials
WHERE platform = $1 AND account = $2 AND secret_digest = $3
  AND NOT EXISTS (SELECT FROM accounts a WHERE a.platform = $1 AND a.account = $2 AND a.secret_digest = $3);

-- name: take_over_terminals
-- Owners of terminals granted them to the app, not to its secret; what began with a code cannot be fetched anew.
UPDATE credentials c SET secret_digest = $4, trouble = NULL
WHERE c.platform = $1 AND c.account = $2 AND c.secret_digest = $3 AND starts_with(c.kind, 'terminal:')
  AND NOT EXISTS (SELECT FROM accounts a WHERE a.platform = $1 AND a.account = $2 AND a.secret_digest = $3)
  AND NOT EXISTS (SELECT FROM credentials o WHERE o.platform = $1 AND o.account = $2 AND o.secret_digest = $4
                  AND o.kind = c.kind);

-- name: find_accounts
SELECT t.n, a.platform, a.account, a.label, a.secret, a.mode, a.domains, a.source, a.hand_out, a.origins,
       a.further
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (platform, account, n)
JOIN accounts a ON a.platform = t.platform AND a.account = t.account
ORDER BY t.n, a.label;

-- name: list_accounts
SELECT platform, account, label, secret, mode, domains, source, hand_out, origins, further
FROM accounts ORDER BY platform, account, label;
