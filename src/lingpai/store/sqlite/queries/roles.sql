-- name: lead
-- An end of another epoch that lies further ahead than twice what is asked for was set by a clock that showed another
-- time, and is none: a role that two hold for a while harms nobody.
INSERT INTO roles (role, holder, end_wall, end_steady, end_epoch)
VALUES (:role, :holder, :end_wall, :end_steady, :end_epoch)
ON CONFLICT (role) DO UPDATE SET
    holder = excluded.holder, end_wall = excluded.end_wall, end_steady = excluded.end_steady,
    end_epoch = excluded.end_epoch
WHERE holder = excluded.holder
   OR CASE WHEN end_epoch = :epoch THEN end_steady <= :steady
           ELSE end_wall <= :wall OR end_wall > 2 * :end_wall - :wall END
RETURNING id;

-- name: resign
DELETE FROM roles WHERE role = ? AND holder = ?;

-- name: list_role_holders
SELECT role, holder, end_wall, end_steady, end_epoch FROM roles ORDER BY role;
