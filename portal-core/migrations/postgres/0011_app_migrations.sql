-- Applied migrations of the application and of plugins.
CREATE TABLE portal_app_migrations (
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (owner, version)
);

-- Newest migration of each owner when the portal created a model's table in its present form:
-- these migrations must not change the table again.
CREATE TABLE portal_table_baselines (
    table_name TEXT NOT NULL,
    owner TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (table_name, owner)
);
