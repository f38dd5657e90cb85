//! Schemas in Protobuf: texts of `.proto` files or, in Base64, descriptors.

use kappa_evolution::protobuf::{ProtobufFile, unreadable};

use crate::schema::{Resolved, breaches};

/// Returns the text without white space around it, which is the form it is kept in.
///
/// Files of an edition are taken as they are: they may be right.
pub(super) fn canonical(schema: Resolved<'_>) -> Result<String, String> {
    match schema.parse(ProtobufFile::parse) {
        Err(malformed) if !malformed.is_beyond() => Err(malformed.to_string()),
        _ => Ok(schema.text.trim().to_owned()),
    }
}

/// Returns why `reader` cannot read all that `writer` has written; nothing if it can.
pub(super) fn incompatibilities(reader: Resolved<'_>, writer: Resolved<'_>) -> Vec<String> {
    if reader == writer {
        return Vec::new();
    }
    breaches([reader, writer].map(|schema| schema.parse(ProtobufFile::parse)), unreadable)
}

#[cfg(test)]
mod tests;
