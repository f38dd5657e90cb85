//! The defaults of fields: JSON, checked and encoded once, so that reading one is like reading data.

use std::sync::Arc;

use serde_json::Value;

use super::graph::{Graph, Kind, NodeId};
use super::input::DEPTH_MAX;

/// How many values the defaults of one schema may have, those of nested records counted each time.
pub const DEFAULT_VALUES_MAX: usize = 100_000;

/// Encodes every field's default.
pub(super) fn encode_all(graph: &mut Graph) -> Result<(), String> {
    let mut encoder = Encoder { graph, left: DEFAULT_VALUES_MAX };
    let mut encoded: Vec<Vec<Option<Arc<[u8]>>>> = Vec::new();
    for node in graph.nodes() {
        let Kind::Record(record) = &node.kind else {
            encoded.push(Vec::new());
            continue;
        };
        let mut row = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            let Some(default) = &field.default else {
                row.push(None);
                continue;
            };
            let mut bytes = Vec::new();
            encoder.encode(field.node, default, &mut bytes, 0).map_err(|why| {
                format!("the default of field `{}` of {}: {why}", field.name, record.name.full)
            })?;
            row.push(Some(bytes.into()));
        }
        encoded.push(row);
    }
    for (node, row) in graph.nodes_mut().iter_mut().zip(encoded) {
        let Kind::Record(record) = &mut node.kind else { continue };
        for (field, bytes) in record.fields.iter_mut().zip(row) {
            field.default_bytes = bytes;
        }
    }
    Ok(())
}

struct Encoder<'g> {
    graph: &'g Graph,
    left: usize,
}

impl Encoder<'_> {
    fn encode(
        &mut self,
        id: NodeId,
        json: &Value,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX} levels"));
        }
        let left = self.left.checked_sub(1);
        self.left = left.ok_or_else(|| format!("more than {DEFAULT_VALUES_MAX} values"))?;
        let graph = self.graph;
        let unfit = || format!("{json} is no {}", graph.describe(id));
        match (graph.kind(id), json) {
            (Kind::Null, Value::Null) => {}
            (Kind::Boolean, Value::Bool(value)) => out.push(u8::from(*value)),
            (Kind::Int, Value::Number(number)) => {
                let value = number.as_i64().and_then(|value| i32::try_from(value).ok());
                put_long(value.ok_or_else(unfit)?.into(), out);
            }
            (Kind::Long, Value::Number(number)) => {
                put_long(number.as_i64().ok_or_else(unfit)?, out);
            }
            (Kind::Float, Value::Number(number)) => {
                #[allow(clippy::cast_possible_truncation, reason = "a float is what is asked for")]
                let value = number.as_f64().ok_or_else(unfit)? as f32;
                out.extend(value.to_le_bytes());
            }
            (Kind::Double, Value::Number(number)) => {
                out.extend(number.as_f64().ok_or_else(unfit)?.to_le_bytes());
            }
            (Kind::Bytes, Value::String(text)) => {
                put_bytes(&bytes_of(text).ok_or_else(unfit)?, out);
            }
            (Kind::Fixed(fixed), Value::String(text)) => {
                let bytes = bytes_of(text).filter(|bytes| bytes.len() == fixed.size);
                out.extend(bytes.ok_or_else(unfit)?);
            }
            (Kind::String, Value::String(text)) => put_bytes(text.as_bytes(), out),
            (Kind::Enum(node), Value::String(text)) => {
                let at = node.symbols.iter().position(|symbol| **symbol == **text);
                put_length(at.ok_or_else(unfit)?, out);
            }
            (Kind::Array(item), Value::Array(values)) => {
                if !values.is_empty() {
                    put_length(values.len(), out);
                }
                for value in values {
                    self.encode(*item, value, out, depth + 1)?;
                }
                out.push(0);
            }
            (Kind::Map(value), Value::Object(entries)) => {
                if !entries.is_empty() {
                    put_length(entries.len(), out);
                }
                for (key, entry) in entries {
                    put_bytes(key.as_bytes(), out);
                    self.encode(*value, entry, out, depth + 1)?;
                }
                out.push(0);
            }
            (Kind::Union(branches), _) => return self.union(branches, json, out, depth),
            (Kind::Record(_), Value::Object(_)) => return self.record(id, json, out, depth),
            _ => return Err(unfit()),
        }
        Ok(())
    }

    /// A default is of the first branch that it fits (until Avro 1.11 that had to be the first).
    fn union(
        &mut self,
        branches: &[NodeId],
        json: &Value,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), String> {
        let start = out.len();
        let mut first = None;
        for (at, branch) in branches.iter().enumerate() {
            put_length(at, out);
            match self.encode(*branch, json, out, depth + 1) {
                Ok(()) => return Ok(()),
                Err(why) => first = first.or(Some(why)),
            }
            out.truncate(start);
        }
        Err(first.unwrap_or_else(|| "the union is empty".to_owned()))
    }

    fn record(
        &mut self,
        id: NodeId,
        json: &Value,
        out: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), String> {
        let Kind::Record(record) = self.graph.kind(id) else { return Ok(()) };
        for field in &record.fields {
            let value = json.get(&*field.name).or(field.default.as_ref());
            let value = value.ok_or_else(|| format!("{json} has no `{}`", field.name))?;
            self.encode(field.node, value, out, depth + 1)
                .map_err(|why| format!("`{}`: {why}", field.name))?;
        }
        Ok(())
    }
}

/// Returns the bytes that a default's text stands for: each letter is one byte.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

pub(super) fn put_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
    while rest > 0x7f {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

pub(super) fn put_length(length: usize, out: &mut Vec<u8>) {
    put_long(i64::try_from(length).unwrap_or(i64::MAX), out);
}

pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}
