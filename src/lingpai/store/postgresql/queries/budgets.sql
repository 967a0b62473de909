-- name: take_budget
-- A refusal is written down once, not each time: a storm of refused callers must not become a storm of writes.
WITH t AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::float8[]) WITH ORDINALITY
        AS t (subject, name, "window", ceiling, ends_at, n)
), taken AS (
    INSERT INTO budgets AS b (subject, name, "window", used, ceiling, granted, ends_at)
    SELECT subject, name, "window", (ceiling > 0)::int, ceiling, ceiling > 0, ends_at FROM t ORDER BY 1, 2, 3
    ON CONFLICT (subject, name, "window") DO UPDATE SET
        used = b.used + (b.used < excluded.ceiling)::int, granted = b.used < excluded.ceiling,
        ceiling = excluded.ceiling, ends_at = excluded.ends_at
    WHERE b.used < excluded.ceiling OR b.granted OR b.ceiling <> excluded.ceiling
    RETURNING b.subject, b.name, b."window", b.used, b.granted
)
SELECT t.n, taken.used, taken.granted FROM taken JOIN t USING (subject, name, "window");

-- name: read_budget
SELECT t.n, b.used
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t (subject, name, "window", n)
JOIN budgets b ON b.subject = t.subject AND b.name = t.name AND b."window" = t."window";

-- name: list_budgets
SELECT subject, name, "window", used, ceiling, granted FROM budgets WHERE ends_at > $1
ORDER BY subject, name, "window";
