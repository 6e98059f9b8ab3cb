INSERT INTO note VALUES ('from ' || 'sqlite ' || sqlite_version());
