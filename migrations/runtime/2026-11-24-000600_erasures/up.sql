-- What must not be in any dead letter any more; a row is there until that is so.
CREATE TABLE erasures (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    text VARCHAR(255) NOT NULL,
    -- Whether it tells by itself whom it is about, or is a word that others may use as well.
    telling BOOLEAN NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
