-- name: list_signing_keys
SELECT realm, alg, number, kid, public_jwk, sealed, created_at, signs_from
FROM issuer_signing_keys WHERE realm = $1 ORDER BY alg, number;

-- name: add_signing_key
INSERT INTO issuer_signing_keys (realm, alg, number, kid, public_jwk, sealed, created_at, signs_from)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING number;

-- name: forget_signing_keys
-- Those before the newest one that has signed since before that time.
DELETE FROM issuer_signing_keys WHERE realm = $1 AND alg = $2 AND number < (
    SELECT max(number) FROM issuer_signing_keys WHERE realm = $1 AND alg = $2 AND signs_from < $3
);

-- name: sealed_signing_keys
SELECT substr(sealed, 1, 4), count(*) FROM issuer_signing_keys GROUP BY 1;

-- name: stale_signing_keys
SELECT realm, alg, number, kid, sealed FROM issuer_signing_keys
WHERE substr(sealed, 1, 4) < $1 ORDER BY realm, alg, number LIMIT $2;

-- name: reseal_signing_key
UPDATE issuer_signing_keys SET sealed = $1 WHERE realm = $2 AND alg = $3 AND number = $4;
