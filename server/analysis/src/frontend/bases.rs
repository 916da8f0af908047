//! What `.env` files say about where the frontend's requests go: the paths of
//! addresses that variables hold.
//!
//! An example and the files of several stages may all set a variable. What they
//! agree on is known; the host is another one wherever the code runs.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::addresses::{Address, Base, address_of};
use super::outcome::UrlPart;
use crate::facts::environment;
use crate::vfs::FileId;

/// Addresses that variables of the environment hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bases {
    /// By the folder of the file that sets them.
    folders: BTreeMap<SmolStr, BTreeMap<FileId, Vec<(SmolStr, SmolStr)>>>,
}

impl Bases {
    /// Takes over what a file sets, or that it is gone; tells whether that changed anything.
    pub fn set(&mut self, file: FileId, path: &str, text: Option<&str>) -> bool {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let given = text.map(environment::addresses).unwrap_or_default();
        let known = self.folders.get(folder).and_then(|files| files.get(&file));
        if known.map_or(&[][..], Vec::as_slice) == given.as_slice() {
            return false;
        }
        self.folders.entry(folder.into()).or_default().insert(file, given);
        true
    }

    /// An address in a file, with the path that its variable holds; `stands_in` is the address that the code
    /// takes where nothing sets the variable.
    pub fn resolve(&self, path: &str, address: Address, stands_in: Option<&SmolStr>) -> Address {
        let Base::Environment(name) = &address.base else { return address };
        let mut below = path;
        while let Some((folder, _)) = below.rsplit_once('/') {
            below = folder;
            let set = self.folders.get(folder).into_iter().flatten();
            let values: Vec<&SmolStr> =
                set.flat_map(|(_, given)| given).filter(|(own, _)| own == name).map(|(_, url)| url).collect();
            if values.is_empty() {
                continue;
            }
            let parsed = values.iter().map(|url| address_of(&[UrlPart::Text((*url).clone())]));
            let Some(parsed) = parsed.collect::<Option<Vec<Address>>>() else { return address };
            let Some(first) = parsed.first() else { return address };
            let is_agreed = parsed.iter().all(|one| one.segments == first.segments && is_page(one) == is_page(first));
            return if is_agreed { behind(first, address) } else { address };
        }
        match stands_in.and_then(|url| address_of(&[UrlPart::Text(url.clone())])) {
            Some(base) => behind(&base, address),
            None => address,
        }
    }
}

/// An address whose base was found to have a path of its own.
fn behind(first: &Address, address: Address) -> Address {
    let base = if is_page(first) { Base::Page } else { address.base };
    Address { base, segments: first.segments.iter().cloned().chain(address.segments).collect() }
}

fn is_page(address: &Address) -> bool {
    address.base == Base::Page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::matching::Segment;

    fn resolved(files: &[(&str, &str)], at: &str) -> (Base, Vec<Segment>) {
        let mut bases = Bases::default();
        for (index, (path, text)) in files.iter().enumerate() {
            bases.set(FileId(index as u32), path, Some(text));
        }
        let segments = vec![Segment::Text("tasks".into())];
        let stands_in = Some(&SmolStr::new("http://localhost:8000/default"));
        let address = bases.resolve(at, Address { base: Base::Environment("API".into()), segments }, stands_in);
        (address.base, address.segments)
    }

    #[test]
    fn files_of_the_nearest_folder_say_the_path() {
        let (api, tasks) = (Segment::Text("api".into()), Segment::Text("tasks".into()));
        let environment = Base::Environment("API".into());
        let local = ("/p/web/.env.local", "API=http://localhost:8000/api\n");
        let hosted = ("/p/web/.env.production", "API=\"https://api.test/api/\"");
        let other = ("/p/.env", "API=http://localhost:8000");
        let page = ("/p/web/.env", "API=/api");
        let at = "/p/web/lib/api.ts";
        assert_eq!(resolved(&[local, hosted, other], at), (environment.clone(), vec![api.clone(), tasks.clone()]));
        assert_eq!(resolved(&[other], at), (environment.clone(), vec![tasks.clone()]));
        assert_eq!(resolved(&[page], at), (Base::Page, vec![api, tasks.clone()]));
        let default = Segment::Text("default".into());
        assert_eq!(resolved(&[], at), (environment.clone(), vec![default, tasks.clone()]));
        // Where they say different things, nothing is known.
        let bare = ("/p/web/.env", "API=http://localhost:8000");
        assert_eq!(resolved(&[local, bare], at), (environment, vec![tasks]));
    }
}
