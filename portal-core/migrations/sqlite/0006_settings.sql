-- What administrators set for the whole portal, by name; without a row it is what the program says.
CREATE TABLE portal_settings (
    key         TEXT PRIMARY KEY NOT NULL,
    value       TEXT NOT NULL,
    version     BIGINT NOT NULL,
    updated_at  DATETIME NOT NULL,
    updated_by  BLOB REFERENCES portal_users (id) ON DELETE SET NULL
);
