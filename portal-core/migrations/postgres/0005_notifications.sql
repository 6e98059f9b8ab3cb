-- Messages for a user. A message of a group joins the unread one of its group, so that a burst is
-- one entry with a count. No foreign key: its check would lock users wherever a task ends.
CREATE TABLE portal_notifications (
    id          UUID PRIMARY KEY,
    user_id     UUID NOT NULL,
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
    created_at  TIMESTAMPTZ NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    read_at     TIMESTAMPTZ
);
CREATE INDEX portal_notifications_user ON portal_notifications (user_id, updated_at, id);
CREATE INDEX portal_notifications_unread ON portal_notifications (user_id, updated_at)
    WHERE read_at IS NULL;
CREATE UNIQUE INDEX portal_notifications_group ON portal_notifications (user_id, group_name)
    WHERE read_at IS NULL;
