//! Schemas in Avro.

mod canonical;
mod names;
mod reading;

use apache_avro::Schema;
use serde_json::{Value, json};

use crate::schema::avro::names::{Names, is_primitive};
use crate::schema::avro::reading::Reading;
use crate::schema::{Referenced, Resolved};

pub(super) fn canonical(text: &str, references: &[Referenced]) -> Result<String, String> {
    let schema = parse(text)?;
    check(&schema, &parse_all(references)?)?;
    Ok(canonical::write(&schema))
}

fn parse(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        // The bare name of a primitive type, as the Java library takes it.
        Err(_) if is_primitive(text.trim()) => Ok(Value::String(text.trim().to_owned())),
        Err(e) => Err(e.to_string()),
    }
}

fn parse_all(references: &[Referenced]) -> Result<Vec<Value>, String> {
    references.iter().map(|reference| parse(&reference.text)).collect()
}

/// Refuses what is no schema. All are fields of one record, in order, so that each knows the names
/// of those before it, the ones within others too.
fn check(schema: &Value, references: &[Value]) -> Result<(), String> {
    let field = |(i, schema): (usize, &Value)| json!({ "name": format!("f{i}"), "type": schema });
    let fields: Vec<Value> =
        references.iter().chain(std::iter::once(schema)).enumerate().map(field).collect();
    let all = json!({ "type": "record", "name": "kappa_registry_all", "fields": fields });
    Schema::parse(&all).map(drop).map_err(|e| e.to_string())
}

/// Returns why `reader` cannot read all that `writer` has written; nothing if it can.
pub(super) fn incompatibilities(reader: Resolved<'_>, writer: Resolved<'_>) -> Vec<String> {
    let parts = |of: Resolved<'_>| Ok((parse(of.text)?, parse_all(of.references)?));
    match (parts(reader), parts(writer)) {
        (Ok(reader), Ok(writer)) => {
            let (readers, writers) = (names(&reader), names(&writer));
            Reading::compare((&reader.0, &readers), (&writer.0, &writers))
        }
        // None of them would have been registered.
        (Err(e), _) | (_, Err(e)) => vec![e],
    }
}

fn names((schema, references): &(Value, Vec<Value>)) -> Names<'_> {
    let mut names = Names::default();
    references.iter().chain([schema]).for_each(|schema| names.add(schema, None));
    names
}

#[cfg(test)]
mod tests;
