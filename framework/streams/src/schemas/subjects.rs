//! The subjects that schemas are registered under, by Confluent's strategies.

use super::RegistryError;
use crate::config::SubjectNameStrategy;
use crate::serde::{Part, Schema};

impl SubjectNameStrategy {
    /// Returns the subject of a topic's keys or values.
    ///
    /// # Errors
    ///
    /// Where it goes by the name of the record and the schema has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use kappa::config::SubjectNameStrategy;
    /// use kappa::serde::{Part, Schema, SchemaFormat};
    ///
    /// let schema = Schema {
    ///     format: SchemaFormat::Avro,
    ///     name: Some("flights.Departed".into()),
    ///     text: "".into(),
    ///     references: Vec::new(),
    /// };
    /// let subject = SubjectNameStrategy::TopicName.subject("departures", Part::Value, &schema);
    /// assert_eq!(subject.unwrap(), "departures-value");
    /// let subject = SubjectNameStrategy::TopicRecordName.subject("departures", Part::Value, &schema);
    /// assert_eq!(subject.unwrap(), "departures-flights.Departed");
    /// ```
    pub fn subject(
        self,
        topic: &str,
        part: Part,
        schema: &Schema,
    ) -> Result<String, RegistryError> {
        let name = || {
            schema.name.as_deref().ok_or_else(|| {
                RegistryError::invalid(format!(
                    "the schema of topic {topic} has no name, and its subject goes by it: name it, \
                     or use the subject name strategy `TopicNameStrategy`"
                ))
            })
        };
        Ok(match (self, part) {
            (Self::TopicName, Part::Key) => format!("{topic}-key"),
            (Self::TopicName, Part::Value) => format!("{topic}-value"),
            (Self::RecordName, _) => name()?.to_owned(),
            (Self::TopicRecordName, _) => format!("{topic}-{}", name()?),
        })
    }
}
