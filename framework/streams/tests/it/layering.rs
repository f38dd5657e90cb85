//! The layers are law: imports go toward the base only, and each outside library has one room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the base up. A module may use its own layer and those before it, no others.
const LAYERS: &[&[&str]] = &[
    &["config", "error", "ids", "metrics", "record", "serde", "time", "trace", "windows"],
    &["schemas"],
    &["kafka", "state"],
    &["processor"],
    &["operators", "topology"],
    &["dsl"],
    &["task"],
    &["runtime"],
    &["telemetry"],
    &["http"],
    &["testing"],
    &["cli"],
    &["prelude"],
];

/// Neighbours in the order that do not know each other all the same.
const STRANGERS: &[(&str, &str)] = &[
    ("operators", "topology"),
    ("topology", "operators"),
    ("task", "operators"),
    ("task", "dsl"),
    ("runtime", "operators"),
    ("runtime", "dsl"),
    ("testing", "operators"),
    ("cli", "operators"),
    ("cli", "dsl"),
    ("cli", "testing"),
];

/// Libraries that only one folder or file may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("apache_avro", &["schemas/avro"]),
    ("prost", &["schemas/protobuf", "telemetry"]),
    ("jsonschema", &["schemas/json_schema"]),
    ("kappa_evolution", &["schemas/evolution"]),
    ("schema_registry_converter", &["schemas/registry"]),
    ("reqwest", &["schemas/registry", "telemetry"]),
    ("rustls", &["schemas/registry", "telemetry", "http"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("opentelemetry_proto", &["telemetry"]),
    ("prometheus", &["telemetry"]),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("hyper_util", &["http"]),
    ("tokio", &["http"]),
    ("tokio_rustls", &["http"]),
    ("tower", &["http"]),
    ("rdkafka", &["kafka/rdkafka"]),
    ("kappa_rdkafka_queues", &["kafka/rdkafka"]),
    ("base64", &["kafka/offset_metadata", "schemas/protobuf"]),
    ("pollster", &["kafka/rdkafka"]),
    ("rocksdb", &["state/rocksdb"]),
    ("hashbrown", &["state/cache"]),
    ("smallvec", &["state/uncommitted", "schemas/wire_format"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("ctrlc", &["cli"]),
    ("indicatif", &["cli"]),
    ("jiff", &["cli"]),
    ("tracing_subscriber", &["cli", "telemetry"]),
    ("strsim", &["config"]),
    ("serde_json", &["serde/json", "schemas", "http", "cli"]),
    ("xxhash_rust", &["runtime/verify"]),
];

/// How long a file may be, its tests in a file of their own not counted.
const LINES_MAX: usize = 500;

struct SourceFile {
    /// Path below `src`, without its ending: `kafka/rdkafka/admin`.
    place: String,
    /// What the compiler sees: no comments, no tests.
    code: String,
    lines: usize,
}

impl SourceFile {
    fn module(&self) -> &str {
        self.place.split('/').next().unwrap_or_default()
    }

    fn is_in(&self, room: &str) -> bool {
        self.place == room || self.place.starts_with(&format!("{room}/"))
    }
}

fn source_files() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests");
            if path.is_dir() && !is_test {
                open.push(path);
            } else if !is_test {
                files.push(read(&root, path));
            }
        }
    }
    assert!(files.len() > 100, "the sources were found");
    files
}

fn read(root: &Path, path: PathBuf) -> SourceFile {
    let text = fs::read_to_string(&path).unwrap();
    let place = path.strip_prefix(root).unwrap().with_extension("");
    let before_tests = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code = before_tests.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    SourceFile { place: place.to_str().unwrap().to_owned(), code, lines: text.lines().count() }
}

/// Returns the names that follow `crate::` in a file, those in braces included.
fn used(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let mut add = |text: &str| {
            let name = text.trim_start();
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
            names.insert(name[..end].to_owned());
        };
        let Some(group) = rest.strip_prefix('{') else {
            add(rest);
            continue;
        };
        let mut depth = 0;
        add(group);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => add(&group[at + 1..]),
                _ => {}
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Returns the module that the crate's root takes each of its public names from.
fn exports() -> BTreeMap<String, String> {
    let root = include_str!("../../src/lib.rs");
    let mut exports = BTreeMap::new();
    for line in root.lines().filter_map(|line| line.strip_prefix("pub use ")) {
        let Some((module, names)) = line.trim_end_matches(';').split_once("::") else { continue };
        for name in names.trim_matches(['{', '}']).split(", ") {
            exports.insert(name.to_owned(), module.to_owned());
        }
    }
    exports
}

#[test]
fn imports_go_toward_the_base_only() {
    let layer_of: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(layer, modules)| modules.iter().map(move |module| (*module, layer)))
        .collect();
    let exports = exports();
    let mut wrong = Vec::new();
    for file in source_files().iter().filter(|file| file.place != "lib") {
        let module = file.module();
        let layer = layer_of.get(module);
        let layer = *layer.unwrap_or_else(|| panic!("give the module {module} a layer"));
        for name in used(&file.code) {
            let target = exports.get(&name).map_or(name.as_str(), String::as_str);
            // Macros stand at the root, whichever module defines them.
            let Some(&below) = layer_of.get(target) else { continue };
            let strangers = STRANGERS.contains(&(module, target));
            if below > layer || (strangers && target != module) {
                wrong.push(format!("{} uses {target}", file.place));
            }
        }
    }
    assert!(wrong.is_empty(), "against the layers:\n{}", wrong.join("\n"));
}

#[test]
fn each_library_has_one_room() {
    let mut wrong = Vec::new();
    for file in source_files() {
        for (library, rooms) in ROOMS {
            // The crate's own modules may have a library's name.
            let named = file.code.match_indices(&format!("{library}::")).any(|(at, _)| {
                let before = file.code[..at].chars().next_back();
                before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
            });
            if named && !rooms.iter().any(|room| file.is_in(room)) {
                wrong.push(format!("{} names {library}", file.place));
            }
        }
    }
    // `rocksdb::` also begins paths to the module of that name, relative to its parent.
    assert!(wrong.is_empty(), "in the wrong room:\n{}", wrong.join("\n"));
}

#[test]
fn files_are_small() {
    let large = source_files().into_iter().filter(|file| file.lines > LINES_MAX);
    let large: Vec<_> =
        large.map(|file| format!("{} has {} lines", file.place, file.lines)).collect();
    assert!(large.is_empty(), "split by noun:\n{}", large.join("\n"));
}
