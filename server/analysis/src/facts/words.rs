//! Which words a text holds. To find that out takes a look at the whole text for
//! each word; after an edit it takes a look at what was edited.

use std::cell::RefCell;
use std::sync::Arc;

use memchr::memchr_iter;
use memchr::memmem::{self, Finder};
use rustc_hash::FxHashMap;

use crate::syntax::{common_prefix, common_suffix};

thread_local! {
    /// How words are looked for: to prepare that costs more than to go through the text of an item.
    static FINDERS: RefCell<FxHashMap<&'static str, Finder<'static>>> = RefCell::default();
}

/// Where a text holds a word first.
fn find(text: &[u8], word: &'static str) -> Option<usize> {
    FINDERS.with_borrow_mut(|finders| finders.entry(word).or_insert_with(|| Finder::new(word)).find(text))
}

/// Whether bytes that are asked for many words hold one.
pub fn hold(text: &[u8], word: &'static str) -> bool {
    find(text, word).is_some()
}

/// A text, and the words that it was asked for.
#[derive(Debug, Clone)]
pub struct Words {
    text: Arc<str>,
    /// Where one stands that the text holds, by word.
    places: FxHashMap<&'static str, Option<usize>>,
}

impl Words {
    /// The words of a text.
    pub fn of(text: Arc<str>) -> Self {
        Self { text, places: FxHashMap::default() }
    }

    /// Whether the text holds a word.
    pub fn hold(&mut self, word: &'static str) -> bool {
        let text = self.text.as_bytes();
        self.places.entry(word).or_insert_with(|| find(text, word)).is_some()
    }

    /// Whether the text holds any of these words.
    pub fn hold_any(&mut self, words: &[&'static str]) -> bool {
        words.iter().any(|word| self.hold(word))
    }

    /// The words of the text that this one became.
    pub fn edited(mut self, text: Arc<str>) -> Self {
        let (old, new) = (self.text.as_bytes(), text.as_bytes());
        let prefix = common_prefix(old, new);
        let suffix = common_suffix(&old[prefix..], &new[prefix..]);
        let (old_end, new_end) = (old.len() - suffix, new.len() - suffix);
        let inserted = &new[prefix..new_end];
        self.places.retain(|word, place| match *place {
            Some(at) if at + word.len() <= prefix => true,
            Some(at) if at >= old_end => {
                *place = Some(at - old_end + new_end);
                true
            }
            // There may be others: it is looked for when it is asked for.
            Some(_) => false,
            None => {
                *place = arisen(word.as_bytes(), new, prefix, inserted);
                true
            }
        });
        self.text = text;
        self
    }
}

/// Bytes from which on a search that has to be prepared is worth it.
const FEW: usize = 16;

/// Where a word stands that a text did not hold before these bytes came to stand at a place of it.
fn arisen(word: &[u8], text: &[u8], at: usize, inserted: &[u8]) -> Option<usize> {
    // What was typed is a letter most of the time, and a new word holds it.
    if let [letter] = inserted {
        let mut begins = memchr_iter(*letter, word).filter_map(|before| at.checked_sub(before));
        return begins.find(|&begin| text[begin..].starts_with(word));
    }
    // It stands in a part of what was edited.
    let beside = word.len().saturating_sub(1);
    let (from, to) = (at.saturating_sub(beside), (at + inserted.len() + beside).min(text.len()));
    let part = &text[from..to];
    let found = match inserted.len() {
        ..FEW => part.windows(word.len()).position(|window| window == word),
        _ => memmem::find(part, word),
    };
    found.map(|found| from + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_text_holds_what_a_new_one_does() {
        const WORDS: &[&str] = &["jwt", "a", "token", "aba", "\napp = ", "é"];
        let texts = [
            "",
            "jwt",
            "import jwt\n",
            "import jw\n",
            "import jwt\napp = 1\n",
            "x\napp = jwt",
            "abab",
            "aab",
            "ab",
            "éa",
            "token = jwt.token()\n",
            "token = jwt.taken()\n",
            "tok = jwt.taken()\n",
            "jwtoken",
            "jwoken",
            "wt jwt wt",
        ];
        for before in texts {
            for after in texts {
                let mut words = Words::of(before.into());
                words.hold_any(WORDS);
                WORDS.iter().for_each(|word| assert_eq!(words.hold(word), before.contains(word)));
                let mut words = words.edited(after.into());
                for word in WORDS {
                    assert_eq!(words.hold(word), after.contains(word), "{word:?} from {before:?} to {after:?}");
                }
            }
        }
    }
}
