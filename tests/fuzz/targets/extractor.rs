//! Parsing, lowering and salvage of a text and of an edit of it.
#![no_main]

use authlens_analysis::facts::python::lower::lower_file;
use authlens_analysis::facts::python::salvage::salvage;
use authlens_analysis::syntax::{Grammar, edit, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (before, after) = input;
    let Some(mut tree) = parse(Grammar::Python, before, None) else { return };
    let old = lower_file(before, &tree, None);
    edit(&mut tree, before, after);
    let Some(edited) = parse(Grammar::Python, after, Some(&tree)) else { return };
    let Some(fresh) = parse(Grammar::Python, after, None) else { return };
    // Sharing items with the text before changes nothing but the time.
    let alone = lower_file(after, &fresh, None);
    assert_eq!(lower_file(after, &fresh, Some((before, &old.items))), alone);
    let shared = lower_file(after, &edited, Some((before, &old.items)));
    let items = salvage(before, &old.items, after, &shared);
    assert!(items.is_sorted_by_key(|item| item.placed.start));
    for placed in shared.items.iter().chain(&old.items) {
        let text = if shared.items.iter().any(|other| std::ptr::eq(other, placed)) { after } else { before };
        let end = placed.start + placed.item.len;
        assert!(text.get(placed.start as usize..end as usize).is_some());
    }
});
