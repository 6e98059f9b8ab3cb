-- Messages for a user. A message of a group joins the unread one of its group, so that a burst is
-- one entry with a count. No foreign key: its check would lock users wherever a task ends.
CREATE TABLE portal_notifications (
    id          BLOB PRIMARY KEY NOT NULL,
    user_id     BLOB NOT NULL,
    kind        TEXT NOT NULL,
    group_name  TEXT,
    title       TEXT NOT NULL,
    -- The title of several, with `{count}` in it.
    plural      TEXT,
    count       INTEGER NOT NULL DEFAULT 1,
    text        TEXT,
    -- A path of the portal.
    link        TEXT,
    tone        TEXT NOT NULL,
    created_at  DATETIME NOT NULL,
    updated_at  DATETIME NOT NULL,
    read_at     DATETIME
);
CREATE INDEX portal_notifications_user ON portal_notifications (user_id, updated_at, id);
CREATE INDEX portal_notifications_unread ON portal_notifications (user_id, updated_at)
    WHERE read_at IS NULL;
CREATE UNIQUE INDEX portal_notifications_group ON portal_notifications (user_id, group_name)
    WHERE read_at IS NULL;
