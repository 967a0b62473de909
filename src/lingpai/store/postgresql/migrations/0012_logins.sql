-- What a login name has in common with its other spellings (`core.names.fold`), by which users are found, and the hash of a
-- password sealed; `password_hash` counts where it is not empty, as a release before writes it. Users that had the same name
-- but for its spelling keep their own: of such twins one has the key, the others have a blank and their exact name.
-- Names that are not ASCII get their key from the service, as do those that a release before adds.
ALTER TABLE issuer_users ADD COLUMN password_sealed bytea;
ALTER TABLE issuer_users ADD COLUMN login_key text COLLATE "C";
UPDATE issuer_users AS u
SET login_key = CASE k.place WHEN 1 THEN lower(btrim(u.login)) ELSE ' ' || u.login END
FROM (
    SELECT id, row_number() OVER (
        PARTITION BY realm, lower(btrim(login)) ORDER BY login <> lower(btrim(login)), id
    ) AS place
    FROM issuer_users WHERE login ~ '^[ -~]*$'
) AS k
WHERE k.id = u.id;
CREATE UNIQUE INDEX issuer_users_by_key ON issuer_users (login_key, realm);
