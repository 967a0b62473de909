-- name: claim_exchange
INSERT INTO exchanges AS e (digest, holder, claim_wall, claim_steady, claim_epoch, ends_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (digest) DO UPDATE SET
    holder = excluded.holder, claim_wall = excluded.claim_wall, claim_steady = excluded.claim_steady,
    claim_epoch = excluded.claim_epoch, answer = NULL, ends_at = excluded.ends_at
WHERE CASE WHEN e.answer IS NOT NULL THEN e.ends_at <= $7
           WHEN e.claim_epoch = $9 THEN e.claim_steady <= $8
           ELSE e.claim_wall <= $7 END
RETURNING id;

-- name: read_answer
SELECT answer FROM exchanges WHERE digest = $1;

-- name: finish_exchange
UPDATE exchanges SET answer = $3, ends_at = $4 WHERE digest = $1 AND holder = $2 AND answer IS NULL RETURNING id;

-- name: drop_exchange
DELETE FROM exchanges WHERE digest = $1 AND holder = $2 AND answer IS NULL RETURNING id;
