//! A hash map that snapshots share.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};

/// Parts of a map. They are chosen by the upper bits of an entry's hash: the
/// map of a part places its entries by the lower ones.
const PARTS: usize = 64;

/// A hash map in parts. To clone it costs little, and to change an entry while
/// a clone lives copies few others: a key must not cost what a large workspace
/// has of it.
#[derive(Debug, Clone)]
pub struct SharedMap<K, V> {
    /// None while it is empty.
    parts: Vec<Arc<FxHashMap<K, V>>>,
    len: usize,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { parts: Vec::new(), len: 0 }
    }
}

fn part_of<Q: Hash + ?Sized>(key: &Q) -> usize {
    (FxBuildHasher.hash_one(key).rotate_right(20) as usize) % PARTS
}

impl<K: Eq + Hash, V> SharedMap<K, V> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.parts.get(part_of(key))?.get(key)
    }

    /// Whether there is a value of a key.
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.parts.iter().flat_map(|part| part.iter())
    }

    /// All values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.parts.iter().flat_map(|part| part.values())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> SharedMap<K, V> {
    /// Puts in a value; gives the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.parts.is_empty() {
            self.parts.resize_with(PARTS, Arc::default);
        }
        let before = self.parts.get_mut(part_of(&key)).and_then(|part| Arc::make_mut(part).insert(key, value));
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes out a value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let part = self.parts.get_mut(part_of(key)).filter(|part| part.contains_key(key))?;
        let removed = Arc::make_mut(part).remove(key);
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// The value of a key, to change it; made when there is none.
    pub fn entry(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        if self.parts.is_empty() {
            self.parts.resize_with(PARTS, Arc::default);
        }
        let part = Arc::make_mut(&mut self.parts[part_of(&key)]);
        self.len += usize::from(!part.contains_key(&key));
        part.entry(key).or_default()
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Extend<(K, V)> for SharedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| _ = self.insert(key, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_its_entries() {
        let mut now = SharedMap::default();
        now.extend((0..1000u32).map(|number| (number, number)));
        let before = now.clone();
        assert_eq!(
            (now.insert(7, 0), now.insert(1000, 1), now.remove(&8), now.remove(&8)),
            (Some(7), None, Some(8), None)
        );
        *now.entry(9) += 1;
        *now.entry(2000) += 5;
        assert_eq!((now.len(), before.len()), (1001, 1000));
        assert_eq!((now.get(&7), now.get(&8), now.get(&9), now.get(&2000)), (Some(&0), None, Some(&10), Some(&5)));
        assert_eq!(
            (before.get(&7), before.get(&8), before.get(&9), before.get(&2000)),
            (Some(&7), Some(&8), Some(&9), None)
        );
        let shared = now.parts.iter().zip(&before.parts).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert!(shared >= PARTS - 5, "{shared} parts are shared");
        let mut all: Vec<u32> = now.iter().map(|(key, _)| *key).collect();
        all.sort_unstable();
        assert_eq!((all.len(), now.values().count(), now.is_empty()), (1001, 1001, false));
    }
}
