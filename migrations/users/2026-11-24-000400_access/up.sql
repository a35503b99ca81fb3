-- What users may be, made of events; and the private tables of what proves who somebody is.

ALTER TABLE users ADD COLUMN roles VARCHAR(64) NOT NULL DEFAULT 'customer';

-- Private: the hash of each password, and which of the user's passwords it is.
CREATE TABLE credentials (
    user_id BINARY(16) NOT NULL PRIMARY KEY,
    password_hash VARCHAR(255) NOT NULL,
    password_version INT UNSIGNED NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Private: the keys of programs. A revoked one is gone.
CREATE TABLE api_keys (
    id BINARY(16) NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    roles VARCHAR(64) NOT NULL,
    secret_hash CHAR(64) NOT NULL,
    created_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
