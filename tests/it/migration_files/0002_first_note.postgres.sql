INSERT INTO note VALUES ('from postgres ' || current_setting('server_version'));
