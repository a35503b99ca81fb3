//! Users: people who made or changed the cinema.

use gateway::examples::SEED_PASSWORD;
use serde_json::{Value, json};

/// Username and full name; the address follows from the username. A new one comes last.
const PEOPLE: [(&str, &str); 25] = [
    ("alice", "Alice Guy-Blaché"),
    ("georges", "Georges Méliès"),
    ("lois", "Lois Weber"),
    ("oscar", "Oscar Micheaux"),
    ("lotte", "Lotte Reiniger"),
    ("dorothy", "Dorothy Arzner"),
    ("buster", "Buster Keaton"),
    ("germaine", "Germaine Dulac"),
    ("sergei", "Sergei Eisenstein"),
    ("anna-may", "Anna May Wong"),
    ("dziga", "Dziga Vertov"),
    ("mary", "Mary Pickford"),
    ("sessue", "Sessue Hayakawa"),
    ("esfir", "Esfir Shub"),
    ("lillian", "Lillian Gish"),
    ("kinuyo", "Kinuyo Tanaka"),
    ("satyajit", "Satyajit Ray"),
    ("maya", "Maya Deren"),
    ("yasujiro", "Yasujirō Ozu"),
    ("forugh", "Forugh Farrokhzad"),
    ("ousmane", "Ousmane Sembène"),
    ("agnes", "Agnès Varda"),
    ("safi", "Safi Faye"),
    ("chantal", "Chantal Akerman"),
    ("glauber", "Glauber Rocha"),
];

/// What POST /api/users takes, for each.
pub(super) fn bodies() -> Vec<Value> {
    let body = |(username, full_name): (&str, &str)| json!({ "username": username, "email": format!("{username}@marquee.example"), "full_name": full_name, "password": SEED_PASSWORD });
    PEOPLE.map(body).into()
}

/// The address of the person at this place.
pub(super) fn email(place: usize) -> String {
    PEOPLE.get(place).map_or_else(String::new, |(username, _)| format!("{username}@marquee.example"))
}
