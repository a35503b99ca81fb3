DROP TABLE booked_seats, bookings, showtimes, halls, movies, users;
