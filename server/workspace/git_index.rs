//! The list of tracked files, read from git's index (format versions 2 to 4,
//! `Documentation/gitformat-index.adoc`), without running git.

use std::fs;
use std::path::{Path, PathBuf};

/// Tracked files below `root`, absolute. Empty outside of a checkout, and for
/// an index that this reader does not understand: the walk then stands alone.
pub(super) fn tracked_files(root: &Path) -> Vec<PathBuf> {
    let Some((top, index)) = find_index(root) else { return Vec::new() };
    let Ok(bytes) = fs::read(index) else { return Vec::new() };
    let names = parse(&bytes).unwrap_or_default();
    names.into_iter().map(|name| top.join(name)).filter(|path| path.starts_with(root)).collect()
}

/// Whether a file or folder lies in a checkout.
pub(super) fn is_in_checkout(path: &Path) -> bool {
    find_index(path).is_some()
}

/// Whether git has a file. One that is not in a checkout, or in one whose index
/// this reader does not understand, it does not have.
pub(super) fn is_tracked(path: &Path) -> bool {
    let Some((top, index)) = path.parent().and_then(find_index) else { return false };
    let Ok(name) = path.strip_prefix(top) else { return false };
    let Ok(bytes) = fs::read(index) else { return false };
    // Names stand there as they are, each with a NUL behind it, but in version 4.
    if matches!(bytes.get(..8), Some([b'D', b'I', b'R', b'C', 0, 0, 0, 2 | 3])) {
        let name = format!("{}\0", super::slashed(name));
        let is_whole = |at: usize| {
            at >= FLAGS && bytes.get(at - FLAGS..at).is_some_and(|flags| ends_with_length(flags, name.len() - 1))
        };
        return memchr::memmem::find_iter(&bytes, name.as_bytes()).any(is_whole);
    }
    parse(&bytes).is_some_and(|names| names.iter().any(|known| name == Path::new(known)))
}

/// Bytes before a name that tell its length: flags, and those of version 3.
const FLAGS: usize = 4;

/// Whether flags say that a name has that length.
fn ends_with_length(flags: &[u8], length: usize) -> bool {
    let says = |high: u8, low: u8| usize::from(u16::from_be_bytes([high & 0x0f, low])) == length.min(0xfff);
    matches!(flags, [a, b, c, d] if says(*c, *d) || (a & 0x40 != 0 && says(*a, *b)))
}

/// The top of the checkout that `root` is in, and its index file.
fn find_index(root: &Path) -> Option<(PathBuf, PathBuf)> {
    for folder in root.ancestors() {
        let git = folder.join(".git");
        if git.is_dir() {
            return Some((folder.to_owned(), git.join("index")));
        }
        // A worktree or submodule: `.git` is a file that says where.
        if let Ok(text) = fs::read_to_string(&git) {
            let target = text.strip_prefix("gitdir:")?.trim();
            return Some((folder.to_owned(), folder.join(target).join("index")));
        }
    }
    None
}

fn parse(bytes: &[u8]) -> Option<Vec<String>> {
    let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
    if bytes.get(..4)? != b"DIRC" {
        return None;
    }
    let (version, count) = (word(4)?, word(8)?);
    if !(2..=4).contains(&version) {
        return None;
    }
    // 40 bytes of stat data, then the object id. Only SHA-1 checkouts are common;
    // for others the names would not come out as text, and `None` is returned.
    const FIXED: usize = 40 + 20;
    let mut at = 12;
    let mut names: Vec<String> = Vec::new();
    let mut previous: Vec<u8> = Vec::new();
    for _ in 0..count {
        let start = at;
        let flags = u16::from_be_bytes(bytes.get(at + FIXED..at + FIXED + 2)?.try_into().ok()?);
        let extended = version >= 3 && flags & 0x4000 != 0;
        at += FIXED + 2 + if extended { 2 } else { 0 };
        if version == 4 {
            let (strip, used) = varint(bytes.get(at..)?)?;
            at += used;
            previous.truncate(previous.len().checked_sub(strip)?);
        } else {
            previous.clear();
        }
        let length = memchr::memchr(0, bytes.get(at..)?)?;
        previous.extend_from_slice(bytes.get(at..at + length)?);
        at += length + 1;
        if version != 4 {
            // Entries are padded with 1 to 8 NUL bytes to a multiple of eight.
            at = start + (at - start).div_ceil(8) * 8;
        }
        names.push(String::from_utf8(previous.clone()).ok()?);
    }
    Some(names)
}

/// Git's offset encoding: seven bits a byte, most significant first, one added
/// for each continuation.
fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value = (value << 7) | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
        value += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, version: u32, strip: Option<u8>) -> Vec<u8> {
        let mut entry = vec![0; 60];
        entry.extend((name.len() as u16).to_be_bytes());
        entry.extend(strip);
        entry.extend(name.as_bytes());
        entry.push(0);
        while version != 4 && !entry.len().is_multiple_of(8) {
            entry.push(0);
        }
        entry
    }

    #[test]
    fn tracked_files_are_told_from_others() {
        let folder = std::env::temp_dir().join(format!("authlens-index-{}", std::process::id()));
        fs::create_dir_all(folder.join(".git")).unwrap();
        for version in [2u32, 3, 4] {
            let mut bytes = b"DIRC".to_vec();
            bytes.extend(version.to_be_bytes());
            bytes.extend(1u32.to_be_bytes());
            bytes.extend(entry("api/.env", version, (version == 4).then_some(0)));
            fs::write(folder.join(".git/index"), bytes).unwrap();
            assert!(is_tracked(&folder.join("api/.env")), "version {version}");
            // The end of a longer name is another file's.
            assert!(!is_tracked(&folder.join(".env")), "version {version}");
        }
        fs::remove_dir_all(&folder).unwrap();
        assert!(!is_tracked(&folder.join("api/.env")));
    }

    #[test]
    fn reads_padded_and_compressed_names() {
        for version in [2u32, 3, 4] {
            let mut bytes = b"DIRC".to_vec();
            bytes.extend(version.to_be_bytes());
            bytes.extend(2u32.to_be_bytes());
            bytes.extend(entry("lib/auth.py", version, (version == 4).then_some(0)));
            let (second, strip) = if version == 4 { ("main.py", Some(7)) } else { ("lib/main.py", None) };
            bytes.extend(entry(second, version, strip));
            assert_eq!(parse(&bytes), Some(vec!["lib/auth.py".into(), "lib/main.py".into()]), "version {version}");
            assert_eq!(parse(&bytes[..bytes.len() - 20]), None);
        }
        assert_eq!(parse(b"nonsense"), None);
    }
}
