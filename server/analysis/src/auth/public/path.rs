//! Paths as they are compared: without what says only that an API begins.

/// Lower-case segments without `api`, version segments and empty ones; word
/// separators inside a segment are dropped, path parameters are `{}`.
pub(super) fn normalised(path: &str) -> Vec<String> {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    let plain = segments.map(|segment| {
        if segment.starts_with('{') {
            return "{}".to_owned();
        }
        segment
            .chars()
            .filter(|letter| !matches!(letter, '-' | '_'))
            .map(|letter| letter.to_ascii_lowercase())
            .collect()
    });
    plain.filter(|segment| !is_base(segment) && !is_version(segment)).collect()
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
