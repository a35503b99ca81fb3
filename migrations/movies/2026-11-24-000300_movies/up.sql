-- The read tables of the movies service, made of events. What SQL need not see inside is JSON.

-- Removed movies and halls stay, marked: past showtimes still name them.
CREATE TABLE movies (
    id BINARY(16) NOT NULL PRIMARY KEY,
    version INT UNSIGNED NOT NULL,
    -- Searched without regard to case and accents. Unlike its namesake without 520, this collation tells emoji apart.
    title VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci NOT NULL,
    details MEDIUMTEXT NOT NULL,
    removed BOOLEAN NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE halls (
    id BINARY(16) NOT NULL PRIMARY KEY,
    version INT UNSIGNED NOT NULL,
    name VARCHAR(50) NOT NULL,
    details MEDIUMTEXT NOT NULL,
    removed BOOLEAN NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE showtimes (
    id BINARY(16) NOT NULL PRIMARY KEY,
    version INT UNSIGNED NOT NULL,
    movie_id BINARY(16) NOT NULL,
    hall_id BINARY(16) NOT NULL,
    starts_at DATETIME(6) NOT NULL,
    ends_at DATETIME(6) NOT NULL,
    details MEDIUMTEXT NOT NULL,
    cancelled BOOLEAN NOT NULL,
    -- InnoDB adds the primary key, so each of these is in the order of pages.
    KEY showtimes_start (starts_at),
    KEY showtimes_movie (movie_id, starts_at),
    KEY showtimes_hall (hall_id, starts_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
