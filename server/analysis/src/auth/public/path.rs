//! Paths as they are compared: without what says only that an API begins.

use smol_str::SmolStr;

/// Lower-case segments without `api`, version segments and empty ones; word
/// separators inside a segment are dropped, path parameters are `{}`.
pub(super) fn normalised(path: &str) -> Vec<SmolStr> {
    let plain = path.split('/').filter(|segment| !segment.is_empty()).map(normalised_segment);
    plain.filter(|segment| !is_base(segment) && !is_version(segment)).collect()
}

fn normalised_segment(segment: &str) -> SmolStr {
    if segment.starts_with('{') {
        return SmolStr::new_static("{}");
    }
    let is_plain = |byte: u8| !byte.is_ascii_uppercase() && !matches!(byte, b'-' | b'_');
    if segment.bytes().all(is_plain) {
        return segment.into();
    }
    segment.chars().filter(|letter| !matches!(letter, '-' | '_')).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Whether a segment of a path only says that an API begins: `api`, `v1`.
pub fn is_base_of_api(segment: &str) -> bool {
    let segment = segment.to_ascii_lowercase();
    is_base(&segment) || is_version(&segment)
}

/// `api`, `api2`: what an API is served below.
fn is_base(segment: &str) -> bool {
    segment.strip_prefix("api").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
