//! The tables of `migrations/users`.

diesel::table! {
    users (id) {
        id -> Binary,
        version -> Unsigned<Integer>,
        created_at -> Datetime,
        updated_at -> Datetime,
        roles -> Text,
    }
}

diesel::table! {
    profiles (user_id) {
        user_id -> Binary,
        username -> Text,
        email -> Text,
        email_key -> Text,
        full_name -> Text,
    }
}

diesel::table! {
    credentials (user_id) {
        user_id -> Binary,
        password_hash -> Text,
        password_version -> Unsigned<Integer>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Binary,
        name -> Text,
        roles -> Text,
        secret_hash -> Text,
        created_at -> Datetime,
    }
}

diesel::joinable!(profiles -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(users, profiles, credentials);
