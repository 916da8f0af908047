//! Who looked at which module.

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::shared_map::SharedMap;
use crate::vfs::FileId;

/// Answers by the modules that they rest on: an edit asks only those that it
/// may have changed, however many there are.
#[derive(Debug, Clone)]
pub struct Readers<K> {
    of: SharedMap<FileId, Arc<FxHashSet<K>>>,
}

impl<K> Default for Readers<K> {
    fn default() -> Self {
        Self { of: SharedMap::default() }
    }
}

impl<K: Copy + Eq + Hash> Readers<K> {
    /// Notes that an answer rests on modules.
    pub fn add<'f>(&mut self, answer: K, files: impl IntoIterator<Item = &'f FileId>) {
        for file in files {
            if !self.of.get(file).is_some_and(|readers| readers.contains(&answer)) {
                Arc::make_mut(self.of.entry(*file)).insert(answer);
            }
        }
    }

    /// Takes that back.
    pub fn remove<'f>(&mut self, answer: K, files: impl IntoIterator<Item = &'f FileId>) {
        for file in files {
            let Some(readers) = self.of.get(file).filter(|readers| readers.contains(&answer)) else { continue };
            if readers.len() == 1 {
                self.of.remove(file);
            } else {
                Arc::make_mut(self.of.entry(*file)).remove(&answer);
            }
        }
    }

    /// Takes back what an answer rested on, apart from what it rests on now; both are sorted.
    pub fn remove_others(&mut self, answer: K, before: &[FileId], now: &[FileId]) {
        let others: Vec<FileId> = before.iter().filter(|file| now.binary_search(file).is_err()).copied().collect();
        self.remove(answer, &others);
    }

    /// Answers that rest on a module.
    pub fn of_one(&self, file: FileId) -> impl Iterator<Item = K> {
        self.of.get(&file).into_iter().flat_map(|readers| readers.iter().copied())
    }

    /// Answers that rest on any of these modules.
    pub fn of(&self, files: &FxHashSet<FileId>) -> FxHashSet<K> {
        files.iter().filter_map(|file| self.of.get(file)).flat_map(|readers| readers.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_found_by_what_they_rest_on() {
        let mut readers = Readers::default();
        let of = |readers: &Readers<char>, files: &[u32]| {
            let mut found: Vec<char> =
                readers.of(&files.iter().map(|file| FileId(*file)).collect()).into_iter().collect();
            found.sort_unstable();
            found
        };
        readers.add('a', &[FileId(1), FileId(2)]);
        readers.add('b', &[FileId(2)]);
        assert_eq!(
            (of(&readers, &[1]), of(&readers, &[1, 2]), of(&readers, &[3])),
            (vec!['a'], vec!['a', 'b'], vec![])
        );
        readers.remove('a', &[FileId(1), FileId(2)]);
        assert_eq!((of(&readers, &[1]), of(&readers, &[1, 2])), (vec![], vec!['b']));
    }
}
