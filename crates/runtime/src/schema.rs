//! The tables of `migrations/runtime`, which every service's database has.

diesel::table! {
    journal_head (id) {
        id -> Unsigned<TinyInt>,
        position -> Unsigned<BigInt>,
        changes -> Unsigned<BigInt>,
    }
}

diesel::table! {
    journal (position) {
        position -> Unsigned<BigInt>,
        stream_id -> Binary,
        version -> Unsigned<Integer>,
        entity_id -> Binary,
        event_type -> Text,
        data -> Text,
        command_id -> Binary,
        actor -> Text,
        recorded_at -> Datetime,
        // Made by the database from the actor.
        account -> Text,
    }
}

diesel::table! {
    outcomes (command_id) {
        command_id -> Binary,
        accepted -> Bool,
        position -> Unsigned<BigInt>,
        body -> Text,
        fingerprint -> Binary,
        decided_at -> Datetime,
    }
}

diesel::allow_tables_to_appear_in_same_query!(journal, outcomes);

diesel::table! {
    claims (kind, value) {
        kind -> Text,
        value -> Text,
        stream_id -> Binary,
    }
}

diesel::table! {
    checkpoints (projection, source) {
        projection -> Text,
        source -> Text,
        position -> Unsigned<BigInt>,
    }
}

diesel::table! {
    erasures (id) {
        id -> Unsigned<BigInt>,
        text -> Text,
        telling -> Bool,
    }
}
