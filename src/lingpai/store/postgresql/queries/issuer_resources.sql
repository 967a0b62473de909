-- name: list_resources
SELECT realm, uri, name, scopes, token_format, alg, access, introspector, created_at
FROM issuer_resources WHERE realm = $1 ORDER BY uri;

-- name: find_resource
SELECT t.n, r.realm, r.uri, r.name, r.scopes, r.token_format, r.alg, r.access, r.introspector, r.created_at
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (realm, uri, n)
JOIN issuer_resources r ON r.realm = t.realm AND r.uri = t.uri;

-- name: save_resource
INSERT INTO issuer_resources (realm, uri, name, scopes, token_format, alg, access, introspector, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (realm, uri) DO UPDATE SET name = excluded.name, scopes = excluded.scopes,
    token_format = excluded.token_format, alg = excluded.alg, access = excluded.access,
    introspector = excluded.introspector
RETURNING realm, uri, name, scopes, token_format, alg, access, introspector, created_at;

-- name: remove_resource
DELETE FROM issuer_resources WHERE realm = $1 AND uri = $2 RETURNING uri;

-- name: lock_resource
SELECT realm, uri, name, scopes, token_format, alg, access, introspector, created_at
FROM issuer_resources WHERE realm = $1 AND uri = $2 FOR UPDATE;
