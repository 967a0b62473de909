-- A grant with what decides about it. As a view, since SQLite's driver reads all of a statement's text each time that it is
-- run, and this one is run for nearly every request.
CREATE VIEW issuer_grant_views_v1 AS
SELECT g.id, g.realm, g.kind, g.app_row, g.user_row, g.machine_row, g.member_row, g.scope, g.redirect_uri,
    g.challenge, g.challenge_method, g.nonce, g.audience, g.state, g.generation, g.rotated_at, g.created_at,
    g.ends_at, g.limit_at, g.end_reason,
    a.app_id,
    a.listed = 1 AND a.disabled = 0 AND g.id > a.ended_through
        AND (g.user_row IS NULL OR (u.disabled = 0 AND g.id > u.ended_through))
        AND (g.member_row IS NULL OR g.id > m.ended_through)
        AND (g.machine_row IS NULL OR t.id IS NOT NULL) AS usable,
    m.open_id, t.machine_code
FROM issuer_grants g
LEFT JOIN issuer_apps a ON a.id = g.app_row
LEFT JOIN issuer_users u ON u.id = g.user_row
LEFT JOIN issuer_members m ON m.id = g.member_row
LEFT JOIN issuer_machines t ON t.id = g.machine_row;
