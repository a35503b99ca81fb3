//! A small map in one piece of memory. The service keeps the bookings of many showtimes, and of 400 entries of 96 bytes, in
//! ascending order as ids are, each takes 179 bytes in a `BTreeMap`, 97 here.

/// Entries in the order of their keys. What is added last in that order costs nothing but itself; in between, what lies
/// behind it moves.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sorted<K, V>(Vec<(K, V)>);

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Sorted<K, V> {
    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(key))
    }

    /// The value of this key.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let place = self.find(key).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.find(key).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    /// True where this key has a value.
    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    /// Gives this key this value, whatever it had.
    pub(super) fn insert(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok(place) => self.0.get_mut(place).map_or((), |(_, old)| *old = value),
            Err(place) => {
                if self.0.len() == self.0.capacity() {
                    // An eighth more, where a vector by itself takes as much again.
                    self.0.reserve_exact(self.0.len() / 8 + 4);
                }
                self.0.insert(place, (key, value));
            }
        }
    }

    /// Takes this key's value away.
    pub(super) fn remove(&mut self, key: &K) {
        if let Ok(place) = self.find(key) {
            self.0.remove(place);
        }
    }

    /// How many keys have one.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// All entries, in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// What it takes, in bytes, without what its entries point to.
    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(K, V)>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_map_that_it_stands_for(steps in prop::collection::vec((any::<bool>(), 0..20_u8, any::<u8>()), 0..100)) {
            let (mut sorted, mut map) = (Sorted::default(), BTreeMap::new());
            for (inserted, key, value) in steps {
                if inserted {
                    sorted.insert(key, value);
                    map.insert(key, value);
                } else {
                    sorted.remove(&key);
                    map.remove(&key);
                }
                if let Some(value) = sorted.get_mut(&key) {
                    *value = value.wrapping_add(1);
                    map.entry(key).and_modify(|value| *value = value.wrapping_add(1));
                }
                prop_assert!(sorted.iter().eq(map.iter()));
                prop_assert_eq!((sorted.get(&key), sorted.contains_key(&key)), (map.get(&key), map.contains_key(&key)));
            }
        }
    }
}
