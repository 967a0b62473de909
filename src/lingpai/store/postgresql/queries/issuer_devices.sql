-- Batched statements take an array per argument and return the ordinal of the call first (see `engine`).

-- name: add_device
INSERT INTO issuer_devices (user_code, app_row, salt, params, created_at, ends_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING id;

-- name: read_device
SELECT t.n, d.id, d.user_code, d.app_row, d.salt, d.params, d.created_at, d.ends_at
FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, n)
JOIN issuer_devices d ON d.id = t.id;

-- name: find_device
SELECT id, user_code, app_row, salt, params, created_at, ends_at FROM issuer_devices WHERE user_code = $1;
