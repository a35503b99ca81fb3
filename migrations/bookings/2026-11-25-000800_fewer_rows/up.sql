-- What each booking costs to write, and nobody needs. A replica of before can't answer for seat maps after this, nor
-- project; it leaves both to those that can.

-- A seat map is made of the bookings themselves.
DROP TABLE booked_seats;
-- No claim of this service is given back by its stream.
DROP INDEX claims_stream ON claims;
