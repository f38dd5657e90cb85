//! A JSON Schema with all that it refers to.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::node::{Node, NodeId};
use super::reading::Reading;
use crate::{Malformed, SCHEMA_BYTES_MAX};

/// How many documents one may refer to, those referred to by others counted once.
const REFERENCES_MAX: usize = 128;

/// A JSON Schema with all that it refers to; a clone is the same one.
///
/// # Examples
///
/// ```
/// use kappa_evolution::json::JsonDocument;
///
/// let airport = JsonDocument::parse(r#"{"type": "string", "maxLength": 3}"#, &[])?;
/// let leg = r#"{"properties": {"from": {"$ref": "airport.json"}}}"#;
/// let leg = JsonDocument::parse(leg, &[("airport.json", &airport)])?;
/// assert!(leg.missing().is_empty());
/// # Ok::<(), kappa_evolution::Malformed>(())
/// ```
#[derive(Debug, Clone)]
pub struct JsonDocument(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    /// Itself, without its name, and after it all that it refers to.
    resources: Vec<Resource>,
    nodes: Vec<Node>,
    root: NodeId,
    missing: Vec<String>,
}

/// A document, by the name that others refer to it by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) value: Arc<Value>,
}

impl JsonDocument {
    /// Reads a schema, with the schemas it refers to by their names: what stands in its `$ref`s before
    /// the `#`.
    ///
    /// Keywords whose values are not what they should be are taken as they are, and compared as a whole.
    ///
    /// # Errors
    ///
    /// Where the text is no JSON Schema, or too large a one.
    pub fn parse(text: &str, references: &[(&str, &Self)]) -> Result<Self, Malformed> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(Malformed::new(format!("it is larger than {SCHEMA_BYTES_MAX} bytes")));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let why = error.to_string();
            let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
            Malformed::at(error.line(), error.column(), why)
        })?;
        if !matches!(value, Value::Object(_) | Value::Bool(_)) {
            return Err(Malformed::new("a JSON Schema is an object, `true` or `false`"));
        }
        let mut resources = vec![Resource { name: String::new(), value: Arc::new(value) }];
        for (name, reference) in references {
            reference.add_to(&mut resources, name)?;
        }
        let read = Reading::read(&resources)?;
        let (nodes, root, missing) = (read.nodes, read.root, read.missing);
        Ok(Self(Arc::new(Parsed { resources, nodes, root, missing })))
    }

    /// Returns what it refers to and is neither in it nor given.
    #[must_use]
    pub fn missing(&self) -> &[String] {
        &self.0.missing
    }

    fn add_to(&self, resources: &mut Vec<Resource>, name: &str) -> Result<(), Malformed> {
        for own in &self.0.resources {
            let name = if own.name.is_empty() { name } else { &own.name };
            if resources.iter().skip(1).all(|known| known.name != name) {
                resources.push(Resource { name: name.to_owned(), value: Arc::clone(&own.value) });
            }
        }
        if resources.len() > REFERENCES_MAX + 1 {
            return Err(Malformed::new(format!("it refers to more than {REFERENCES_MAX} others")));
        }
        Ok(())
    }

    pub(super) fn root(&self) -> NodeId {
        self.0.root
    }

    pub(super) fn node(&self, id: NodeId) -> Option<&Node> {
        self.0.nodes.get(id)
    }

    /// Returns whether both are the very same, and all that they refer to is.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.0.resources == other.0.resources
    }

    /// Returns whether what both may refer to is the same.
    pub(super) fn defines_the_same(&self, other: &Self) -> bool {
        let own = |document: &Self, name: &str| {
            document.0.resources.first().and_then(|own| own.value.get(name)).cloned()
        };
        ["definitions", "$defs"].iter().all(|name| own(self, name) == own(other, name))
            && self.0.resources.iter().skip(1).eq(other.0.resources.iter().skip(1))
    }
}

/// Returns where each name and anchor of a document points to, by its address.
pub(super) fn anchors(resource: &Resource) -> HashMap<String, &Value> {
    let mut found = HashMap::new();
    let mut open: Vec<&Value> = vec![&resource.value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(members) => {
                for keyword in ["$id", "id", "$anchor"] {
                    if let Some(Value::String(name)) = members.get(keyword) {
                        let name = match keyword {
                            "$anchor" => format!("#{name}"),
                            _ => name.trim_end_matches('#').to_owned(),
                        };
                        found.entry(name).or_insert(value);
                    }
                }
                open.extend(members.values());
            }
            _ => {}
        }
    }
    found
}
