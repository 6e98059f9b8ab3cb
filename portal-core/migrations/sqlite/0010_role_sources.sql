-- Source of `user_type`. NULL in rows that only an older version has written.
ALTER TABLE portal_users ADD COLUMN role_source TEXT;
-- The role apart from ADMIN_USER_EMAILS and its source: what is left when the configuration ends.
ALTER TABLE portal_users ADD COLUMN assigned_role TEXT;
ALTER TABLE portal_users ADD COLUMN assigned_source TEXT;
CREATE INDEX portal_users_role ON portal_users (user_type);

-- The provider's id of the impersonator; empty without one, NULL in rows of an older version.
ALTER TABLE portal_sessions ADD COLUMN actor TEXT;
