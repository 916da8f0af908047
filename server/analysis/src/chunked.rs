//! A vector whose copies share what they have in common.
//!
//! The state is copied when it changes while a snapshot of it is alive. With
//! ten thousands of files a plain vector would make that copy the most
//! expensive part of a keystroke.

use std::sync::Arc;

/// Elements that are copied together.
const CHUNK: usize = 128;

/// A growing list of `T`, cheap to clone.
#[derive(Debug, Clone)]
pub struct Chunked<T> {
    chunks: Vec<Arc<Vec<T>>>,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Clone> Chunked<T> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Appends an element.
    pub fn push(&mut self, element: T) {
        match self.chunks.last_mut().filter(|last| last.len() < CHUNK) {
            Some(last) => Arc::make_mut(last).push(element),
            None => self.chunks.push(Arc::new(vec![element])),
        }
    }

    /// An element.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// An element, to change it.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        Arc::make_mut(self.chunks.get_mut(index / CHUNK)?).get_mut(index % CHUNK)
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_was() {
        let mut numbers = Chunked::default();
        (0..300).for_each(|n| numbers.push(n));
        let copy = numbers.clone();
        for at in [0, 127, 128, 299] {
            *numbers.get_mut(at).unwrap_or_else(|| unreachable!()) = 7_000;
        }
        numbers.push(300);
        assert_eq!((copy.len(), numbers.len()), (300, 301));
        assert!(copy.iter().copied().eq(0..300));
        assert_eq!(numbers.get(128), Some(&7_000));
        assert_eq!(numbers.get(301), None);
    }
}
