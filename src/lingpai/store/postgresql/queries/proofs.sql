-- name: keep_proof
INSERT INTO proofs (digest, proven_at) VALUES ($1, $2)
ON CONFLICT (digest) DO UPDATE SET proven_at = excluded.proven_at;

-- name: has_proof
SELECT 1 FROM proofs WHERE digest = $1;
