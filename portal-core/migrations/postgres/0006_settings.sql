-- What administrators set for the whole portal, by name; without a row it is what the program says.
CREATE TABLE portal_settings (
    key         TEXT PRIMARY KEY,
    value       JSONB NOT NULL,
    version     BIGINT NOT NULL,
    updated_at  TIMESTAMPTZ NOT NULL,
    updated_by  UUID REFERENCES portal_users (id) ON DELETE SET NULL
);
