-- name: list_signing_keys
SELECT realm, alg, number, kid, public_jwk, sealed, created_at, signs_from
FROM issuer_signing_keys WHERE realm = ? ORDER BY alg, number;

-- name: add_signing_key
INSERT INTO issuer_signing_keys (realm, alg, number, kid, public_jwk, sealed, created_at, signs_from)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING number;

-- name: forget_signing_keys
-- Those before the newest one that has signed since before that time.
DELETE FROM issuer_signing_keys WHERE realm = :realm AND alg = :alg AND number < (
    SELECT max(number) FROM issuer_signing_keys WHERE realm = :realm AND alg = :alg AND signs_from < :before
);

-- name: sealed_signing_keys
SELECT substr(sealed, 1, 4), count(*) FROM issuer_signing_keys GROUP BY 1;

-- name: stale_signing_keys
SELECT realm, alg, number, kid, sealed FROM issuer_signing_keys
WHERE substr(sealed, 1, 4) < ? ORDER BY realm, alg, number LIMIT ?;

-- name: reseal_signing_key
UPDATE issuer_signing_keys SET sealed = ? WHERE realm = ? AND alg = ? AND number = ?;
