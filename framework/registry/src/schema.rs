//! Schemas as texts: what is one, and in which form it is kept, so that equal ones are equal.

mod avro;
mod json;
mod protobuf;

use kappa_evolution::{Breach, Malformed};

use crate::model::SchemaType;

/// Returns the form in which a schema is kept, or why it is none. `references` are what it refers to,
/// each behind those that it refers to itself.
///
/// - Avro: parsed, with its references; written as the Java library writes it.
/// - JSON: parsed, and without white space between its tokens.
/// - Protobuf: parsed, with its imports, and kept as it is but for white space around it; clients send
///   the text of a `.proto` file or, in Base64, a descriptor.
pub(crate) fn canonical(
    schema_type: SchemaType,
    text: &str,
    references: &[Referenced],
) -> Result<String, String> {
    match schema_type {
        SchemaType::Avro => avro::canonical(text, references),
        SchemaType::Json => json::canonical(Resolved { schema_type, text, references }),
        SchemaType::Protobuf => protobuf::canonical(Resolved { schema_type, text, references }),
    }
}

/// A schema that another one refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Referenced {
    /// How it is called there.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A schema's text with what it refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resolved<'a> {
    pub(crate) schema_type: SchemaType,
    pub(crate) text: &'a str,
    pub(crate) references: &'a [Referenced],
}

impl Resolved<'_> {
    /// Parses the text with what it refers to; that is in order, each behind those that it refers to.
    fn parse<D>(
        &self,
        parse: impl Fn(&str, &[(&str, &D)]) -> Result<D, Malformed>,
    ) -> Result<D, Malformed> {
        let mut known: Vec<(&str, D)> = Vec::with_capacity(self.references.len());
        let with = |known: &[(&str, D)], text: &str| {
            let others: Vec<_> = known.iter().map(|(name, other)| (*name, other)).collect();
            parse(text, &others)
        };
        for Referenced { name, text } in self.references {
            let other = with(&known, text)?;
            known.push((name, other));
        }
        with(&known, self.text)
    }
}

/// Returns what is wrong with a pair of schemas, each under a name that stands for it; if one could not be
/// parsed, that: what cannot be compared is not taken for compatible.
fn breaches<D>(
    [reader, writer]: [Result<D, Malformed>; 2],
    unreadable: impl Fn((&str, &D), (&str, &D)) -> Vec<Breach>,
) -> Vec<String> {
    match (reader, writer) {
        (Ok(reader), Ok(writer)) => {
            let breaches = unreadable(("the %w schema", &writer), ("the %r schema", &reader));
            breaches.iter().map(ToString::to_string).collect()
        }
        (Err(malformed), _) | (_, Err(malformed)) => vec![malformed.to_string()],
    }
}

/// Returns why `reader` cannot read all that `writer` has written; nothing if it can.
pub(crate) fn incompatibilities(reader: Resolved<'_>, writer: Resolved<'_>) -> Vec<String> {
    if reader.schema_type != writer.schema_type {
        return vec!["Incompatible because of different schema type".to_owned()];
    }
    match reader.schema_type {
        SchemaType::Avro => avro::incompatibilities(reader, writer),
        SchemaType::Json => json::incompatibilities(reader, writer),
        SchemaType::Protobuf => protobuf::incompatibilities(reader, writer),
    }
}
