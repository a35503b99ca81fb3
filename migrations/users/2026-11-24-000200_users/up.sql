-- The tables of the users service.

-- Read table, made of events: who there is. Events carry no personal data, so neither does it.
CREATE TABLE users (
    id BINARY(16) NOT NULL PRIMARY KEY,
    version INT UNSIGNED NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Private: the only place where personal data is kept. Written with the journal in one transaction, and not made of
-- events: a lost row cannot be restored from them, and an erased one is gone.
CREATE TABLE profiles (
    user_id BINARY(16) NOT NULL PRIMARY KEY,
    username VARCHAR(50) NOT NULL,
    email VARCHAR(254) NOT NULL,
    -- The address in the form in which two equal ones are equal.
    email_key VARCHAR(255) NOT NULL,
    full_name VARCHAR(100) NOT NULL,
    KEY profiles_email_key (email_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
