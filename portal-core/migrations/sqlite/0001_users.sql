CREATE TABLE portal_users (
    id              BLOB PRIMARY KEY NOT NULL,
    subject         TEXT NOT NULL UNIQUE,
    email           TEXT NOT NULL DEFAULT '',
    email_verified  BOOLEAN NOT NULL DEFAULT FALSE,
    first_name      TEXT NOT NULL DEFAULT '',
    last_name       TEXT NOT NULL DEFAULT '',
    avatar_url      TEXT,
    user_type       TEXT NOT NULL,
    is_active       BOOLEAN NOT NULL DEFAULT TRUE,
    user_attribute  TEXT NOT NULL DEFAULT '{}',
    preferences     TEXT NOT NULL DEFAULT '{}',
    created_at      DATETIME NOT NULL,
    updated_at      DATETIME NOT NULL,
    last_login      DATETIME
);
CREATE INDEX portal_users_email ON portal_users (email);

-- A row for each session that was seen; one that has ended is refused from then on.
CREATE TABLE portal_sessions (
    id          TEXT PRIMARY KEY NOT NULL,
    user_id     BLOB NOT NULL REFERENCES portal_users (id) ON DELETE CASCADE,
    created_at  DATETIME NOT NULL,
    expires_at  DATETIME NOT NULL,
    ended_at    DATETIME
);
CREATE INDEX portal_sessions_expiry ON portal_sessions (expires_at);

-- What the portal and its identity provider keep for themselves, such as signing keys.
CREATE TABLE portal_values (
    name   TEXT PRIMARY KEY NOT NULL,
    value  TEXT NOT NULL
);
