-- name: keep_proof
INSERT INTO proofs (digest, proven_at) VALUES (?, ?)
ON CONFLICT (digest) DO UPDATE SET proven_at = excluded.proven_at;

-- name: has_proof
SELECT 1 FROM proofs WHERE digest = ?;
