-- name: add_device
INSERT INTO issuer_devices (user_code, app_row, salt, params, created_at, ends_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id;

-- name: read_device
SELECT id, user_code, app_row, salt, params, created_at, ends_at FROM issuer_devices WHERE id = ?;

-- name: find_device
SELECT id, user_code, app_row, salt, params, created_at, ends_at FROM issuer_devices WHERE user_code = ?;
