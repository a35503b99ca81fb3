DROP TABLE showtimes;
DROP TABLE halls;
DROP TABLE movies;
DROP TABLE booked_seats;
DROP TABLE bookings;
