//! Schemas in Protobuf: texts of `.proto` files or, in Base64, descriptors.

use kappa_evolution::Malformed;
use kappa_evolution::protobuf::{ProtobufFile, unreadable};

use crate::schema::{Referenced, Resolved};

/// Returns the text without white space around it, which is the form it is kept in.
///
/// Files of an edition are taken as they are: they may be right.
pub(super) fn canonical(text: &str, references: &[Referenced]) -> Result<String, String> {
    match parse(text, references) {
        Err(malformed) if !malformed.is_beyond() => Err(malformed.to_string()),
        _ => Ok(text.trim().to_owned()),
    }
}

/// The texts are in order, each behind those that it imports.
fn parse(text: &str, references: &[Referenced]) -> Result<ProtobufFile, Malformed> {
    let mut known: Vec<(&str, ProtobufFile)> = Vec::with_capacity(references.len());
    let borrow = |known: &[(&'_ str, ProtobufFile)], text: &str| {
        let imports: Vec<_> = known.iter().map(|(name, file)| (*name, file)).collect();
        ProtobufFile::parse(text, &imports)
    };
    for Referenced { name, text } in references {
        let file = borrow(&known, text)?;
        known.push((name.as_str(), file));
    }
    borrow(&known, text)
}

/// Returns why `reader` cannot read all that `writer` has written; nothing if it can.
pub(super) fn incompatibilities(reader: Resolved<'_>, writer: Resolved<'_>) -> Vec<String> {
    if reader == writer {
        return Vec::new();
    }
    let parts = (parse(reader.text, reader.references), parse(writer.text, writer.references));
    match parts {
        (Ok(reader), Ok(writer)) => {
            let breaches = unreadable(("the %w schema", &writer), ("the %r schema", &reader));
            breaches.iter().map(ToString::to_string).collect()
        }
        // An edition: what cannot be compared is not taken for compatible.
        (Err(malformed), _) | (_, Err(malformed)) => vec![malformed.to_string()],
    }
}

#[cfg(test)]
mod tests;
