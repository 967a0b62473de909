-- Key rotation finds what older keys encrypted without reading every row of tables that grow with traffic and merchants.
-- step: concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS relay_messages_by_key ON relay_messages (substr(content, 1, 4));
-- step: concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS pushes_by_key ON pushes (substr(content, 1, 4)) WHERE content IS NOT NULL;
-- step: concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS accounts_by_further_key ON accounts (substr(further, 1, 4))
WHERE further IS NOT NULL;
