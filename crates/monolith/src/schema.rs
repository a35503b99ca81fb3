//! The table of `migrations/monolith` that no service has in this form.

diesel::table! {
    users (id) {
        id -> Binary,
        version -> Unsigned<Integer>,
        username -> Text,
        email -> Text,
        email_key -> Text,
        full_name -> Text,
        roles -> Text,
        password_hash -> Nullable<Text>,
        created_at -> Datetime,
        updated_at -> Datetime,
    }
}
