//! The tables of `migrations/bookings`.
#![allow(missing_docs, reason = "the migrations say what stands in each column")]

diesel::table! {
    bookings (id) {
        id -> Binary,
        user_id -> Binary,
        showtime_id -> Binary,
        version -> Unsigned<Integer>,
        seats -> Text,
        total_amount -> Unsigned<Integer>,
        total_currency -> Text,
        status -> Text,
        created_at -> Datetime,
        updated_at -> Datetime,
    }
}

diesel::table! {
    movies (id) {
        id -> Binary,
        title -> Text,
    }
}

diesel::table! {
    halls (id) {
        id -> Binary,
        name -> Text,
        layout -> Text,
    }
}

diesel::table! {
    showtimes (id) {
        id -> Binary,
        movie_id -> Binary,
        hall_id -> Binary,
        starts_at -> Datetime,
        prices -> Text,
        status -> Text,
    }
}

diesel::joinable!(bookings -> showtimes (showtime_id));
diesel::joinable!(showtimes -> movies (movie_id));
diesel::joinable!(showtimes -> halls (hall_id));
diesel::allow_tables_to_appear_in_same_query!(bookings, showtimes, movies, halls);
