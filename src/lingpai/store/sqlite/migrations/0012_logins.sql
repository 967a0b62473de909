-- What a login name has in common with its other spellings (`core.names.fold`), by which users are found, and the hash of a
-- password sealed; `password_hash` counts where it is not empty, as a release before writes it. Users that had the same name
-- but for its spelling keep their own: of such twins one has the key, the others have a blank and their exact name.
-- Names that are not ASCII get their key from the service, as do those that a release before adds.
ALTER TABLE issuer_users ADD COLUMN password_sealed BLOB;
ALTER TABLE issuer_users ADD COLUMN login_key TEXT;
UPDATE issuer_users SET login_key = iif(id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (
            PARTITION BY realm, lower(trim(login)) ORDER BY login <> lower(trim(login)), id
        ) AS place
        FROM issuer_users WHERE login NOT GLOB '*[^ -~]*'
    ) WHERE place = 1
), lower(trim(login)), ' ' || login)
WHERE login NOT GLOB '*[^ -~]*';
CREATE UNIQUE INDEX issuer_users_by_key ON issuer_users (login_key, realm);
