-- What the standard protocol tells of a user besides the profile, by the names of OpenID Connect Core §5.1, as JSON.
ALTER TABLE issuer_users ADD COLUMN claims text NOT NULL DEFAULT '{}';
-- Random; it stays when the same user logs in again, and clients know the session by it. 0 for those of releases before.
ALTER TABLE issuer_sessions ADD COLUMN sid bigint NOT NULL DEFAULT 0;
