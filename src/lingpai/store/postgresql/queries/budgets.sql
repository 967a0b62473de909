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
    RETURNING b.subject, b.name, b."window", b.used, b.granted, b.ceiling
), low AS (
    -- Those of configured accounts that have become low by this (`store.events`).
    SELECT a.*, taken.name, taken.used, taken.ceiling, row_number() OVER (ORDER BY taken.subject, taken.name) AS n,
           count(*) OVER () AS many
    FROM taken CROSS JOIN LATERAL (
        SELECT platform, account, min(label) AS label FROM accounts
        WHERE platform = split_part(taken.subject, '/', 1)
          AND account = split_part(split_part(taken.subject, '/', 2), '#', 1)
        GROUP BY platform, account
    ) AS a
    WHERE taken.granted AND taken.ceiling > 1 AND taken.used = floor(taken.ceiling * 0.8)
), head AS (
    INSERT INTO event_head (id, last) SELECT 1, max(many) FROM low HAVING count(*) > 0
    ON CONFLICT (id) DO UPDATE SET last = event_head.last + excluded.last
    RETURNING last
), noted AS (
    INSERT INTO events (id, at, type, platform, account, label, kind, version, data)
    SELECT head.last - low.many + low.n, extract(epoch FROM clock_timestamp()), 'budget.low', low.platform, low.account,
           low.label, '', 0, json_build_object('budget', low.name, 'used', low.used, 'limit', low.ceiling)::text
    FROM low CROSS JOIN head
)
SELECT t.n, taken.used, taken.granted FROM taken JOIN t USING (subject, name, "window");

-- name: read_budget
SELECT t.n, b.used
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t (subject, name, "window", n)
JOIN budgets b ON b.subject = t.subject AND b.name = t.name AND b."window" = t."window";

-- name: list_budgets
SELECT subject, name, "window", used, ceiling, granted FROM budgets WHERE ends_at > $1
ORDER BY subject, name, "window";
