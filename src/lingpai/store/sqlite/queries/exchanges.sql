-- name: claim_exchange
INSERT INTO exchanges (digest, holder, claim_wall, claim_steady, claim_epoch, ends_at)
VALUES (:digest, :holder, :claim_wall, :claim_steady, :claim_epoch, :ends_at)
ON CONFLICT (digest) DO UPDATE SET
    holder = excluded.holder, claim_wall = excluded.claim_wall, claim_steady = excluded.claim_steady,
    claim_epoch = excluded.claim_epoch, answer = NULL, ends_at = excluded.ends_at
WHERE CASE WHEN answer IS NOT NULL THEN ends_at <= :wall
           WHEN claim_epoch = :epoch THEN claim_steady <= :steady
           ELSE claim_wall <= :wall END
RETURNING id;

-- name: read_answer
SELECT answer FROM exchanges WHERE digest = ?;

-- name: finish_exchange
UPDATE exchanges SET answer = :answer, ends_at = :ends_at
WHERE digest = :digest AND holder = :holder AND answer IS NULL
RETURNING id;

-- name: drop_exchange
DELETE FROM exchanges WHERE digest = :digest AND holder = :holder AND answer IS NULL RETURNING id;
