//! Reading cases: JSON lines, packed or not.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value as Json;

/// One case of the neutral format.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) json: Json,
    pub(crate) file: String,
}

impl Case {
    pub(crate) fn id(&self) -> &str {
        self.json["id"].as_str().unwrap_or_default()
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.json["topology"].as_array().into_iter().flatten().map(Node)
    }

    pub(crate) fn steps(&self) -> &[Json] {
        self.json["input"].as_array().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn expect(&self) -> &Json {
        &self.json["expect"]
    }

    pub(crate) fn cache_bytes(&self) -> usize {
        let bytes = self.json["config"]["cache_bytes"].as_u64();
        bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0)
    }
}

/// One node of a case's topology.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a>(pub(crate) &'a Json);

impl<'a> Node<'a> {
    pub(crate) fn text(self, field: &str) -> Option<&'a str> {
        self.0[field].as_str()
    }

    pub(crate) fn op(self) -> &'a str {
        self.text("op").unwrap_or_default()
    }

    pub(crate) fn id(self) -> &'a str {
        self.text("id").unwrap_or_default()
    }

    pub(crate) fn has(self, field: &str) -> bool {
        !self.0[field].is_null()
    }

    pub(crate) fn number(self, field: &str) -> Option<u64> {
        self.0[field].as_u64()
    }

    pub(crate) fn inputs(self) -> Vec<&'a str> {
        let inputs = self.0["in"].as_array().into_iter().flatten();
        inputs.filter_map(Json::as_str).collect()
    }

    /// The topics of a source.
    pub(crate) fn topics(self) -> Vec<&'a str> {
        let several = self.0["topics"].as_array().into_iter().flatten().filter_map(Json::as_str);
        self.text("topic").into_iter().chain(several).collect()
    }

    pub(crate) fn part(self, field: &str) -> Option<Self> {
        let part = &self.0[field];
        (!part.is_null()).then_some(Node(part))
    }
}

/// Reads all cases of a folder, file by file in order of their names.
pub(crate) fn read_all(folder: &Path) -> Vec<Case> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let file = std::fs::File::open(&path).expect("a readable file");
        let reader: Box<dyn Read> = if name.ends_with(".jsonl.gz") {
            Box::new(flate2::read::GzDecoder::new(file))
        } else if name.ends_with(".jsonl") {
            Box::new(file)
        } else {
            continue;
        };
        for line in BufReader::new(reader).lines() {
            let line = line.expect("readable lines");
            let json = serde_json::from_str(&line).expect("a case is one line of JSON");
            cases.push(Case { json, file: name.clone() });
        }
    }
    cases
}
