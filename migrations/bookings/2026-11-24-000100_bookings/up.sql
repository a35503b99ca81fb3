-- The read tables of the bookings service: its own bookings, and what it needs of the movies service's events.
-- Each side is projected on its own, so no foreign key ties them together: queries join them.

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

-- The seats of all bookings that stand, for seat maps.
CREATE TABLE booked_seats (
    showtime_id BINARY(16) NOT NULL,
    seat VARCHAR(8) NOT NULL,
    booking_id BINARY(16) NOT NULL,
    PRIMARY KEY (showtime_id, seat),
    KEY booked_seats_booking (booking_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Movies and halls stay when they are removed: bookings of the past still name them.
CREATE TABLE movies (
    id BINARY(16) NOT NULL PRIMARY KEY,
    title VARCHAR(200) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE halls (
    id BINARY(16) NOT NULL PRIMARY KEY,
    name VARCHAR(50) NOT NULL,
    -- JSON.
    layout MEDIUMTEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE showtimes (
    id BINARY(16) NOT NULL PRIMARY KEY,
    movie_id BINARY(16) NOT NULL,
    hall_id BINARY(16) NOT NULL,
    starts_at DATETIME(6) NOT NULL,
    -- JSON: a price for each category.
    prices TEXT NOT NULL,
    status VARCHAR(16) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
