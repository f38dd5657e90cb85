//! The schema registry that the services use here, and their values as others read them.

use std::collections::HashMap;
use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use integration_tests::Registry;
use kappa_registry::{Server, ServerConfig};
use serde_json::{Map, Value};

use crate::process::Service;

/// Returns where the registry is, one for all tests of this process.
pub(crate) fn url() -> &'static str {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::start);
    REGISTRY.url()
}

/// Until a service's schemas are registered it says which are missing, and does not run.
pub(crate) fn registers_what_it_writes(service: &Service<'_>, name: &str) {
    let unused = Server::start(ServerConfig::default()).expect("a registry");
    let empty = format!("schema.registry.url={}", unused.url());
    let missing = service.run(&["schemas", "--set", &empty]);
    assert_eq!(missing.status, Some(1), "{missing:?}");
    assert!(missing.stdout.contains("not registered"), "{missing:?}");
    let refused = service.run(&["run", "--until-caught-up", "--set", &empty]);
    assert_eq!(refused.status, Some(64), "{refused:?}");
    assert!(refused.stderr.contains("schemas --register"), "{refused:?}");
    let registered = service.run(&["schemas", "--register"]).succeeds();
    for subject in [format!("{name}-value"), "flights.departed-value".to_owned()] {
        assert!(registered.contains(&subject), "{registered}");
    }
    assert!(registered.contains("-changelog-value") && registered.contains("-repartition-value"));
    service.run(&["schemas"]).succeeds();
}

/// The schemas that values name, read by Avro's own library.
#[derive(Default)]
pub(crate) struct Schemas(HashMap<u32, Schema>);

impl Schemas {
    /// Reads a value by the schema it was written with.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Value {
        let (head, mut datum) = bytes.split_first_chunk::<5>().expect("a frame");
        let id = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        assert_eq!(head[0], 0, "the magic byte");
        let schema = self.0.entry(id).or_insert_with(|| schema(id));
        let reader = GenericDatumReader::builder(schema).build().expect("a reader");
        let value = reader.read_value(&mut datum).expect("a value");
        assert!(datum.is_empty(), "nothing is left over");
        json(value)
    }
}

fn schema(id: u32) -> Schema {
    // Another test may have chosen it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::blocking::get(format!("{}/schemas/ids/{id}", url())).expect("an answer");
    let answer: Value = answer.json().expect("JSON");
    Schema::parse_str(answer["schema"].as_str().expect("a schema")).expect("an Avro schema")
}

fn json(value: Avro) -> Value {
    match value {
        Avro::Record(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, json(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Avro::Union(_, value) => json(*value),
        Avro::Null => Value::Null,
        Avro::String(text) => text.into(),
        Avro::Int(number) => number.into(),
        Avro::Long(number) | Avro::TimestampMillis(number) => number.into(),
        Avro::Double(number) => number.into(),
        other => panic!("no value of the flights: {other:?}"),
    }
}
