//! How values are encoded: said on the command line, where an application leaves it open.

use clap::Args;

use crate::config::Settings;
#[cfg(feature = "schema-registry")]
use crate::error::Error;
use crate::error::Result;
#[cfg(feature = "schema-registry")]
use crate::record::Headers;
#[cfg(feature = "schema-registry")]
use crate::schemas::{Formats, avro::AvroValues};
use crate::topology::Topology;

/// How an application's topology is declared.
pub(super) enum Declaration {
    /// Its encodings are its own.
    Plain(fn() -> Result<Topology>),
    /// The encoding of its values is left open.
    #[cfg(feature = "schema-registry")]
    WithFormats(fn(&Formats) -> Result<Topology>),
}

/// The choice, of commands that read or write values.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct FormatArgument {
    /// Encoding of values: Avro, with the ids of `schema.registry.url`; or JSON, without a registry
    #[cfg(feature = "schema-registry")]
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: ValueFormat,
}

/// How values are encoded.
#[cfg(feature = "schema-registry")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum ValueFormat {
    /// Avro, framed with the id of its schema
    #[default]
    Avro,
    /// JSON
    Json,
}

impl Declaration {
    /// Returns the topology; a registry is not asked for anything yet.
    #[cfg_attr(
        not(feature = "schema-registry"),
        expect(unused_variables, reason = "nothing is to be chosen without a registry")
    )]
    pub(super) fn topology(&self, settings: &Settings, format: FormatArgument) -> Result<Topology> {
        match self {
            Self::Plain(declare) => declare(),
            #[cfg(feature = "schema-registry")]
            Self::WithFormats(declare) => declare(&format.formats(settings)?),
        }
    }

    /// Returns the topology with certain encodings.
    #[cfg(feature = "schema-registry")]
    pub(super) fn with_formats(&self, formats: &Formats) -> Result<Topology> {
        match self {
            Self::Plain(declare) => declare(),
            Self::WithFormats(declare) => declare(formats),
        }
    }

    /// Returns how values are shown; a registry is asked only for what the values name.
    #[cfg_attr(
        not(feature = "schema-registry"),
        expect(unused_variables, reason = "nothing is to be chosen without a registry")
    )]
    pub(super) fn shown(&self, settings: &Settings, format: FormatArgument) -> Result<ValueText> {
        match self {
            Self::Plain(_) => Ok(ValueText::default()),
            #[cfg(feature = "schema-registry")]
            Self::WithFormats(_) => {
                let formats = format.formats(settings)?;
                Ok(ValueText { avro: formats.registry().map(AvroValues::new) })
            }
        }
    }

    /// Returns the topology for commands that encode and decode nothing.
    pub(super) fn shape(&self) -> Result<Topology> {
        match self {
            Self::Plain(declare) => declare(),
            #[cfg(feature = "schema-registry")]
            Self::WithFormats(declare) => declare(&Formats::json()),
        }
    }

    /// Hides the choice where there is none.
    pub(super) fn describe(&self, command: clap::Command) -> clap::Command {
        match self {
            #[cfg(feature = "schema-registry")]
            Self::Plain(_) => {
                ["run", "replay", "verify", "results"].into_iter().fold(command, |command, name| {
                    command.mut_subcommand(name, |found| {
                        found.mut_arg("format", |argument| argument.hide(true))
                    })
                })
            }
            #[cfg(not(feature = "schema-registry"))]
            Self::Plain(_) => command,
            #[cfg(feature = "schema-registry")]
            Self::WithFormats(_) => command,
        }
    }
}

/// Shows values: JSON and Avro as JSON, others as text.
#[derive(Debug, Default)]
pub(super) struct ValueText {
    #[cfg(feature = "schema-registry")]
    avro: Option<AvroValues>,
}

impl ValueText {
    /// Returns a value as text.
    pub(super) fn text(&mut self, bytes: &[u8]) -> String {
        match self.value(bytes) {
            serde_json::Value::String(text) => text,
            value => value.to_string(),
        }
    }

    /// Returns a value as JSON; what is none, as a string.
    #[cfg_attr(
        not(feature = "schema-registry"),
        expect(clippy::needless_pass_by_ref_mut, reason = "schemas that were asked for are kept")
    )]
    pub(super) fn value(&mut self, bytes: &[u8]) -> serde_json::Value {
        #[cfg(feature = "schema-registry")]
        if let Some(avro) = &mut self.avro {
            // The serdes of `Formats` name schemas in the bytes.
            match avro.json(&Headers::default(), bytes) {
                Ok(value) => return value,
                Err(cause) => tracing::warn!("a value is shown as it stands: {cause}"),
            }
        }
        serde_json::from_slice(bytes)
            .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
    }
}

#[cfg(feature = "schema-registry")]
impl FormatArgument {
    fn formats(self, settings: &Settings) -> Result<Formats> {
        Ok(match self.format {
            ValueFormat::Avro if settings.schema_registry.urls.is_empty() => {
                return Err(Error::config(
                    "setting schema.registry.url is missing: give it, or SCHEMA_REGISTRY_URL, or \
                     encode values as JSON with --format json",
                ));
            }
            ValueFormat::Avro => Formats::avro(crate::schemas::Registry::new(settings)?),
            ValueFormat::Json => Formats::json(),
        })
    }
}
