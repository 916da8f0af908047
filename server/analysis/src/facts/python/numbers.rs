//! Numbers of top-level items, which stay theirs while others come and go.
//!
//! What was found out about an item is kept under its number: one more import, or one more function, must not make all
//! that stands behind it something else. Numbers grow along the file, so that they also tell what stands before what.

use super::file::FileItem;
use super::salvage::name;

/// Between the numbers of items that were numbered together: so much room is halved by each that is put there.
const SPACE: u32 = 1 << 12;

/// So many items may have gone before one for it to be known again.
const WINDOW: usize = 64;

/// Beyond all numbers. What stands above means no item.
const NUMBERS: u32 = u32::MAX - 8;

/// Numbers items as they were numbered before, and those that came between these.
pub(super) fn number(items: &mut [FileItem], before: &[FileItem]) {
    take_over(items, before);
    if !fill(items) {
        items.iter_mut().for_each(|item| item.number = 0);
        _ = fill(items);
    }
}

/// Gives items that have no numbers yet, which is 0, those that they had; none to those that are new.
fn take_over(items: &mut [FileItem], before: &[FileItem]) {
    let take = |(item, old): (&mut FileItem, &FileItem)| item.number = old.number;
    let first = items.iter().zip(before).take_while(|(item, old)| is_same(item, old)).count();
    let (head, items) = items.split_at_mut(first);
    let (old_head, before) = before.split_at(first);
    head.iter_mut().zip(old_head).for_each(take);
    let last = items.iter().rev().zip(before.iter().rev()).take_while(|(item, old)| is_same(item, old)).count();
    let (items, tail) = items.split_at_mut(items.len() - last);
    let (before, old_tail) = before.split_at(before.len() - last);
    tail.iter_mut().zip(old_tail).for_each(take);
    if items.len() == before.len() {
        items.iter_mut().zip(before).for_each(take);
        return;
    }
    let mut left = before;
    for item in items {
        if let Some(at) = left.iter().take(WINDOW).position(|old| continues(item, old)) {
            item.number = left[at].number;
            left = &left[at + 1..];
        }
    }
}

/// Numbers items that have none. Tells whether there was room for them.
fn fill(items: &mut [FileItem]) -> bool {
    let (mut low, mut rest) = (0, items);
    while let Some(from) = rest.iter().position(|item| item.number == 0) {
        low = from.checked_sub(1).map_or(low, |last| rest[last].number);
        let new = &mut rest[from..];
        let count = new.iter().take_while(|item| item.number == 0).count();
        let gaps = count as u32 + 1;
        let step = match new.get(count) {
            Some(next) => (next.number - low) / gaps,
            None => SPACE.min((NUMBERS - low) / gaps),
        };
        if step == 0 {
            return false;
        }
        for item in &mut new[..count] {
            low += step;
            item.number = low;
        }
        rest = &mut new[count..];
    }
    true
}

/// Whether an item is what it was.
fn is_same(item: &FileItem, old: &FileItem) -> bool {
    item.placed.item == old.placed.item
}

/// Whether an item among edited ones is what another one became.
fn continues(item: &FileItem, old: &FileItem) -> bool {
    let same_name = || name(&item.placed).is_some_and(|own| name(&old.placed) == Some(own));
    is_same(item, old) || same_name()
}

#[cfg(test)]
mod tests {
    use super::super::file::PythonFile;
    use super::super::lower::lower_file;
    use super::*;
    use crate::syntax::{Grammar, parse};

    fn read(text: &str, before: Option<&PythonFile>) -> PythonFile {
        let tree = parse(Grammar::Python, text, None).unwrap_or_else(|| unreachable!());
        let items = lower_file(text, &tree, None).items;
        PythonFile::new(items.into_iter().map(|placed| FileItem::new(placed, false)).collect(), before)
    }

    fn numbers(file: &PythonFile) -> Vec<u32> {
        file.items.iter().map(|item| item.number).collect()
    }

    /// Each keeps its number while others come, go and change, and they grow along the file.
    #[test]
    fn items_keep_their_numbers() {
        let before = read("import a\nx = 1\ndef f(): ...\ny = 2\n", None);
        assert_eq!(numbers(&before), [SPACE, 2 * SPACE, 3 * SPACE, 4 * SPACE]);
        let more = read("import a\nimport b\nx = 1\ndef f(): ...\ny = 2\nz = 3\n", Some(&before));
        assert_eq!(numbers(&more), [SPACE, SPACE * 3 / 2, 2 * SPACE, 3 * SPACE, 4 * SPACE, 5 * SPACE]);
        let other = read("import a\nx = 1\ndef g(): ...\ndef f(): return 1\ny = 2\n", Some(&before));
        assert_eq!(numbers(&other), [SPACE, 2 * SPACE, SPACE * 5 / 2, 3 * SPACE, 4 * SPACE]);
        let fewer = read("x = 1\ny = 3\n", Some(&other));
        assert_eq!(numbers(&fewer), [2 * SPACE, 4 * SPACE]);
    }

    /// Where there is no room left, all are numbered anew.
    #[test]
    fn room_ends() {
        let mut text = "x = 1\ny = 2\n".to_owned();
        let mut file = read(&text, None);
        for at in 0..40 {
            text.insert_str("x = 1\n".len(), &format!("a{at} = {at}\n"));
            file = read(&text, Some(&file));
            assert!(file.items.is_sorted_by(|one, next| one.number < next.number));
        }
        assert!(numbers(&file).iter().any(|number| number % SPACE != 0));
    }
}
