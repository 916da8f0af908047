//! The room that members of a class have to grow in.
//!
//! Ranges count from the start of their item. So a key in one method of a class would move all that stands behind it in
//! the class, and make it other than before for whoever looked at that. Therefore places are counted as if each member,
//! and what stands between two, were as long as the next multiple of its room: until that is used up, a body that grows
//! moves nothing, nor does a comment.

use crate::text::TextRange;

/// Bytes that the room of a method is a multiple of.
pub(super) const METHOD: u32 = 1024;

/// The same for a line, and for what stands between two members.
pub(super) const LINE: u32 = 256;

/// The end of a part behind which room is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    /// The place at which the part ends.
    end: u32,
    /// Bytes of room that are left up to the next place, behind all parts before it, too.
    total: u32,
}

/// How places in an item are counted from bytes of its text, and back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rooms(Vec<Gap>);

impl Rooms {
    /// Leaves room behind a part that is so long and ends at a place, up to the next multiple; gives how much.
    pub(super) fn leave(&mut self, length: u32, end: u32, multiple: u32) -> u32 {
        let room = length.next_multiple_of(multiple) - length;
        self.0.push(Gap { end, total: self.total() + room });
        room
    }

    fn total(&self) -> u32 {
        self.0.last().map_or(0, |gap| gap.total)
    }

    /// The range in the item's text of a range of places.
    pub fn in_text(&self, range: TextRange) -> TextRange {
        TextRange::new(self.byte(range.start), self.byte(range.end))
    }

    /// The range of places of a range in the item's text.
    pub fn places(&self, range: TextRange) -> TextRange {
        TextRange::new(self.place(range.start), self.place(range.end))
    }

    fn byte(&self, place: u32) -> u32 {
        let before = self.0.partition_point(|gap| gap.end < place);
        place - before.checked_sub(1).and_then(|last| self.0.get(last)).map_or(0, |gap| gap.total)
    }

    /// The place of a byte of the item's text.
    pub fn place(&self, byte: u32) -> u32 {
        let mut total = 0;
        for gap in &self.0 {
            if byte <= gap.end - total {
                break;
            }
            total = gap.total;
        }
        byte + total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_bytes_lead_to_each_other() {
        let mut rooms = Rooms::default();
        // A method in bytes 20 to 120, one in 130 to 1154, one in 1160 to 1170.
        assert_eq!(rooms.leave(100, 120, METHOD), 924);
        assert_eq!(rooms.leave(1024, 1154 + 924, METHOD), 0);
        assert_eq!(rooms.leave(10, 1170 + 924, METHOD), 1014);
        for (byte, place) in [(0, 0), (20, 20), (120, 120), (121, 1045), (1154, 2078), (1155, 2079), (1170, 2094)] {
            assert_eq!((rooms.place(byte), rooms.byte(place)), (place, byte));
        }
        assert_eq!(rooms.place(1171), 1171 + 924 + 1014);
        assert_eq!(rooms.byte(1171 + 924 + 1014), 1171);
    }
}
