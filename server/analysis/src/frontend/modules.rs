//! What an import means: which file, or which package.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::published::Published;
use crate::facts::manifests::{self, Version};
use crate::facts::typescript::lower::lower_file;
use crate::facts::typescript::tree::{Expr, ExprKind, Property, StmtKind};
use crate::index::sources::Sources;
use crate::syntax::{Grammar, parse};
use crate::vfs::FileId;

/// What stands behind a path without an extension, in the order of TypeScript.
const ENDINGS: &[&str] =
    &["", ".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", "/index.ts", "/index.tsx", "/index.js", "/index.jsx"];

/// A module that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// A file of the project.
    File(FileId),
    /// A package from elsewhere.
    Package(SmolStr),
}

/// Path mappings of one `tsconfig.json` or `jsconfig.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mappings {
    /// The folder that `baseUrl` names, when it is there.
    base: Option<SmolStr>,
    /// The folder that targets are relative to.
    folder: SmolStr,
    /// Patterns and their targets.
    paths: Vec<(SmolStr, Vec<SmolStr>)>,
}

/// What configurations say about imports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configurations {
    /// By folder.
    mappings: BTreeMap<SmolStr, Mappings>,
    /// Folders of packages.
    folders: BTreeSet<SmolStr>,
    /// Those of this workspace by their names.
    packages: FxHashMap<SmolStr, SmolStr>,
    /// Minor versions of Better Auth 1 that packages ask for at least, by folder.
    better_auth: BTreeMap<SmolStr, u32>,
    /// Folders of packages that ask for Next.js, each with the major version that it asks for at least.
    next: BTreeMap<SmolStr, NextVersion>,
    /// Folders of packages whose pages are built into static files.
    without_server: BTreeSet<SmolStr>,
    /// Folders of packages that have code in files which are no scripts.
    in_other_files: BTreeSet<SmolStr>,
    published: Published,
}

/// Frameworks whose components stand in files of their own (`Login.vue`), which are not read.
const OTHER_FILES: &[&str] = &["vue", "nuxt", "svelte", "@sveltejs/kit", "astro"];

/// Tools that build pages into static files.
const BUILDERS: &[&str] = &["vite", "react-scripts"];
/// Frameworks with a server of their own, some of which build with Vite.
const SERVERS: &[&str] = &[
    "next",
    "nuxt",
    "astro",
    "express",
    "fastify",
    "@sveltejs/kit",
    "@solidjs/start",
    "@remix-run/node",
    "@react-router/node",
    "@tanstack/react-start",
    "vike",
    "vite-plugin-ssr",
];

/// The minor version of Better Auth 1 that a range pins: `1.3.4`, `~1.3.4`.
/// Others may be met by a newer one.
fn minor_of_better_auth(range: &str) -> Option<u32> {
    let exact = range.trim().trim_start_matches(['~', '=', 'v']);
    let mut parts = exact.split('.');
    let major = parts.next()?.parse::<u32>().ok()?;
    parts.next()?.parse().ok().filter(|_| major == 1)
}

/// What a package says of the Next.js that it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextVersion {
    /// The major version that it asks for at least.
    pub major: Option<u32>,
    /// The version, where it takes no other.
    pub pinned: Option<Version>,
}

impl NextVersion {
    fn of(range: &str) -> Self {
        let exact = range.trim().trim_start_matches(['=', 'v']);
        let parts = exact.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
        let is_exact = parts == 3 && exact.split('.').count() == 3;
        Self { major: major(range), pinned: manifests::parse(exact).filter(|_| is_exact) }
    }
}

/// The major version that a range begins with: `^15.0.1`, `16.x`.
fn major(range: &str) -> Option<u32> {
    range.trim().trim_start_matches(['^', '~', '=', 'v', '>']).split('.').next()?.trim().parse().ok()
}

impl Configurations {
    /// Takes over a configuration, or that it is gone. Tells whether that changed anything.
    pub fn set(&mut self, path: &str, text: Option<&str>) -> bool {
        let Some((folder, name)) = path.rsplit_once('/') else { return false };
        let value = text.and_then(json);
        if name == "package.json" {
            let name = value.as_ref().and_then(|value| text_of(value, "name"));
            let before = self.clone();
            self.published.set(folder, name.as_ref(), value.as_ref());
            match value {
                Some(_) => self.folders.insert(folder.into()),
                None => self.folders.remove(folder),
            };
            self.packages.retain(|_, known| known != folder);
            if let Some(name) = name {
                self.packages.insert(name, folder.into());
            }
            self.better_auth.remove(folder);
            let asks = |package: &str| {
                ["dependencies", "devDependencies"]
                    .iter()
                    .find_map(|kind| text_of(property(value.as_ref()?, kind)?, package))
            };
            let asked = asks("better-auth").and_then(|range| minor_of_better_auth(&range));
            self.better_auth.extend(asked.map(|minor| (SmolStr::new(folder), minor)));
            self.next.remove(folder);
            self.next.extend(asks("next").map(|range| (SmolStr::new(folder), NextVersion::of(&range))));
            let has = |package: &&str| asks(package).is_some();
            match BUILDERS.iter().any(has) && !SERVERS.iter().any(has) {
                true => self.without_server.insert(folder.into()),
                false => self.without_server.remove(folder),
            };
            match OTHER_FILES.iter().any(has) {
                true => self.in_other_files.insert(folder.into()),
                false => self.in_other_files.remove(folder),
            };
            return before != *self;
        }
        match value.as_ref().and_then(|value| property(value, "compilerOptions")) {
            Some(options) => {
                let mappings = mappings(folder, options);
                self.mappings.insert(folder.into(), mappings.clone()) != Some(mappings)
            }
            None => self.mappings.remove(folder).is_some(),
        }
    }

    /// Whether a file belongs to a library that no other package of the workspace asks for.
    pub(super) fn is_of_unused_library(&self, path: &str) -> bool {
        self.published.is_of_unused(path)
    }

    /// The folder of the package that a file belongs to; empty where there is none.
    pub(super) fn package_of<'p>(&self, path: &'p str) -> &'p str {
        let above = std::iter::successors(path.rsplit_once('/'), |(folder, _)| folder.rsplit_once('/'));
        let mut above = above.map(|(folder, _)| folder);
        above.find(|folder| self.folders.contains(*folder)).unwrap_or_default()
    }

    /// Whether the nearest package that says how pages are made builds static files.
    pub(super) fn has_no_server(&self, path: &str) -> bool {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if self.without_server.contains(above) {
                return true;
            }
            if self.packages.values().any(|known| known == above) {
                return false;
            }
            folder = above;
        }
        false
    }

    /// Whether the package that a file belongs to has code in files which are no scripts, so that not all is seen that it
    /// does.
    pub(super) fn has_other_files(&self, path: &str) -> bool {
        self.in_other_files.contains(self.package_of(path))
    }

    /// Folders of packages whose pages are static files.
    pub(super) fn folders_without_server(&self) -> &BTreeSet<SmolStr> {
        &self.without_server
    }

    /// The minor version of Better Auth 1 that a file runs with at most: the one
    /// that the nearest package pins; none where it is not pinned.
    pub(super) fn better_auth_minor(&self, path: &str) -> Option<u32> {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if let Some(minor) = self.better_auth.get(above) {
                return Some(*minor);
            }
            folder = above;
        }
        None
    }

    /// The folder of the nearest package above a file that asks for Next.js, and
    /// which version.
    pub(super) fn next(&self, path: &str) -> Option<(&str, NextVersion)> {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if let Some((found, version)) = self.next.get_key_value(above) {
                return Some((found, *version));
            }
            folder = above;
        }
        None
    }

    /// Whether no package asks for Next.js, or for what builds pages.
    pub(super) fn are_without_pages(&self) -> bool {
        self.next.is_empty() && self.without_server.is_empty()
    }

    /// The folder of the package that a file belongs to, if that has pages of its own: it asks for Next.js, or for
    /// what builds pages.
    pub(super) fn drawn(&self, path: &str) -> Option<&str> {
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if let Some((found, _)) = self.next.get_key_value(above) {
                return Some(found);
            }
            if let Some(found) = self.without_server.get(above) {
                return Some(found);
            }
            folder = above;
        }
        None
    }

    /// Resolves the module of an import in a file.
    pub fn resolve(&self, sources: &Sources, importer: &str, module: &str) -> Resolved {
        let package = || Resolved::Package(module.into());
        let (folder, _) = importer.rsplit_once('/').unwrap_or_default();
        if module.starts_with('.') {
            return find(sources, folder, module).map_or_else(package, Resolved::File);
        }
        let mut above = folder;
        loop {
            if let Some(mappings) = self.mappings.get(above) {
                if let Some(file) = mappings.resolve(sources, module) {
                    return Resolved::File(file);
                }
                if !mappings.paths.is_empty() {
                    break;
                }
            }
            // What most projects mean by it, where no configuration says so.
            if let Some(rest) = module.strip_prefix("@/").or_else(|| module.strip_prefix("~/")) {
                let inside = format!("{above}/src");
                if let Some(file) = find(sources, above, rest).or_else(|| find(sources, &inside, rest)) {
                    return Resolved::File(file);
                }
            }
            match above.rsplit_once('/') {
                Some((parent, _)) if !parent.is_empty() => above = parent,
                _ => break,
            }
        }
        self.workspace_package(sources, module).map_or_else(package, Resolved::File)
    }

    /// A package of this workspace.
    fn workspace_package(&self, sources: &Sources, module: &str) -> Option<FileId> {
        let slashes = if module.starts_with('@') { 2 } else { 1 };
        let end = module.match_indices('/').nth(slashes - 1).map_or(module.len(), |(at, _)| at);
        let folder = self.packages.get(&module[..end])?;
        let rest = module[end..].trim_start_matches('/');
        let source = format!("{folder}/src");
        find(sources, folder, rest).or_else(|| find(sources, &source, rest))
    }
}

impl Mappings {
    fn resolve(&self, sources: &Sources, module: &str) -> Option<FileId> {
        for (pattern, targets) in &self.paths {
            let rest = match pattern.split_once('*') {
                Some((before, after)) => module.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)),
                None => (module == pattern).then_some(""),
            };
            let Some(rest) = rest else { continue };
            let folder = self.base.as_ref().unwrap_or(&self.folder);
            let mut files = targets.iter().filter_map(|target| find(sources, folder, &target.replacen('*', rest, 1)));
            if let Some(file) = files.next() {
                return Some(file);
            }
        }
        find(sources, self.base.as_ref()?, module)
    }
}

/// A file by its path from a folder, with or without its extension.
fn find(sources: &Sources, folder: &str, path: &str) -> Option<FileId> {
    let path = normal(folder, path);
    let exists = |path: &str| {
        let file = sources.id(path)?;
        let source = sources.file(file)?;
        (source.listed || source.script.is_some()).then_some(file)
    };
    // An import of `./x.js` means `./x.ts` in TypeScript.
    let stem = path.strip_suffix(".js").or_else(|| path.strip_suffix(".jsx"));
    let swapped = stem.into_iter().flat_map(|stem| [format!("{stem}.ts"), format!("{stem}.tsx")]);
    ENDINGS.iter().map(|ending| format!("{path}{ending}")).chain(swapped).find_map(|path| exists(&path))
}

/// A path from a folder without `.` and `..`.
fn normal(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn mappings(folder: &str, options: &Expr) -> Mappings {
    let base = text_of(options, "baseUrl").map(|base| SmolStr::new(normal(folder, &base)));
    let mut paths = Vec::new();
    if let Some(ExprKind::Object(properties)) = property(options, "paths").map(|paths| &paths.kind) {
        for property in properties {
            let Property::Named(pattern, Expr { kind: ExprKind::Array(targets), .. }) = property else { continue };
            let targets = targets.iter().filter_map(|target| match &target.value.kind {
                ExprKind::Text(text) => Some(text.clone()),
                _ => None,
            });
            paths.push((pattern.clone(), targets.collect()));
        }
    }
    Mappings { base, folder: folder.into(), paths }
}

/// JSON as configurations have it, with comments and commas at the end: it is
/// an expression of JavaScript.
fn json(text: &str) -> Option<Expr> {
    let program = format!("({text})");
    let tree = parse(Grammar::TypeScript, &program, None)?;
    let lowered = lower_file(&program, &tree, Grammar::TypeScript, None);
    match &lowered.file.stmts().first()?.kind {
        StmtKind::Expr(value) => Some(value.clone()),
        _ => None,
    }
}

pub(super) fn property<'e>(object: &'e Expr, name: &str) -> Option<&'e Expr> {
    let ExprKind::Object(properties) = &object.kind else { return None };
    properties.iter().find_map(|property| match property {
        Property::Named(own, value) if own == name => Some(value),
        _ => None,
    })
}

fn text_of(object: &Expr, name: &str) -> Option<SmolStr> {
    match &property(object, name)?.kind {
        ExprKind::Text(text) => Some(text.clone()),
        _ => None,
    }
}
