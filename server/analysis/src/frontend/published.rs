//! Packages that are made for others, and that nothing in the workspace uses which runs: no page of it does what they do,
//! so that nothing of them is evaluated.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::modules::property;
use crate::facts::typescript::tree::{Expr, ExprKind, Property};

/// Fields of a `package.json` that list what a package asks for.
const ASKING: &[&str] = &["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];

/// Whoever asks for one of these may ask a backend, or shows pages.
const FRAMEWORKS: &[&str] = &[
    "next",
    "react",
    "react-dom",
    "preact",
    "vue",
    "nuxt",
    "svelte",
    "solid-js",
    "astro",
    "@angular/core",
    "axios",
    "ky",
    "openapi-fetch",
    "better-auth",
    "next-auth",
];

/// Whoever asks for one of these may show pages in the end, too; servers of other kinds are none of a backend in Python.
const RUNNERS: &[&str] = &["vite", "webpack", "parcel", "expo", "react-native", "electron"];

/// Packages that ask for each other are followed this far.
const MAX_DEPTH: u32 = 6;

/// What the packages of a workspace say of themselves, by their folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Published {
    packages: BTreeMap<SmolStr, Package>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Package {
    name: SmolStr,
    /// Whether it says which of its files others get, and is no application by what it asks for.
    is_library: bool,
    /// Whether it is an application by what it asks for, or may be one.
    may_run: bool,
    asks_for: BTreeSet<SmolStr>,
}

impl Published {
    /// Takes over a `package.json`, or that it is gone or says no name.
    pub(super) fn set(&mut self, folder: &str, name: Option<&SmolStr>, value: Option<&Expr>) {
        let Some((name, value)) = name.zip(value) else {
            self.packages.remove(folder);
            return;
        };
        let is_private = matches!(property(value, "private").map(|value| &value.kind), Some(ExprKind::Bool(true)));
        let is_published = property(value, "files").is_some() || property(value, "publishConfig").is_some();
        let asks_for: BTreeSet<SmolStr> =
            ASKING.iter().filter_map(|kind| property(value, kind)).flat_map(names).cloned().collect();
        let is_application = FRAMEWORKS.iter().any(|framework| asks_for.contains(*framework));
        let is_library = is_published && !is_private && !is_application;
        let may_run = is_application || RUNNERS.iter().any(|runner| asks_for.contains(*runner));
        self.packages.insert(folder.into(), Package { name: name.clone(), is_library, may_run, asks_for });
    }

    /// Whether what may run asks for a package of that name, or asks for one that does. A page of documentation with
    /// examples runs nothing.
    fn is_used(&self, name: &SmolStr, depth: u32) -> bool {
        let asking = self.packages.values().filter(|other| other.asks_for.contains(name) && other.name != *name);
        let mut asking = asking.filter(|_| depth < MAX_DEPTH);
        asking.any(|other| other.may_run || self.is_used(&other.name, depth + 1))
    }

    /// Whether a file belongs to a library that nothing in the workspace asks for which may run.
    pub(super) fn is_of_unused(&self, path: &str) -> bool {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if let Some(package) = self.packages.get(above) {
                return package.is_library && !self.is_used(&package.name, 0);
            }
            folder = above;
        }
        false
    }
}

fn names(object: &Expr) -> impl Iterator<Item = &SmolStr> {
    let properties = match &object.kind {
        ExprKind::Object(properties) => &properties[..],
        _ => &[],
    };
    properties.iter().filter_map(|property| match property {
        Property::Named(name, _) => Some(name),
        _ => None,
    })
}
