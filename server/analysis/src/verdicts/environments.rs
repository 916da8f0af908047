//! What environment files set for the code around them.

use crate::facts::environment::Variable;
use crate::ide::State;
use crate::vfs::{FileId, Location};

/// Folders that two files have in common: of several copies of a project those belong together that have most.
pub(crate) fn shared_folders(state: &State, one: FileId, other: FileId) -> usize {
    let path = |file: FileId| state.sources.file(file).map_or("", |source| source.path.as_str());
    shared_parts(path(one), path(other))
}

/// Parts that two paths begin with alike.
pub(crate) fn shared_parts(one: &str, other: &str) -> usize {
    one.split('/').zip(other.split('/')).take_while(|(a, b)| a == b).count()
}

/// A variable where it is set.
pub(crate) struct SetIn<'s> {
    /// Its name in the file.
    pub(crate) location: Location,
    /// The variable.
    pub(crate) variable: &'s Variable,
}

/// Folders around a file that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folders {
    /// All up to the workspace's.
    All,
    /// Those up to the one with the manifest: Next.js reads the files beside it.
    OfProject,
}

/// A variable in the nearest file of these names in the folders around a file;
/// the first name that sets it counts.
pub(crate) fn nearest<'s>(
    state: &'s State,
    file: FileId,
    name: &str,
    names: &[&str],
    folders: Folders,
) -> Option<SetIn<'s>> {
    let path = &state.sources.file(file)?.path;
    let mut folder = path.rsplit_once('/')?.0;
    loop {
        for wanted in names {
            let Some(known) = state.sources.id(&format!("{folder}/{wanted}")) else { continue };
            let Some(environment) = state.environments.get(&known) else { continue };
            let is_it = |variable: &&Variable| variable.name.eq_ignore_ascii_case(name);
            if let Some(variable) = environment.variables.iter().rev().find(is_it) {
                return Some(SetIn { location: Location { file: known, range: variable.range }, variable });
            }
        }
        let is_project = || state.sources.id(&format!("{folder}/package.json")).is_some();
        if (folders == Folders::OfProject && is_project()) || state.roots.iter().any(|root| root == folder) {
            return None;
        }
        folder = folder.rsplit_once('/')?.0;
    }
}
