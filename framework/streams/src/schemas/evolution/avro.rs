//! What a reader's Avro schema cannot read of a writer's.

use std::collections::HashSet;

use super::Finding;
use crate::schemas::avro::AvroSchema;
use crate::schemas::avro::graph::{Graph, Kind, Logical, NodeId, Record};
use crate::schemas::avro::matching;
use crate::schemas::avro::plan::pair_fields;

/// How many findings are told of one pair of versions.
const FINDINGS_MAX: usize = 100;

/// Returns what a reader could not read of what a writer may write.
pub(super) fn unreadable(writer: (u32, &AvroSchema), reader: (u32, &AvroSchema)) -> Vec<Finding> {
    let (written, read) = (writer.1.graph(), reader.1.graph());
    let mut compare = Compare {
        writer: written,
        reader: read,
        versions: (writer.0, reader.0),
        seen: HashSet::new(),
        open: vec![(written.root(), read.root(), String::new())],
        findings: Vec::new(),
    };
    // A list, not a recursion: chains of records may be longer than the stack.
    while let Some((w, r, path)) = compare.open.pop() {
        if compare.seen.insert((w, r)) && compare.findings.len() < FINDINGS_MAX {
            compare.pair(w, r, &path);
        }
    }
    compare.findings
}

struct Compare<'g> {
    writer: &'g Graph,
    reader: &'g Graph,
    /// The writer's and the reader's.
    versions: (u32, u32),
    seen: HashSet<(NodeId, NodeId)>,
    open: Vec<(NodeId, NodeId, String)>,
    findings: Vec<Finding>,
}

impl Compare<'_> {
    fn found(&mut self, path: &str, why: String) {
        let (writer, reader) = self.versions;
        self.findings.push(Finding { reader, writer, path: path.to_owned(), why });
    }

    fn pair(&mut self, w: NodeId, r: NodeId, path: &str) {
        let (writer, reader) = (self.writer, self.reader);
        let (writing, reading) = self.versions;
        if let Kind::Union(branches) = writer.kind(w) {
            for branch in branches {
                self.open.push((*branch, r, path.to_owned()));
            }
            return;
        }
        if let Kind::Union(branches) = reader.kind(r) {
            match matching::branch((writer, w), reader, branches) {
                Some((_, branch)) => self.open.push((w, branch, path.to_owned())),
                None => {
                    let (may, only) = (writer.describe(w), reader.describe(r));
                    self.found(
                        path,
                        format!("it may be {may} in version {writing}, and version {reading} only takes {only}"),
                    );
                }
            }
            return;
        }
        if matching::fit((writer, w), (reader, r)).is_err() {
            let (was, is) = (writer.describe(w), reader.describe(r));
            let why = format!("it is {was} in version {writing} and {is} in version {reading}");
            self.found(path, why);
            return;
        }
        self.meaning(w, r, path);
        match (writer.kind(w), reader.kind(r)) {
            (Kind::Array(w), Kind::Array(r)) | (Kind::Map(w), Kind::Map(r)) => {
                self.open.push((*w, *r, format!("{path}[]")));
            }
            (Kind::Record(w), Kind::Record(r)) => self.record(w, r, path),
            (Kind::Enum(w), Kind::Enum(r)) if r.default.is_none() => {
                let gone = w.symbols.iter().filter(|symbol| !r.symbols.contains(symbol));
                let gone: Vec<_> = gone.map(|symbol| format!("`{symbol}`")).collect();
                if !gone.is_empty() {
                    let (gone, name) = (gone.join(", "), &r.name.full);
                    let why = format!(
                        "version {writing} has the symbols {gone} of {name}, version {reading} \
                         has not and gives no default"
                    );
                    self.found(path, why);
                }
            }
            _ => {}
        }
    }

    /// A logical type that changed is read as the number it is, which is then another.
    fn meaning(&mut self, w: NodeId, r: NodeId, path: &str) {
        let (was, is) = (self.writer.node(w).logical, self.reader.node(r).logical);
        let (Some(was), Some(is)) = (was, is) else { return };
        if was != is && !matches!(was, Logical::Decimal { .. }) {
            let (writing, reading) = self.versions;
            let (was, is) = (was.word(), is.word());
            let why = format!(
                "it is {was} in version {writing} and {is} in version {reading}: \
                 the same number would mean something else"
            );
            self.found(path, why);
        }
    }

    fn record(&mut self, w: &Record, r: &Record, path: &str) {
        let (writing, reading) = self.versions;
        let within = |name: &str| {
            if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
        };
        let pairs = pair_fields(w, r);
        for (field, pair) in w.fields.iter().zip(&pairs) {
            if let Some((_, read)) = pair {
                self.open.push((field.node, read.node, within(&read.name)));
            }
        }
        for (at, field) in r.fields.iter().enumerate() {
            let written = pairs.iter().flatten().any(|(place, _)| *place == at);
            if !written && field.default_bytes.is_none() {
                let why = format!(
                    "records of version {writing} have no such field, and version {reading} \
                     gives it no default"
                );
                self.found(&within(&field.name), why);
            }
        }
    }
}
