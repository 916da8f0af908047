//! Facts of a file that does not parse at the moment.
//!
//! An error is not local in Python: one missing parenthesis can swallow half a
//! file. So the last text that parsed goes on speaking for everything that has
//! not been touched since: items wholly before or behind the edited part keep
//! their facts, whatever the parser makes of their bytes now. Inside the edited
//! part clean new items count; old ones live on as ghosts, so that other files
//! do not lose what is only being typed.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::file::{FileItem, bound_names};
use super::lower::Lowered;
use super::tree::{PlacedItem, StmtKind};
use crate::syntax::{common_prefix, common_suffix};

/// Joins the facts of the last text that parsed with those of a broken text.
pub fn salvage(good_text: &str, good: &[PlacedItem], text: &str, now: &Lowered) -> Vec<FileItem> {
    let prefix = common_prefix(good_text.as_bytes(), text.as_bytes());
    let suffix = common_suffix(&good_text.as_bytes()[prefix..], &text.as_bytes()[prefix..]);
    let (prefix, old_tail, new_tail) = (prefix as u32, (good_text.len() - suffix) as u32, (text.len() - suffix) as u32);
    let end = |placed: &PlacedItem| placed.start + placed.item.len;
    let mut items = Vec::with_capacity(good.len() + 1);
    let mut touched = Vec::new();
    for placed in good {
        if end(placed) <= prefix {
            items.push(FileItem::new(placed.clone(), false));
        } else if placed.start >= old_tail {
            let start = placed.start - old_tail + new_tail;
            items.push(FileItem::new(PlacedItem { start, ..placed.clone() }, false));
        } else {
            touched.push(placed);
        }
    }
    let fresh: Vec<&PlacedItem> =
        now.items.iter().filter(|placed| !placed.broken && placed.start >= prefix && end(placed) <= new_tail).collect();
    let replaces = |new: &PlacedItem, old: &PlacedItem| {
        let same_name = name(new).is_some() && name(new) == name(old);
        // A break in a decorator tears the definition off.
        new.item.text_hash == old.item.text_hash || same_name && (is_decorated(new) || !is_decorated(old))
    };
    for placed in &touched {
        if !fresh.iter().any(|new| replaces(new, placed)) {
            let start = placed.start.min(new_tail);
            items.push(FileItem::new(PlacedItem { start, ..(*placed).clone() }, true));
        }
    }
    // A new item that binds what an old one binds, and does not stand in its
    // place, would take the name's meaning away: an import typed into a body.
    let mut bound: FxHashSet<SmolStr> = FxHashSet::default();
    items.iter().for_each(|item| bound.extend(names(&item.placed)));
    let fresh = fresh.into_iter().filter(|new| {
        touched.iter().any(|old| replaces(new, old)) || names(new).iter().all(|name| !bound.contains(name))
    });
    items.extend(fresh.map(|placed| FileItem::new(placed.clone(), false)));
    items.sort_by_key(|item| item.placed.start);
    items
}

fn is_decorated(placed: &PlacedItem) -> bool {
    match &placed.item.stmt.kind {
        StmtKind::Function(def) => !def.decorators.is_empty(),
        StmtKind::Class(class) => !class.decorators.is_empty(),
        _ => false,
    }
}

fn names(placed: &PlacedItem) -> Vec<SmolStr> {
    let mut names = Vec::new();
    bound_names(&placed.item.stmt, &mut names);
    names
}

/// The name of a definition, or of the variable that is assigned.
pub(super) fn name(placed: &PlacedItem) -> Option<&str> {
    match &placed.item.stmt.kind {
        StmtKind::Function(def) => Some(&def.name.name),
        StmtKind::Class(class) => Some(&class.name.name),
        StmtKind::Assign(assign) => assign.targets.first().and_then(|target| target.as_name()).map(|n| n.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::lower::lower_file;
    use super::*;
    use crate::syntax::{Grammar, parse};

    fn lower(text: &str) -> Lowered {
        let tree = parse(Grammar::Python, text, None).unwrap_or_else(|| unreachable!());
        lower_file(text, &tree, None)
    }

    /// A break in the middle of 400 routes leaves all but the touched ones alone.
    #[test]
    fn a_break_stays_local() {
        let route = |n: usize| format!("@app.get(\"/r{n}\")\ndef r{n}(user=Depends(me)):\n    return {n}\n\n\n");
        let text: String = (0..400).map(route).collect();
        let good = lower(&text);
        assert!(good.errors.is_empty() && good.items.len() == 400);
        let breaks = [
            ("def r200(user=Depends(me)):", "def r200(user=Depends(me))"),
            ("def r200(user=Depends(me)):", "def r200(user=Depends(me:"),
            ("    return 200\n", "    \"\"\"doc\n    return 200\n"),
            ("@app.get(\"/r200\")", "@app.get(\"/r200"),
            ("@app.get(\"/r200\")", "@app.get("),
        ];
        for (from, to) in breaks {
            let broken = text.replacen(from, to, 1);
            let now = lower(&broken);
            assert!(!now.errors.is_empty(), "{to:?} parses");
            let items = salvage(&text, &good.items, &broken, &now);
            let kept = items.iter().filter(|item| !item.ghost && !item.placed.broken).count();
            assert!(kept >= 399, "{to:?}: {kept} of 400 kept");
            let known: std::collections::BTreeSet<_> = items.iter().filter_map(|item| name(&item.placed)).collect();
            assert_eq!(known.len(), 400, "{to:?}: every name is still visible");
        }
    }

    /// The half of a statement that a break leaves whole does not stand in the place of all of it.
    #[test]
    fn a_half_is_no_statement() {
        let text = "import a\n\nrouter = a.Router(prefix=\"/rows\")\n\nlast = 1\n";
        for broken in [
            text.replacen("router =", "router router = a.Router()\n=", 1),
            text.replacen("a.Router(prefix", "a.Router() a.Router(prefix", 1),
        ] {
            let now = lower(&broken);
            assert!(!now.errors.is_empty(), "{broken}");
            let items = salvage(text, &lower(text).items, &broken, &now);
            let routers: Vec<_> = items.iter().filter(|item| name(&item.placed) == Some("router")).collect();
            let is_old = |item: &&FileItem| item.placed.item.text_hash == lower(text).items[1].item.text_hash;
            assert!(routers.len() == 1 && routers.iter().all(is_old), "{broken}");
        }
    }

    /// What is typed into a broken body at column 0 takes no name away.
    #[test]
    fn a_name_keeps_its_meaning() {
        let text = "import jwt\n\ndef me(t):\n    if not t:\n        raise jwt.E\n    return t\n";
        let broken = text.replacen("        raise", "from deps import me\nimport b\n        raise", 1);
        let now = lower(&broken);
        assert!(!now.errors.is_empty());
        let items = salvage(text, &lower(text).items, &broken, &now);
        let bound: Vec<_> = items.iter().flat_map(|item| names(&item.placed)).collect();
        assert_eq!(bound, ["jwt", "me", "b"]);
    }
}
