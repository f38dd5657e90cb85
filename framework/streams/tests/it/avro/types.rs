//! Rust types and their schemas: written, read, and held to each other.

use std::collections::BTreeMap;

use apache_avro::Schema;
use apache_avro::writer::datum::GenericDatumWriter;
use kappa::schemas::avro::{AvroCodec, AvroSchema, check_type, check_value};
use serde::{Deserialize, Serialize};

use super::decode;

const FLIGHT: &str = r#"{"type":"record","name":"flights.Flight","fields":[
    {"name":"number","type":"string"},
    {"name":"status","type":{"type":"enum","name":"Status","symbols":["OnTime","Late","Gone"]}},
    {"name":"delay","type":["null","int"],"default":null},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"legs","type":{"type":"array","items":{"type":"record","name":"Leg","fields":[
        {"name":"from","type":"string"},{"name":"miles","type":"double"}]}}},
    {"name":"seats","type":{"type":"map","values":"long"}},
    {"name":"mark","type":{"type":"fixed","name":"Mark","size":2}},
    {"name":"first","type":["null","Leg"],"default":null},
    {"name":"note","type":["null","string","Leg"]}]}"#;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Status {
    OnTime,
    Late,
    Gone,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Leg {
    from: String,
    miles: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Note {
    Nothing,
    Words(String),
    Leg(Leg),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flight {
    number: String,
    status: Status,
    delay: Option<i32>,
    at: i64,
    legs: Vec<Leg>,
    seats: BTreeMap<String, i64>,
    #[serde(with = "apache_avro::serde::fixed")]
    mark: [u8; 2],
    first: Option<Leg>,
    note: Note,
}

fn flight() -> Flight {
    let leg = Leg { from: "SFO".to_owned(), miles: 2586.5 };
    Flight {
        number: "UA 12".to_owned(),
        status: Status::Late,
        delay: Some(-7),
        at: 1_700_000_000_000,
        legs: vec![leg.clone(), Leg { from: "JFK".to_owned(), miles: 1.0 }],
        seats: BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), i64::MIN)]),
        mark: [7, 8],
        first: Some(leg.clone()),
        note: Note::Leg(leg),
    }
}

#[test]
fn what_is_written_is_what_apache_avro_writes_and_is_read_again() {
    let schema = AvroSchema::parse(FLIGHT).unwrap();
    let theirs = Schema::parse_str(FLIGHT).unwrap();
    let theirs = GenericDatumWriter::builder(&theirs).build().unwrap();
    let codec = AvroCodec::<Flight>::new(schema.clone());
    let other = Flight { delay: None, note: Note::Words("x".to_owned()), legs: vec![], ..flight() };
    let bare = Flight { first: None, note: Note::Nothing, status: Status::Gone, ..flight() };
    for value in [flight(), other, bare] {
        let mut bytes = Vec::new();
        codec.encode(&value, &mut bytes).unwrap();
        assert_eq!(bytes, theirs.write_ser_to_vec(&value).unwrap());
        assert_eq!(decode(&codec, &schema, &bytes).unwrap(), value);
    }
    codec.check().unwrap();
    check_value(FLIGHT, &flight()).unwrap();
}

/// In another order than the schema's, and without what has a default.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Mixed {
    c: u64,
    a: String,
}

#[test]
fn fields_find_their_places() {
    let schema = AvroSchema::parse(
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},
            {"name":"b","type":"int","default":5},{"name":"c","type":"long"}]}"#,
    );
    let schema = schema.unwrap();
    let codec = AvroCodec::<Mixed>::new(schema.clone());
    let mut bytes = Vec::new();
    codec.encode(&Mixed { c: 3, a: "x".to_owned() }, &mut bytes).unwrap();
    assert_eq!(bytes, [2, b'x', 10, 6]);
    assert_eq!(decode(&codec, &schema, &bytes).unwrap(), Mixed { c: 3, a: "x".to_owned() });
    let error = codec.encode(&Mixed { c: u64::MAX, a: String::new() }, &mut bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot be written as R: field `c`: it is 18446744073709551615, and the schema says long",
    );
}

fn drift<T: Serialize + serde::de::DeserializeOwned>(fields: &str) -> String {
    let schema = format!(r#"{{"type":"record","name":"flights.Leg","fields":[{fields}]}}"#);
    check_type::<T>(&schema).unwrap_err().to_string()
}

const FROM: &str = r#"{"name":"from","type":"string"}"#;
const MILES: &str = r#"{"name":"miles","type":"double"}"#;

#[test]
fn drift_names_the_field() {
    let fits = format!(r#"{{"type":"record","name":"flights.Leg","fields":[{FROM},{MILES}]}}"#);
    check_type::<Leg>(&fits).unwrap();
    assert_eq!(
        drift::<Leg>(FROM),
        "`Leg` does not fit schema flights.Leg: \
         the Rust type has a field `miles`, and the schema has none",
    );
    assert_eq!(
        drift::<Leg>(&format!(r#"{FROM},{MILES},{{"name":"gate","type":"int","default":1}}"#)),
        "`Leg` does not fit schema flights.Leg: \
         the schema has a field `gate` in flights.Leg, and the Rust type has none",
    );
    assert_eq!(
        drift::<Leg>(&format!(r#"{FROM},{{"name":"miles","type":"string"}}"#)),
        "`Leg` does not fit schema flights.Leg: \
         field `miles`: invalid type: string \"word\", expected f64",
    );
    assert_eq!(
        drift::<Leg>(&format!(r#"{{"name":"from","type":["null","string"]}},{MILES}"#)),
        "`Leg` does not fit schema flights.Leg: \
         field `from`: invalid type: unit value, expected a string",
    );

    #[derive(Serialize, Deserialize)]
    struct Narrow {
        from: String,
        miles: u16,
    }
    let int = r#"{"name":"miles","type":"int"}"#;
    assert_eq!(
        drift::<Narrow>(&format!("{FROM},{int}")),
        "`Narrow` does not fit schema flights.Leg: \
         field `miles`: invalid value: integer `2147483647`, expected u16",
    );
}

#[test]
fn errors_name_the_way_to_the_field() {
    let list = |item: &str| {
        let text = format!(
            r#"{{"type":"record","name":"R","fields":[{{"name":"legs","type":{{"type":"array",
            "items":{{"type":"record","name":"Leg","fields":[{{"name":"gate","type":{item}}}]}}}}}}]}}"#
        );
        AvroSchema::parse(&text).unwrap()
    };
    let codec = AvroCodec::<serde_json::Value>::new(list("\"string\""));
    let error = decode(&codec, &list("\"int\""), &[2, 2, 0]).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot be read as R: field `legs[0].gate`: it was written as int and is read as string",
    );
    let error = decode(&codec, &list("\"string\""), &[2, 20, b'x', 0]).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot be read as R: field `legs[0].gate`: a length of 10 bytes is given, and 2 are left",
    );
}

#[test]
fn schemas_use_those_of_others() {
    let leg = AvroSchema::parse(
        r#"{"type":"record","name":"flights.Leg","fields":[{"name":"from","type":"string"},
            {"name":"miles","type":"double"}]}"#,
    );
    let leg = leg.unwrap();
    let text = r#"{"type":"record","name":"flights.Trip","fields":[{"name":"legs",
        "type":{"type":"array","items":"flights.Leg"}}]}"#;
    assert!(AvroSchema::parse(text).unwrap_err().to_string().contains("flights.Leg"));
    let trip = AvroSchema::parse_with(text, &[leg]).unwrap();

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Trip {
        legs: Vec<Leg>,
    }
    let codec = AvroCodec::<Trip>::new(trip.clone());
    let value = Trip { legs: vec![Leg { from: "SFO".to_owned(), miles: 1.0 }] };
    let mut bytes = Vec::new();
    codec.encode(&value, &mut bytes).unwrap();
    assert_eq!(decode(&codec, &trip, &bytes).unwrap(), value);
    codec.check().unwrap();
}
