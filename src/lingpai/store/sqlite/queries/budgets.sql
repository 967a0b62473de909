-- name: take_budget
-- A refusal is written down once, not each time: a storm of refused callers must not become a storm of writes.
INSERT INTO budgets (subject, name, window, used, ceiling, granted, ends_at)
VALUES (:subject, :name, :window, :limit > 0, :limit, :limit > 0, :ends_at)
ON CONFLICT (subject, name, window) DO UPDATE SET
    used = used + (used < excluded.ceiling), granted = used < excluded.ceiling,
    ceiling = excluded.ceiling, ends_at = excluded.ends_at
WHERE used < excluded.ceiling OR granted = 1 OR ceiling <> excluded.ceiling
RETURNING used, granted;

-- name: read_budget
SELECT used, granted FROM budgets WHERE subject = :subject AND name = :name AND window = :window;

-- name: list_budgets
SELECT subject, name, window, used, ceiling, granted FROM budgets INDEXED BY budgets_by_end WHERE ends_at > ?
ORDER BY subject, name, window;
