//! What the embedded broker and the embedded registry share: a thread that serves until it is told to
//! end, takes orders from tests meanwhile, and has a directory for itself.

mod directory;
mod listening;
mod thread;

pub use directory::{about, lock};
pub use listening::{address, listen};
pub use thread::{Handle, Order, Ordered, ServerThread};
