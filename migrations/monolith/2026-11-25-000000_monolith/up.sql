-- All tables of the monolith, which Marquee is compared with: state, no events. Movies, halls, showtimes and bookings have
-- the columns of the services' read tables, whose code reads them here, too.

CREATE TABLE users (
    id BINARY(16) NOT NULL PRIMARY KEY,
    version INT UNSIGNED NOT NULL,
    username VARCHAR(50) NOT NULL,
    email VARCHAR(254) NOT NULL,
    -- The address in the form in which two equal ones are equal.
    email_key VARCHAR(255) NOT NULL,
    full_name VARCHAR(100) NOT NULL,
    roles VARCHAR(64) NOT NULL,
    password_hash VARCHAR(255),
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    UNIQUE KEY users_email (email_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE movies (
    id BINARY(16) NOT NULL PRIMARY KEY,
    version INT UNSIGNED NOT NULL,
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
    -- JSON: the name again, and the layout.
    details MEDIUMTEXT NOT NULL,
    removed BOOLEAN NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    -- The name without regard to case, as long as the hall is there.
    name_key VARCHAR(50) AS (IF(removed, NULL, LOWER(name))) VIRTUAL,
    UNIQUE KEY halls_name (name_key)
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

CREATE TABLE bookings (
    id BINARY(16) NOT NULL PRIMARY KEY,
    user_id BINARY(16) NOT NULL,
    showtime_id BINARY(16) NOT NULL,
    version INT UNSIGNED NOT NULL,
    -- JSON: each seat with its category and price.
    seats TEXT NOT NULL,
    total_amount INT UNSIGNED NOT NULL,
    total_currency CHAR(3) NOT NULL,
    status VARCHAR(16) NOT NULL,
    created_at DATETIME(6) NOT NULL,
    updated_at DATETIME(6) NOT NULL,
    -- InnoDB adds the primary key, so each of these is in the order of pages.
    KEY bookings_user (user_id),
    KEY bookings_showtime (showtime_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The seats of all bookings that stand. The primary key is what sells each once, should a lock ever fail to.
CREATE TABLE booked_seats (
    showtime_id BINARY(16) NOT NULL,
    seat VARCHAR(8) NOT NULL,
    booking_id BINARY(16) NOT NULL,
    user_id BINARY(16) NOT NULL,
    PRIMARY KEY (showtime_id, seat),
    -- How many seats of a showtime a user has.
    KEY booked_seats_user (showtime_id, user_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
