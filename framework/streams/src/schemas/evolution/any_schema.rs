//! A schema in any of the three languages, to be compared.

use kappa_evolution::json::{self, JsonDocument};
use kappa_evolution::protobuf::{self, ProtobufFile};

use super::{Finding, avro};
use crate::error::{Error, ErrorKind, Result};
use crate::schemas::avro::AvroSchema;
use crate::serde::SchemaFormat;

/// A schema in any of the three languages, with the schemas it refers to.
///
/// # Examples
///
/// ```
/// use kappa::schemas::evolution::AnySchema;
/// use kappa::serde::SchemaFormat;
///
/// let file = "syntax = \"proto3\"; message Departed { string flight = 1 }";
/// let error = AnySchema::parse(SchemaFormat::Protobuf, file, &[]).unwrap_err();
/// assert!(error.to_string().contains("line 1, column 57: "), "{error}");
/// ```
#[derive(Debug, Clone)]
pub struct AnySchema(Language);

#[derive(Debug, Clone)]
enum Language {
    Avro(AvroSchema),
    Protobuf(ProtobufFile),
    Json(JsonDocument),
}

impl AnySchema {
    /// Parses a schema, with the schemas it refers to, each by the name that it uses: the name of a
    /// type in Avro, of an imported file in Protobuf, what stands before the `#` of a `$ref` in JSON.
    ///
    /// # Errors
    ///
    /// Where the text is no schema, and where it refers to what is not given.
    pub fn parse(format: SchemaFormat, text: &str, references: &[(&str, &Self)]) -> Result<Self> {
        let wrong = |why: String| {
            let name = match format {
                SchemaFormat::Avro => "Avro schema",
                SchemaFormat::Protobuf => "Protobuf file",
                SchemaFormat::Json => "JSON Schema",
            };
            Error::new(ErrorKind::Config, format!("cannot use {name}: {why}"))
        };
        for (name, other) in references {
            if other.format() != format {
                return Err(wrong(format!("what it refers to as `{name}` is of another language")));
            }
        }
        let language = match format {
            SchemaFormat::Avro => {
                let others = of_language(references, |language| match language {
                    Language::Avro(schema) => Some(schema),
                    _ => None,
                });
                let others: Vec<AvroSchema> =
                    others.into_iter().map(|(_, schema)| schema.clone()).collect();
                Language::Avro(AvroSchema::parse_with(text, &others)?)
            }
            SchemaFormat::Protobuf => {
                let others = of_language(references, |language| match language {
                    Language::Protobuf(file) => Some(file),
                    _ => None,
                });
                let file = ProtobufFile::parse(text, &others);
                Language::Protobuf(file.map_err(|malformed| wrong(malformed.to_string()))?)
            }
            SchemaFormat::Json => {
                let others = of_language(references, |language| match language {
                    Language::Json(document) => Some(document),
                    _ => None,
                });
                let document = JsonDocument::parse(text, &others);
                let document = document.map_err(|malformed| wrong(malformed.to_string()))?;
                if let Some(missing) = document.missing().first() {
                    let why = format!("it refers to `{missing}`, which is neither in it nor given");
                    return Err(wrong(why));
                }
                Language::Json(document)
            }
        };
        Ok(Self(language))
    }

    /// Returns its language.
    #[must_use]
    pub fn format(&self) -> SchemaFormat {
        match &self.0 {
            Language::Avro(_) => SchemaFormat::Avro,
            Language::Protobuf(_) => SchemaFormat::Protobuf,
            Language::Json(_) => SchemaFormat::Json,
        }
    }

    /// Returns the full name of an Avro schema, if it has one: its versions share it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Language::Avro(schema) => schema.name(),
            Language::Protobuf(_) | Language::Json(_) => None,
        }
    }
}

fn of_language<'a, S>(
    references: &[(&'a str, &'a AnySchema)],
    of: impl Fn(&'a Language) -> Option<&'a S>,
) -> Vec<(&'a str, &'a S)> {
    references.iter().filter_map(|(name, other)| Some((*name, of(&other.0)?))).collect()
}

/// Returns what a reader could not read of what a writer may write.
pub(super) fn unreadable(writer: (u32, &AnySchema), reader: (u32, &AnySchema)) -> Vec<Finding> {
    let (writing, reading) = (format!("version {}", writer.0), format!("version {}", reader.0));
    let breaches = match (&writer.1.0, &reader.1.0) {
        (Language::Avro(w), Language::Avro(r)) => {
            return avro::unreadable((writer.0, w), (reader.0, r));
        }
        (Language::Protobuf(w), Language::Protobuf(r)) => {
            protobuf::unreadable((&writing, w), (&reading, r))
        }
        (Language::Json(w), Language::Json(r)) => json::unreadable((&writing, w), (&reading, r)),
        _ => {
            let (was, is) = (writer.1.format(), reader.1.format());
            let why = format!("it is {was} in {writing} and {is} in {reading}");
            return vec![Finding { reader: reader.0, writer: writer.0, path: String::new(), why }];
        }
    };
    let finding = |breach: kappa_evolution::Breach| Finding {
        reader: reader.0,
        writer: writer.0,
        path: breach.path,
        why: breach.why,
    };
    breaches.into_iter().map(finding).collect()
}
