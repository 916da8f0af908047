//! Files as the analysis sees them.

use std::sync::Arc;

use crate::text::TextRange;

/// A file that the analysis knows. Ids are dense and never reused for another
/// path while an [`crate::ide::AnalysisHost`] lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// Byte range in the file.
    pub range: TextRange,
}

/// Files whose entries are copied together when one of them changes.
const TOGETHER: usize = 128;

/// One entry for each file. To clone it costs little, and to change an entry
/// while a clone lives copies few others: a key must not cost what a large
/// workspace has files.
#[derive(Debug, Clone)]
pub struct ByFile<T> {
    groups: Arc<Vec<Arc<Vec<T>>>>,
    len: usize,
}

impl<T> Default for ByFile<T> {
    fn default() -> Self {
        Self { groups: Arc::default(), len: 0 }
    }
}

impl<T: Clone> ByFile<T> {
    /// Number of files.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends the entry of the next file.
    pub fn push(&mut self, entry: T) {
        let groups = Arc::make_mut(&mut self.groups);
        if self.len.is_multiple_of(TOGETHER) {
            groups.push(Arc::default());
        }
        if let Some(group) = groups.last_mut() {
            Arc::make_mut(group).push(entry);
            self.len += 1;
        }
    }

    /// The entry of a file.
    pub fn get(&self, file: FileId) -> Option<&T> {
        self.groups.get(file.0 as usize / TOGETHER)?.get(file.0 as usize % TOGETHER)
    }

    /// The entry of a file, to change it.
    pub fn get_mut(&mut self, file: FileId) -> Option<&mut T> {
        let group = Arc::make_mut(&mut self.groups).get_mut(file.0 as usize / TOGETHER)?;
        Arc::make_mut(group).get_mut(file.0 as usize % TOGETHER)
    }

    /// All entries in the order of their files' ids.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &T)> {
        let entries = self.groups.iter().flat_map(|group| group.iter());
        entries.enumerate().map(|(index, entry)| (FileId(index as u32), entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_its_entries() {
        let mut now = ByFile::default();
        (0..300u32).for_each(|number| now.push(number));
        let before = now.clone();
        *now.get_mut(FileId(200)).unwrap() = 7;
        assert_eq!((now.get(FileId(200)), before.get(FileId(200))), (Some(&7), Some(&200)));
        assert!(Arc::ptr_eq(&now.groups[0], &before.groups[0]));
        assert_eq!(now.iter().map(|(file, _)| file.0).collect::<Vec<_>>(), (0..300).collect::<Vec<_>>());
        assert!(now.get(FileId(300)).is_none() && now.get_mut(FileId(1000)).is_none());
    }
}
