//! Whether a script was written by a bundler: what it does stands, readable, in the
//! sources that it was made of, and there alone it can be mended.

use memchr::{memchr, memrchr};

/// Nobody writes lines of so many bytes by hand.
const LONG: usize = 500;

/// Of code at least one in so many bytes is a bracket, a semicolon or an equals sign.
/// Of pictures, paths and texts, which make lines long as well, hardly any is.
const SIGNS: usize = 16;

/// Bundles hold long texts, too: so large a part of one is code, at least.
const CODE: usize = 10;

/// Bytes of the longest script that people keep: the largest one seen has 0.9 MB. A bundle that was laid out again
/// has short lines, too.
const LONGEST: usize = 1 << 20;

/// Whether most of a script is long lines, and not all of that is data; or it is longer than any that is written.
pub fn is_bundled(text: &str) -> bool {
    if text.len() > LONGEST {
        return true;
    }
    let mut rest = text.as_bytes();
    let (mut long, mut code) = (0, 0);
    while let Some(start) = rest.get(..LONG) {
        // All lines that end before are short; most texts are passed over in steps of this length.
        if let Some(end) = memrchr(b'\n', start) {
            rest = &rest[end + 1..];
            continue;
        }
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        long += line.len();
        code += if is_code(line) { line.len() } else { 0 };
        rest = behind.get(1..).unwrap_or_default();
    }
    long * 2 > text.len() && code * CODE > text.len()
}

fn is_code(line: &[u8]) -> bool {
    let signs = line.iter().filter(|byte| matches!(byte, b'(' | b')' | b'{' | b'}' | b';' | b'=')).count();
    signs * SIGNS >= line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_of_code_are_a_bundle() {
        let minified = "var a=b(c);if(a){d()}".repeat(40);
        assert!(is_bundled(&minified));
        assert!(is_bundled(&format!("/* a licence */\nimport x from './y.js';\n{minified}\n//# sourceMappingURL=a\n")));
    }

    #[test]
    fn no_script_is_as_long_as_a_bundle() {
        let line = "                    return e === t ? 0 : a(e, t);\n";
        assert!(is_bundled(&line.repeat(LONGEST / line.len() + 1)));
        assert!(!is_bundled(&line.repeat(LONGEST / line.len() / 2)));
    }

    #[test]
    fn what_people_write_is_none() {
        let written = "export async function load() {\n  return await fetch(`/api/items`);\n}\n".repeat(40);
        assert!(!is_bundled(&written));
        assert!(!is_bundled(""));
        // A picture in the code, and code that came to be on one line.
        assert!(!is_bundled(&format!(
            "{written}const picture = 'data:image/png;base64,{}';\n",
            "iVBORw0KGgo".repeat(9000)
        )));
        assert!(!is_bundled(&format!("{written}{}\n", "var a=b(c);".repeat(100))));
    }
}
