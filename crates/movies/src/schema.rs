//! The tables of `migrations/movies`.
#![allow(missing_docs, reason = "the migrations say what stands in each column")]

diesel::table! {
    movies (id) {
        id -> Binary,
        version -> Unsigned<Integer>,
        title -> Text,
        details -> Text,
        removed -> Bool,
        created_at -> Datetime,
        updated_at -> Datetime,
    }
}

diesel::table! {
    halls (id) {
        id -> Binary,
        version -> Unsigned<Integer>,
        name -> Text,
        details -> Text,
        removed -> Bool,
        created_at -> Datetime,
        updated_at -> Datetime,
    }
}

diesel::table! {
    showtimes (id) {
        id -> Binary,
        version -> Unsigned<Integer>,
        movie_id -> Binary,
        hall_id -> Binary,
        starts_at -> Datetime,
        ends_at -> Datetime,
        details -> Text,
        cancelled -> Bool,
    }
}

diesel::joinable!(showtimes -> movies (movie_id));
diesel::joinable!(showtimes -> halls (hall_id));
diesel::allow_tables_to_appear_in_same_query!(movies, halls, showtimes);
