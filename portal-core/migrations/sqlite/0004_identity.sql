-- Banned by the identity provider; `is_active` is the portal's own switch.
ALTER TABLE portal_users ADD COLUMN is_banned BOOLEAN NOT NULL DEFAULT FALSE;
-- A user whom the provider has deleted: nothing personal is left in his row, and his subject is
-- never taken for a new user.
ALTER TABLE portal_users ADD COLUMN deleted_at DATETIME;
-- The provider's newest change that has been taken over, in milliseconds since 1970: older ones
-- that arrive later are passed over.
ALTER TABLE portal_users ADD COLUMN provider_updated_at BIGINT NOT NULL DEFAULT 0;

-- A session may end before the portal has seen it, and then has no user here.
CREATE TABLE portal_sessions_new (
    id          TEXT PRIMARY KEY NOT NULL,
    user_id     BLOB REFERENCES portal_users (id) ON DELETE CASCADE,
    created_at  DATETIME NOT NULL,
    expires_at  DATETIME NOT NULL,
    ended_at    DATETIME
);
INSERT INTO portal_sessions_new (id, user_id, created_at, expires_at, ended_at)
    SELECT id, user_id, created_at, expires_at, ended_at FROM portal_sessions;
DROP TABLE portal_sessions;
ALTER TABLE portal_sessions_new RENAME TO portal_sessions;
CREATE INDEX portal_sessions_expiry ON portal_sessions (expires_at);
CREATE INDEX portal_sessions_user ON portal_sessions (user_id);

-- Messages of the provider whose effect is in the database; a row is written with the effect.
CREATE TABLE portal_provider_events (
    id           TEXT PRIMARY KEY NOT NULL,
    received_at  DATETIME NOT NULL
);
CREATE INDEX portal_provider_events_received ON portal_provider_events (received_at);

-- The provider's id of whoever acted in the name of the actor.
ALTER TABLE portal_audit_log ADD COLUMN acted_by TEXT;
CREATE INDEX portal_audit_log_actor ON portal_audit_log (actor_user_id, id);
