-- What statistics count within a range of time.
CREATE INDEX portal_users_created ON portal_users (created_at);
CREATE INDEX portal_sessions_created ON portal_sessions (created_at, user_id);
