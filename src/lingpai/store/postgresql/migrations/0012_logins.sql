-- What a login name has in common with its other spellings (`core.names.fold`), by which users are found, and the hash of a
-- password sealed; `password_hash` counts where it is not empty, as a release before writes it. Users that had the same name
-- but for its spelling keep their own: of such twins one has the key, the others have a blank and their exact name.
-- Names that are not ASCII get their key from the service, as do those that a release before adds.
ALTER TABLE issuer_users ADD COLUMN password_sealed bytea;
ALTER TABLE issuer_users ADD COLUMN login_key text COLLATE "C";

-- step: concurrently
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS issuer_users_by_key ON issuer_users (login_key, realm);

-- step: batches issuer_users
-- The key goes to the twin whose login is the key itself, else to the oldest; of those before this batch, one may have it.
UPDATE issuer_users AS u
SET login_key = CASE
    WHEN k.place = 1
        AND NOT EXISTS (SELECT FROM issuer_users t WHERE t.realm = k.realm AND t.login = k.key AND t.id <> k.id)
        AND NOT EXISTS (SELECT FROM issuer_users t WHERE t.realm = k.realm AND t.login_key = k.key)
    THEN k.key ELSE ' ' || u.login END
FROM (
    SELECT id, realm, lower(btrim(login)) AS key, row_number() OVER (
        PARTITION BY realm, lower(btrim(login)) ORDER BY login <> lower(btrim(login)), id
    ) AS place
    FROM issuer_users WHERE id > $1 AND id <= $2 AND login ~ '^[ -~]*$' AND login_key IS NULL
) AS k
WHERE k.id = u.id;
