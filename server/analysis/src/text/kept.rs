//! Texts that are kept while nobody looks at them.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// Shorter texts are kept as they are.
const WORTH_PACKING: usize = 256;

/// A text, as it is or packed. To clone it costs nothing.
#[derive(Clone)]
pub struct KeptText(Kept);

#[derive(Clone)]
enum Kept {
    Plain(Arc<str>),
    Packed(Arc<Packed>),
}

struct Packed {
    bytes: Box<[u8]>,
    len: usize,
}

thread_local! {
    /// The text that was unpacked last: whoever reads one of its functions mostly reads others of it, too.
    static UNPACKED: RefCell<Option<(Arc<Packed>, Arc<str>)>> = const { RefCell::new(None) };
}

impl Packed {
    fn text(self: &Arc<Self>) -> Arc<str> {
        UNPACKED.with_borrow_mut(|unpacked| match unpacked {
            Some((packed, text)) if Arc::ptr_eq(packed, self) => Arc::clone(text),
            _ => {
                let bytes = lz4_flex::block::decompress(&self.bytes, self.len).unwrap_or_default();
                let text: Arc<str> = Arc::from(String::from_utf8(bytes).unwrap_or_default());
                *unpacked = Some((Arc::clone(self), Arc::clone(&text)));
                text
            }
        })
    }
}

impl KeptText {
    /// A text that is kept as it is.
    pub fn plain(text: &Arc<str>) -> Self {
        Self(Kept::Plain(Arc::clone(text)))
    }

    /// The same text in a third of the room, if it is long enough for that.
    #[must_use]
    pub fn packed(self) -> Self {
        match self.0 {
            Kept::Plain(text) if text.len() >= WORTH_PACKING => {
                let bytes = lz4_flex::block::compress(text.as_bytes()).into_boxed_slice();
                Self(Kept::Packed(Arc::new(Packed { bytes, len: text.len() })))
            }
            kept => Self(kept),
        }
    }

    /// The text.
    pub fn text(&self) -> Arc<str> {
        match &self.0 {
            Kept::Plain(text) => Arc::clone(text),
            Kept::Packed(packed) => packed.text(),
        }
    }

    /// Whether both are the same text at the same place.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Kept::Plain(a), Kept::Plain(b)) => Arc::ptr_eq(a, b),
            (Kept::Packed(a), Kept::Packed(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl fmt::Debug for KeptText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_text_is_the_same() {
        for length in [0, 10, 100, 1000, 50_000] {
            let text: String = (0..length).map(|n| ['a', 'b', 'é', '\n', '😀'][n * n % 5]).collect();
            let kept = KeptText::plain(&text.as_str().into());
            let packed = kept.clone().packed();
            assert_eq!(&*packed.text(), text);
            assert!(packed.is(&packed.clone()) && (text.len() < WORTH_PACKING) == packed.is(&kept));
        }
    }
}
