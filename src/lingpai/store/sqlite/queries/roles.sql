-- name: lead
INSERT INTO roles (role, holder, end_wall, end_steady, end_epoch)
VALUES (:role, :holder, :end_wall, :end_steady, :end_epoch)
ON CONFLICT (role) DO UPDATE SET
    holder = excluded.holder, end_wall = excluded.end_wall, end_steady = excluded.end_steady,
    end_epoch = excluded.end_epoch
WHERE holder = excluded.holder
   OR CASE WHEN end_epoch = :epoch THEN end_steady <= :steady ELSE end_wall <= :wall END
RETURNING id;

-- name: resign
DELETE FROM roles WHERE role = ? AND holder = ?;
