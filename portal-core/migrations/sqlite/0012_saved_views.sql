-- Saved views: named states of a model's list.
CREATE TABLE portal_views (
    id          BLOB PRIMARY KEY NOT NULL,
    owner_id    BLOB NOT NULL,
    model       TEXT NOT NULL,
    name        TEXT NOT NULL,
    query       TEXT NOT NULL,
    -- NULL: only the owner; '*': everyone who may view the model; otherwise the name of a role.
    shared_with TEXT,
    created_at  DATETIME NOT NULL,
    updated_at  DATETIME NOT NULL
);
CREATE UNIQUE INDEX portal_views_name ON portal_views (model, owner_id, name);
