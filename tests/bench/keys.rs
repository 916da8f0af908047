//! Types into a file of a workspace, to be counted by `valgrind --tool=callgrind`:
//! instructions are the same on a busy machine as on an idle one.
//!
//! `keys ROOT FILE TEXT OTHER TIMES` puts OTHER in the place of TEXT and takes it
//! back, TIMES times in all. With `type:LETTERS` for OTHER, it types letters behind TEXT
//! instead, and takes them back together. Only `typing` is to be counted:
//! `--toggle-collect='*typing*'`.

#[allow(dead_code, unused_imports, reason = "a part of the program")]
#[path = "../../server/cli/load.rs"]
mod load;
#[allow(dead_code, unused_imports, reason = "a part of the program")]
#[path = "../../server/workspace/mod.rs"]
mod workspace;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use authlens_analysis::ide::{AnalysisHost, Change};

/// Letters that are typed before they are taken back.
const LETTERS: usize = 24;

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, file, text, other, times] = arguments.as_slice() else {
        return Err("usage: keys ROOT FILE TEXT OTHER TIMES".into());
    };
    let times: usize = times.parse().map_err(|_| "TIMES is no number")?;
    let file = std::fs::canonicalize(Path::new(root).join(file)).map_err(|error| error.to_string())?;
    let source = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let texts = texts(&source, text, other, times).ok_or("TEXT is not in the file")?;
    let file = workspace::slashed(&file);
    let mut host = load::load(&[PathBuf::from(root)], None)?.host;
    open(&mut host, &file, source.into());
    // What is found out once is no part of what a key costs.
    texts.iter().take(2).for_each(|text| _ = open(&mut host, &file, Arc::clone(text)));
    println!("{} findings published", typing(&mut host, &file, texts));
    Ok(())
}

/// The texts after each key.
fn texts(source: &str, text: &str, other: &str, times: usize) -> Option<Vec<Arc<str>>> {
    let at = source.find(text)?;
    let (before, after) = (source.get(..at)?, source.get(at + text.len()..)?);
    let of = |number: usize| match other.strip_prefix("type:") {
        Some(letters) => {
            let typed: String = letters.chars().cycle().take(number % (LETTERS + 1)).collect();
            format!("{before}{text}{typed}{after}")
        }
        None => format!("{before}{}{after}", if number % 2 == 1 { other } else { text }),
    };
    Some((1..=times).map(|number| of(number).into()).collect())
}

/// Applies texts one after the other; gives how many findings were to be published.
#[inline(never)]
fn typing(host: &mut AnalysisHost, file: &str, texts: Vec<Arc<str>>) -> usize {
    texts.into_iter().map(|text| open(host, file, text)).sum()
}

fn open(host: &mut AnalysisHost, file: &str, text: Arc<str>) -> usize {
    let applied = host.apply(Change { open: vec![(file.to_owned(), Some(text))], ..Change::default() });
    let analysis = host.snapshot();
    applied.changed.iter().map(|file| analysis.diagnostics(*file).len()).sum()
}
