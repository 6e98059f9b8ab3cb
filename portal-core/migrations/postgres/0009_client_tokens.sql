-- The keyed hash of a client token. A row without one was created by an older version, which stored
-- the token itself as `id`; such a token stays valid until it expires, at most 7 days after its creation.
ALTER TABLE portal_client_tokens ADD COLUMN token_hash BYTEA;
-- The first characters of the token, for people.
ALTER TABLE portal_client_tokens ADD COLUMN hint TEXT;
CREATE UNIQUE INDEX portal_client_tokens_hash ON portal_client_tokens (token_hash);
