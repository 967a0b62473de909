-- Batched statements take an array per argument and return the ordinal of the call first (see `engine`).

-- name: add_pushed
WITH t AS MATERIALIZED (
    SELECT nextval('issuer_pushed_requests_id_seq') AS id, u.* FROM unnest(
        $1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[]
    ) WITH ORDINALITY AS u (app_row, salt, params, created_at, ends_at, n)
), added AS (
    INSERT INTO issuer_pushed_requests (id, app_row, salt, params, created_at, ends_at)
    SELECT id, app_row, salt, params, created_at, ends_at FROM t
)
SELECT n, id FROM t;

-- name: read_pushed
SELECT t.n, p.id, p.app_row, p.salt, p.params, p.created_at, p.ends_at
FROM unnest($1::bigint[]) WITH ORDINALITY AS t (id, n)
JOIN issuer_pushed_requests p ON p.id = t.id;
