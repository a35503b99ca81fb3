DROP TABLE api_keys;
DROP TABLE credentials;
ALTER TABLE users DROP COLUMN roles;
