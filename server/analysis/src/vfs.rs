//! Files as the analysis sees them.

use crate::text::TextRange;

/// A file that the analysis knows. Ids are dense and never reused for another
/// path while an [`crate::ide::AnalysisHost`] lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// Byte range in the file.
    pub range: TextRange,
}
