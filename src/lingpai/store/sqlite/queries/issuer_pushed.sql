-- name: add_pushed
INSERT INTO issuer_pushed_requests (app_row, salt, params, created_at, ends_at) VALUES (?, ?, ?, ?, ?) RETURNING id;

-- name: read_pushed
SELECT id, app_row, salt, params, created_at, ends_at FROM issuer_pushed_requests WHERE id = ?;
