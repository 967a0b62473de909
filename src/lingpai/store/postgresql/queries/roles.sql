-- name: lead
-- An end of another epoch that lies further ahead than twice what is asked for was set by a clock that showed another
-- time, and is none: a role that two hold for a while harms nobody.
INSERT INTO roles AS r (role, holder, end_wall, end_steady, end_epoch) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (role) DO UPDATE SET
    holder = excluded.holder, end_wall = excluded.end_wall, end_steady = excluded.end_steady,
    end_epoch = excluded.end_epoch
WHERE r.holder = excluded.holder
   OR CASE WHEN r.end_epoch = $8 THEN r.end_steady <= $7
           ELSE r.end_wall <= $6 OR r.end_wall > 2 * $3::float8 - $6 END
RETURNING id;

-- name: resign
DELETE FROM roles WHERE role = $1 AND holder = $2;

-- name: list_role_holders
SELECT role, holder, end_wall, end_steady, end_epoch FROM roles ORDER BY role;
