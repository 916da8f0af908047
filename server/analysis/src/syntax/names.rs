//! Names of a grammar's nodes and fields, resolved to ids once.

use super::Grammar;

/// Declares `Kind`, the named node kinds of a grammar that something looks at.
macro_rules! kinds {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A named node kind of the grammar; [`Kind::Other`] for those that
        /// nothing here looks at, and for anonymous nodes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is named as in the grammar")]
        pub enum Kind { Other, $($variant),* }

        const KIND_NAMES: &[(&str, Kind)] = &[$(($name, Kind::$variant)),*];
    };
}

/// Declares `Fields`, the fields of a grammar that something looks at.
macro_rules! fields {
    ($($constant:ident = $name:literal),* $(,)?) => {
        /// Field ids of the grammar.
        #[derive(Debug, Clone, Copy)]
        #[allow(missing_docs, reason = "each is named as in the grammar")]
        pub struct Fields { $(pub $constant: Option<NonZeroU16>),* }

        impl Fields {
            fn resolve(grammar: Grammar) -> Self {
                let language = grammar.language();
                Self { $($constant: language.field_id_for_name($name)),* }
            }

            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, Option<NonZeroU16>)> {
                vec![$(($name, self.$constant)),*]
            }
        }
    };
}

pub(super) use {fields, kinds};

/// The kinds of a grammar by their ids. Aliased kinds have several ids: every
/// id of the name counts.
pub(super) fn table<K: Copy>(grammar: Grammar, names: &[(&str, K)], other: K) -> Vec<K> {
    let language = grammar.language();
    let mut kinds = vec![other; language.node_kind_count()];
    for (id, slot) in kinds.iter_mut().enumerate() {
        let named = language.node_kind_is_named(id as u16);
        let name = language.node_kind_for_id(id as u16).filter(|_| named);
        if let Some((_, kind)) = names.iter().find(|(known, _)| name == Some(known)) {
            *slot = *kind;
        }
    }
    kinds
}
