CREATE INDEX claims_stream ON claims (stream_id, kind);
-- Empty: it is filled when the projection starts from the first event.
CREATE TABLE booked_seats (
    showtime_id BINARY(16) NOT NULL,
    seat VARCHAR(8) NOT NULL,
    booking_id BINARY(16) NOT NULL,
    PRIMARY KEY (showtime_id, seat),
    KEY booked_seats_booking (booking_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
