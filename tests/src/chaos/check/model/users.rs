//! Users, their sessions, and API keys.

use contracts::Service;
use serde_json::{Value, json};

use super::super::super::history::Row;
use super::super::commands::Commands;
use super::{Kind, Model, id, unknown};

/// What the journal doesn't have, because it is personal: it is known from what was asked for.
const PERSONAL: [&str; 3] = ["username", "email", "full_name"];

pub(super) fn apply<'a>(model: &mut Model<'a>, commands: &Commands<'a>, row: &'a Row) -> Result<(), String> {
    let (data, entity) = (&row.data, row.entity_id);
    match row.event_type.as_str() {
        "user-registered.v1" => {
            let view = json!({ "roles": ["customer"] });
            model.create(Kind::User, row, with_profile(view, commands, row))
        }
        "user-updated.v1" => {
            let view = model.live(Kind::User, entity)?.clone();
            model.put(row, with_profile(view, commands, row), false);
            Ok(())
        }
        "user-deleted.v1" => change(model, Kind::User, row, true, |_| {}),
        "user-password-changed.v1" => change(model, Kind::User, row, false, |_| {}),
        "user-roles-changed.v1" => change(model, Kind::User, row, false, |view| view["roles"] = data["roles"].clone()),
        "session-opened.v1" => {
            model.live(Kind::User, id(&data["user_id"]))?;
            model.create(Kind::Session, row, json!({ "user_id": data["user_id"], "generation": 1 }))
        }
        "session-refreshed.v1" => {
            let before = model.live(Kind::Session, entity)?["generation"].as_u64().unwrap_or_default();
            if data["generation"].as_u64() != Some(before + 1) {
                return Err(format!("generation {} follows {before}", data["generation"]));
            }
            change(model, Kind::Session, row, false, |view| view["generation"] = data["generation"].clone())
        }
        "session-closed.v1" => change(model, Kind::Session, row, true, |view| view["generation"] = Value::Null),
        "api-key-added.v1" => model.create(Kind::ApiKey, row, json!({ "roles": data["roles"] })),
        "api-key-revoked.v1" => change(model, Kind::ApiKey, row, true, |_| {}),
        _ => unknown(row),
    }
}

fn change<'a>(
    model: &mut Model<'a>,
    kind: Kind,
    row: &'a Row,
    gone: bool,
    how: impl FnOnce(&mut Value),
) -> Result<(), String> {
    let mut view = model.live(kind, row.entity_id)?.clone();
    how(&mut view);
    model.put(row, view, gone);
    Ok(())
}

/// A view with what is personal of another one.
pub(super) fn with_personal(view: &Value, of: &Value) -> Value {
    let mut view = view.clone();
    for name in PERSONAL.into_iter().filter(|name| of.get(name).is_some()) {
        view[name] = of[name].clone();
    }
    view
}

fn with_profile(mut view: Value, commands: &Commands<'_>, row: &Row) -> Value {
    let given = commands.find(Service::Users, row.command_id);
    for name in PERSONAL {
        match given.map(|given| &given.input()[name]) {
            Some(said) if !said.is_null() => view[name] = said.clone(),
            _ => drop(view.as_object_mut().and_then(|view| view.remove(name))),
        }
    }
    view
}
