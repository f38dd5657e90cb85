//! What is found.

use std::fmt;

/// Something that a reader cannot read.
///
/// # Examples
///
/// ```
/// use kappa_evolution::Breach;
///
/// let breach = Breach { path: "legs[].gate".to_owned(), why: "it must be there".to_owned() };
/// assert_eq!(breach.to_string(), "field `legs[].gate`: it must be there");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The way to the field: `Departed.gate`, `legs[].gate`; empty for the schema itself.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "field `{}`: ", self.path)?;
        }
        f.write_str(&self.why)
    }
}
