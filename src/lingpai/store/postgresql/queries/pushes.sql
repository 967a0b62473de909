-- name: keep_push
INSERT INTO pushes (digest, platform, account, content, at, next_at, attempts, outcome)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (digest) DO NOTHING RETURNING id;

-- name: find_push
SELECT id, digest, platform, account, content, at, next_at, attempts, outcome FROM pushes WHERE digest = $1;

-- name: due_pushes
SELECT id, digest, platform, account, content, at, next_at, attempts, outcome FROM pushes
WHERE content IS NOT NULL AND next_at <= $1 ORDER BY next_at LIMIT $2;

-- name: claim_push
UPDATE pushes SET next_at = $3, attempts = attempts + 1
WHERE id = $1 AND content IS NOT NULL AND attempts = $2
RETURNING id;

-- name: postpone_push
UPDATE pushes SET next_at = $3, outcome = $4
WHERE id = $1 AND content IS NOT NULL AND attempts = $2
RETURNING id;

-- name: settle_push
UPDATE pushes SET content = NULL, outcome = $2 WHERE id = $1 AND content IS NOT NULL RETURNING id;
