//! Files as the analysis sees them.

/// A file that the analysis knows. Ids are dense and never reused for another
/// path while an [`crate::ide::AnalysisHost`] lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);
