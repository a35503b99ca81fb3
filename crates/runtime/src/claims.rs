//! Claims: values of which there is one, backed by a primary key.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::database::{Connection, Key, StoreError};
use crate::domain::{Claim, Needs};
use crate::prepared::{counted, padded, padded_parts, pieces};
use crate::schema::claims;
use crate::script::{Literal, Script};

/// What a transaction knows of claims, and what it changes.
#[derive(Default)]
pub(crate) struct Claims {
    holders: HashMap<Claim, Option<Uuid>>,
    taken: BTreeSet<Claim>,
    released: BTreeSet<Claim>,
    released_kinds: BTreeSet<(&'static str, Uuid)>,
}

impl Claims {
    /// Those that are needed, of which some are `kept`; and what has to be loaded.
    pub(crate) fn kept(needs: Vec<Needs>, kept: &HashMap<Claim, Option<Uuid>>) -> (Self, Missing) {
        let mut claims = Self::default();
        let mut missing = Missing::default();
        for needs in needs {
            for claim in needs.claims {
                if let Some(holder) = kept.get(&claim) {
                    claims.holders.insert(claim, *holder);
                } else {
                    missing.single.insert(claim);
                }
            }
            let kinds = needs.kinds.into_iter().map(|kind| Claim::new(kind, ""));
            missing.prefixes.extend(needs.prefixes.into_iter().chain(kinds));
        }
        (claims, missing)
    }

    /// Loads who holds these: one query for the single ones, one for each kind.
    pub(crate) async fn load(&mut self, connection: &mut Connection, missing: &Missing) -> Result<(), StoreError> {
        self.holders.extend(missing.single.iter().map(|claim| (claim.clone(), None)));
        for (claim, holder) in holders(connection, &missing.single).await? {
            self.holders.insert(claim, Some(holder));
        }
        for Claim { kind, value: prefix } in &missing.prefixes {
            for (value, holder) in holders_from(connection, kind, prefix).await? {
                self.holders.insert(Claim { kind, value }, Some(holder));
            }
        }
        Ok(())
    }

    /// The single ones of those that were loaded.
    pub(crate) fn of(&self, loaded: Missing) -> impl Iterator<Item = (Claim, Option<Uuid>)> {
        loaded.single.into_iter().map(|claim| {
            let holder = self.holders.get(&claim).copied().flatten();
            (claim, holder)
        })
    }

    /// Brings what is kept up to what has changed.
    pub(crate) fn update(&self, kept: &mut HashMap<Claim, Option<Uuid>>) {
        if !self.released_kinds.is_empty() {
            kept.clear();
        }
        for claim in self.taken.iter().chain(&self.released) {
            if let Some(holder) = kept.get_mut(claim) {
                *holder = self.holders.get(claim).copied().flatten();
            }
        }
    }

    /// Who holds what.
    pub(crate) fn holders(&self) -> &HashMap<Claim, Option<Uuid>> {
        &self.holders
    }

    /// Who held what when it was loaded.
    pub(crate) fn into_holders(self) -> HashMap<Claim, Option<Uuid>> {
        self.holders
    }

    /// Gives one claim back.
    pub(crate) fn release(&mut self, claim: Claim) {
        self.holders.insert(claim.clone(), None);
        self.released.insert(claim);
    }

    /// Gives all of a stream's claims of a kind back.
    pub(crate) fn release_kind(&mut self, kind: &'static str, stream: Uuid) {
        let held: Vec<Claim> = self
            .holders
            .iter()
            .filter(|(claim, holder)| claim.kind == kind && **holder == Some(stream))
            .map(|(claim, _)| claim.clone())
            .collect();
        held.into_iter().for_each(|claim| self.release(claim));
        self.released_kinds.insert((kind, stream));
    }

    /// Takes a claim.
    pub(crate) fn take(&mut self, claim: Claim, stream: Uuid) {
        self.holders.insert(claim.clone(), Some(stream));
        self.taken.insert(claim);
    }

    /// Whether anything was taken or given back.
    pub(crate) fn changed(&self) -> bool {
        !(self.taken.is_empty() && self.released.is_empty() && self.released_kinds.is_empty())
    }

    /// Writes the same as [`Self::save`].
    pub(crate) fn save_in(&self, script: &mut Script) {
        for (kind, stream) in &self.released_kinds {
            let (kind, stream) = (Literal::Text(kind), Literal::Bytes(stream.as_bytes()));
            script.add(format_args!("DELETE FROM claims WHERE kind = {kind} AND stream_id = {stream}"));
        }
        for Claim { kind, value } in &self.released {
            let (kind, value) = (Literal::Text(kind), Literal::Text(value));
            script.add(format_args!("DELETE FROM claims WHERE kind = {kind} AND value = {value}"));
        }
        let taken = self.taken.iter().filter_map(|claim| {
            let holder = self.holders.get(claim)?.as_ref()?;
            Some(vec![Literal::Text(claim.kind), Literal::Text(&claim.value), Literal::Bytes(holder.as_bytes())])
        });
        script.insert("claims (kind, value, stream_id)", taken);
    }

    /// Writes the net effect: first what is given back, then what is taken. The primary key refuses a claim that
    /// someone holds.
    pub(crate) async fn save(&self, connection: &mut Connection) -> Result<(), StoreError> {
        for (kind, stream) in &self.released_kinds {
            let held = claims::table.filter(claims::kind.eq(kind).and(claims::stream_id.eq(Key(*stream))));
            diesel::delete(held).execute(connection).await?;
        }
        let mut released: HashMap<&'static str, Vec<&str>> = HashMap::new();
        for claim in &self.released {
            released.entry(claim.kind).or_default().push(&claim.value);
        }
        for (kind, values) in released {
            let values = padded(values);
            let count = values.len();
            let held = claims::table.filter(claims::kind.eq(kind).and(claims::value.eq_any(values)));
            counted(diesel::delete(held), count).execute(connection).await?;
        }
        let taken = self.taken.iter().filter_map(|claim| {
            let holder = self.holders.get(claim).copied().flatten()?;
            Some((claims::kind.eq(claim.kind), claims::value.eq(&claim.value), claims::stream_id.eq(Key(holder))))
        });
        for part in pieces(&taken.collect::<Vec<_>>()) {
            counted(diesel::insert_into(claims::table).values(part), part.len()).execute(connection).await?;
        }
        Ok(())
    }
}

/// Claims whose holders have to be loaded.
#[derive(Default)]
pub(crate) struct Missing {
    single: BTreeSet<Claim>,
    /// All of a kind whose values start so.
    prefixes: BTreeSet<Claim>,
}

impl Missing {
    pub(crate) fn is_empty(&self) -> bool {
        self.single.is_empty() && self.prefixes.is_empty()
    }
}

/// Who holds these claims; those that no one holds are left out.
///
/// # Errors
/// When the store is away.
pub async fn holders(
    connection: &mut Connection,
    wanted: impl IntoIterator<Item = &Claim>,
) -> Result<Vec<(Claim, Uuid)>, StoreError> {
    let wanted: Vec<&Claim> = wanted.into_iter().collect();
    let kinds: BTreeSet<&'static str> = wanted.iter().map(|claim| claim.kind).collect();
    let mut found = Vec::new();
    for part in padded_parts(&wanted) {
        // The DSL has no pairs in lists, and one query for each kind is two round trips more for a booking.
        let pairs = vec!["(?, ?)"; part.len()].join(", ");
        let query = format!("SELECT kind, value, stream_id FROM claims WHERE (kind, value) IN ({pairs})");
        let mut held = diesel::sql_query(query).into_boxed();
        for claim in &part {
            held = held.bind::<Text, _>(claim.kind).bind::<Text, _>(claim.value.as_str());
        }
        let rows: Vec<Held> = counted(held, part.len()).load(connection).await?;
        let claim =
            |row: Held| Some((Claim { kind: kinds.get(row.kind.as_str())?, value: row.value }, row.stream_id.0));
        found.extend(rows.into_iter().filter_map(claim));
    }
    Ok(found)
}

/// A claim and its holder as they are stored.
#[derive(QueryableByName)]
#[diesel(table_name = claims)]
struct Held {
    kind: String,
    value: String,
    stream_id: Key,
}

/// Who holds the values of one kind that start so.
///
/// # Errors
/// When the store is away.
pub async fn holders_from(
    connection: &mut Connection,
    kind: &str,
    prefix: &str,
) -> Result<Vec<(String, Uuid)>, StoreError> {
    let held = claims::table
        .filter(claims::kind.eq(kind).and(claims::value.like(format!("{prefix}%"))))
        .select((claims::value, claims::stream_id));
    let rows = held.load::<(String, Key)>(connection).await?;
    Ok(rows.into_iter().map(|(value, Key(holder))| (value, holder)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_not_loaded_and_follows_what_changes() {
        let (holder, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let claim = |value: &str| Claim::new("kind", value);
        let mut kept = HashMap::from([(claim("free"), None), (claim("held"), Some(holder))]);
        let needs = Needs::holder(claim("free")).and_holder(claim("held"));
        let (mut claims, missing) = Claims::kept(vec![needs], &kept);
        assert!(missing.is_empty());
        assert_eq!(claims.holders(), &kept);

        claims.take(claim("free"), other);
        claims.release(claim("held"));
        claims.take(claim("new"), other);
        claims.update(&mut kept);
        assert_eq!(kept, HashMap::from([(claim("free"), Some(other)), (claim("held"), None)]));
        claims.release_kind("kind", other);
        claims.update(&mut kept);
        assert!(kept.is_empty(), "not all that was given back was looked at");
    }

    #[test]
    fn what_is_not_kept_is_loaded() {
        let needs = vec![Needs::holder(Claim::new("a", "1")).and_prefix("b", "x"), Needs::default().and_all("c")];
        let (claims, missing) = Claims::kept(needs, &HashMap::new());
        assert!(claims.holders().is_empty());
        assert_eq!(missing.single, BTreeSet::from([Claim::new("a", "1")]));
        assert_eq!(missing.prefixes, BTreeSet::from([Claim::new("b", "x"), Claim::new("c", "")]));
        let loaded: Vec<(Claim, Option<Uuid>)> = claims.of(missing).collect();
        assert_eq!(loaded, [(Claim::new("a", "1"), None)]);
    }
}
