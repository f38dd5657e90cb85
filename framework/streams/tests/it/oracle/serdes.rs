//! The byte vectors of serdes and of the default partitioner (FORMAT.md, section 9).

use kappa::kafka::default_partition;
use kappa::prelude::*;
use kappa::serde::{Encoded, Serde};
use serde_json::Value as Json;

use super::run::{from_hex, to_hex};

fn vectors() -> Json {
    let path = super::folder().0.join("serdes.json");
    let text = std::fs::read_to_string(path).expect("the vectors of serdes");
    serde_json::from_str(&text).expect("JSON")
}

/// Checks both ways; `text` shows a value as the vector does.
fn check<T>(serde: &dyn Serde<Option<T>>, value: Option<T>, hex: Option<&str>)
where
    T: PartialEq + std::fmt::Debug,
{
    let mut out = Vec::new();
    let encoded = serde.encode_nullable("t", &value, &mut out).expect("encodes");
    let bytes = (encoded == Encoded::Bytes).then(|| to_hex(&out));
    assert_eq!(bytes.as_deref(), hex, "encoding {value:?}");
    let bytes = hex.map(from_hex);
    assert_eq!(serde.decode_nullable("t", bytes.as_deref()).expect("decodes"), value);
}

#[test]
fn serdes_have_the_bytes_of_the_java_library() {
    let mut checked = 0;
    for vector in vectors()["serdes"].as_array().expect("a list") {
        let (value, hex) = (&vector["value"], vector["hex"].as_str());
        let text = value.as_str().map(str::to_owned);
        checked += 1;
        match vector["serde"].as_str() {
            Some("str") => check(&Nullable::of(Utf8), text, hex),
            Some("i64") => {
                let number = text.map(|text| text.parse::<i64>().expect("a number"));
                check(&Nullable::of(I64), number, hex);
            }
            Some("i32") => {
                let number = value.as_i64().map(|number| i32::try_from(number).expect("fits"));
                check(&Nullable::of(I32), number, hex);
            }
            Some("bytes") => check(&Nullable::of(Bytes), text.as_deref().map(from_hex), hex),
            Some(serde) if serde.starts_with("tw") => windowed(serde, value, hex),
            _ => checked -= 1,
        }
    }
    assert!(checked >= 22, "only {checked} vectors of serdes we have");
}

fn windowed(serde: &str, value: &Json, hex: Option<&str>) {
    let serde = super::value::Neutral::named(serde).expect("a windowed serde");
    let bytes = hex.map(from_hex);
    assert_eq!(&serde.json(bytes.as_deref()).expect("decodes"), value);
}

#[test]
fn keys_go_to_the_partitions_of_the_java_library() {
    for vector in vectors()["hashes"].as_array().expect("a list") {
        let key = from_hex(vector["hex"].as_str().expect("hex"));
        for pair in vector["partition_of"].as_array().expect("a list") {
            let count = usize::try_from(pair[0].as_u64().expect("a count")).expect("fits");
            assert_eq!(i64::from(default_partition(&key, count)), pair[1].as_i64().expect("one"));
        }
    }
}
