DROP TABLE showtimes;
DROP TABLE halls;
DROP TABLE movies;
