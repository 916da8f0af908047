//! Text positions: everything inside the analysis is a byte offset; lines and
//! columns exist only at the edges, in the encoding that the client asked for.

mod kept;
mod line_index;
mod range;

pub use kept::KeptText;
pub use line_index::{LineCol, LineIndex, PositionEncoding};
pub use range::TextRange;
