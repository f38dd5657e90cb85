//! What a reader's version of a schema cannot read of what a writer's version may write, in words.
//!
//! For Protobuf ([`protobuf`]) and JSON Schema ([`json`]); Avro is compared where it is resolved, in
//! `kappa-streams`. `kappa-streams` checks versions before a release with it, and the embedded
//! registry as they are registered: neither depends on the other, so the rules are a crate.
//!
//! Everything here is a function of texts: no file is looked for, and nothing is fetched.
//!
//! # Whose rules
//!
//! Those of Confluent's schema registry, as far as they say what a reader may meet. What they let
//! pass and a reader would stumble over is a [`Breach`] all the same, and each module names it.
//!
//! # Example
//!
//! ```
//! use kappa_evolution::protobuf::{ProtobufFile, unreadable};
//!
//! let old = "syntax = \"proto3\"; message Departed { int32 delay = 1; }";
//! let new = "syntax = \"proto3\"; message Departed { string delay = 1; }";
//! let (old, new) = (ProtobufFile::parse(old, &[])?, ProtobufFile::parse(new, &[])?);
//! let breaches = unreadable(("version 1", &old), ("version 2", &new));
//! assert_eq!(breaches[0].path, "Departed.delay");
//! assert_eq!(breaches[0].why, "it is int32 in version 1 and string in version 2");
//! # Ok::<(), kappa_evolution::Malformed>(())
//! ```

mod breach;
pub mod json;
mod malformed;
pub mod protobuf;

pub use breach::Breach;
pub use malformed::Malformed;

/// How many bytes a schema may have.
pub const SCHEMA_BYTES_MAX: usize = 4 << 20;

/// How many breaches are told of one pair of versions.
pub const BREACHES_MAX: usize = 100;
