-- name: lead
INSERT INTO roles AS r (role, holder, end_wall, end_steady, end_epoch) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (role) DO UPDATE SET
    holder = excluded.holder, end_wall = excluded.end_wall, end_steady = excluded.end_steady,
    end_epoch = excluded.end_epoch
WHERE r.holder = excluded.holder
   OR CASE WHEN r.end_epoch = $8 THEN r.end_steady <= $7 ELSE r.end_wall <= $6 END
RETURNING id;

-- name: resign
DELETE FROM roles WHERE role = $1 AND holder = $2;
