//! Bytes and schemas that mean harm: whatever comes, an answer comes, soon and without much memory.

use kappa::schemas::avro::{AvroCodec, AvroSchema, limits};
use serde::Deserialize;

use super::{Neutral, decode};

/// Writers' and readers' schemas, of all that can be nested, be empty, and contain itself.
const PAIRS: [(&str, &str); 6] = [
    (
        r#"{"type":"record","name":"N","fields":[{"name":"v","type":"int"},
            {"name":"next","type":["null","N"]},{"name":"all","type":{"type":"array","items":"N"}}]}"#,
        r#"{"type":"record","name":"N","fields":[{"name":"all","type":{"type":"array","items":"N"}},
            {"name":"v","type":"double"},{"name":"w","type":"string","default":"-"}]}"#,
    ),
    (
        r#"{"type":"map","values":["null","string",{"type":"map","values":"bytes"},
            {"type":"fixed","name":"F","size":3}]}"#,
        r#"{"type":"map","values":["string",{"type":"map","values":"string"},"null"]}"#,
    ),
    (r#"{"type":"array","items":"null"}"#, r#"{"type":"array","items":["null","int"]}"#),
    (
        r#"{"type":"array","items":{"type":"record","name":"E","fields":[]}}"#,
        r#"{"type":"array","items":{"type":"record","name":"E","fields":[
            {"name":"a","type":"string","default":"words"}]}}"#,
    ),
    (
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},
            {"name":"b","type":{"type":"array","items":{"type":"array","items":"long"}}},
            {"name":"c","type":{"type":"enum","name":"C","symbols":["X","Y"]}},
            {"name":"d","type":"double"},{"name":"e","type":["null","boolean","float"]}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"e","type":["null","boolean","double"]},
            {"name":"a","type":"bytes"},{"name":"c","type":{"type":"enum","name":"C",
            "symbols":["Y"],"default":"Y"}}]}"#,
    ),
    (
        r#"{"type":"record","name":"A","fields":[{"name":"b","type":["null",{"type":"record",
            "name":"B","fields":[{"name":"a","type":["null","A"]}]}]}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"z","type":"int","default":1}]}"#,
    ),
];

/// Numbers that look random, the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Bytes as data has them: mostly small, now and then a number that is as large as can be.
fn noise(numbers: &mut Numbers) -> Vec<u8> {
    let length = numbers.below(40);
    let mut bytes = Vec::new();
    for _ in 0..length {
        match numbers.below(16) {
            0 => bytes.extend([0xff; 9]),
            1 => bytes.extend([0xfe, 0xff, 0xff, 0xff, 0x0f]),
            2..8 => bytes.push(numbers.below(8) as u8),
            _ => bytes.push(numbers.next() as u8),
        }
    }
    bytes
}

#[test]
fn whatever_bytes_come_an_answer_comes() {
    let mut numbers = Numbers(5);
    let mut read = 0;
    for (writer, reader) in PAIRS {
        let writer = AvroSchema::parse(writer).unwrap();
        let reader = AvroSchema::parse(reader).unwrap();
        let codecs = [writer.clone(), reader.clone()].map(|own| {
            let codec = AvroCodec::<Neutral>::new(own);
            let writer = codec.resolve(&writer).unwrap();
            (codec, writer)
        });
        // Lists of what takes no bytes are long, and so is their reading.
        let rounds = if reader.text().starts_with(r#"{"type":"array""#) { 1_000 } else { 12_500 };
        for _ in 0..rounds {
            let bytes = noise(&mut numbers);
            for (codec, writer) in &codecs {
                read += usize::from(codec.decode(writer, &bytes).is_ok());
            }
        }
    }
    assert!(read > 10, "some of it is data: {read}");
}

#[test]
fn data_that_was_tampered_with_is_read_or_refused() {
    let mut numbers = Numbers(11);
    let (mut read, mut refused) = (0, 0);
    for case in super::corpus() {
        let schema = |key: &str| AvroSchema::parse(&case[key].to_string()).unwrap();
        let (writer, codec) = (schema("writer"), AvroCodec::<Neutral>::new(schema("reader")));
        let writer = codec.resolve(&writer).unwrap();
        let whole = super::bytes_of(case["hex"].as_str().unwrap());
        for _ in 0..100 {
            let mut bytes = whole.clone();
            for _ in 0..=numbers.below(2) {
                let at = numbers.below(bytes.len() as u64 + 1) as usize;
                match numbers.below(4) {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, numbers.next() as u8),
                    2 => bytes.splice(at..at, [0xff; 9]).for_each(drop),
                    _ => {
                        bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << numbers.below(8))
                    }
                }
            }
            match codec.decode(&writer, &bytes) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} read, {refused} refused");
}

/// Counts items without keeping them.
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Vec::<()>::deserialize(deserializer)?.len()))
    }
}

fn long(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

#[test]
fn items_without_bytes_are_counted() {
    let nulls = AvroSchema::parse(r#"{"type":"array","items":"null"}"#).unwrap();
    let codec = AvroCodec::<Count>::new(nulls.clone());
    let array = |count| [long(count), vec![0]].concat();
    assert_eq!(decode(&codec, &nulls, &array(60_000)).unwrap().0, 60_000);
    let error = decode(&codec, &nulls, &array(1 << 60)).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("1152921504606846976 values are more than"), "{error}");
    // Skipped as well, and in many blocks.
    let dropped = AvroSchema::parse(
        r#"{"type":"record","name":"R","fields":[{"name":"xs","type":{"type":"array","items":"null"}}]}"#,
    );
    let empty = AvroSchema::parse(r#"{"type":"record","name":"R","fields":[]}"#).unwrap();
    let codec = AvroCodec::<Neutral>::new(empty);
    let dropped = dropped.unwrap();
    assert!(decode(&codec, &dropped, &array(1000)).is_ok());
    let blocks: Vec<u8> = long(60_000).repeat(1000);
    let error = decode(&codec, &dropped, &blocks).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("field `xs`"), "{error}");
}

#[test]
fn records_without_bytes_that_multiply_are_counted() {
    // Each level has two of the next: 2^60 records in no bytes at all.
    let mut schema = r#"{"type":"record","name":"R0","fields":[]}"#.to_owned();
    for level in 1..60 {
        let inner = level - 1;
        schema = format!(
            r#"{{"type":"record","name":"R{level}","fields":[{{"name":"a","type":{schema}}},
            {{"name":"b","type":"R{inner}"}}]}}"#
        );
        // serde_json takes no deeper nesting.
        if level == 40 {
            break;
        }
    }
    let schema = AvroSchema::parse(&schema).unwrap();
    let error = decode(&AvroCodec::<Neutral>::new(schema.clone()), &schema, &[]);
    let error = error.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("more than bytes of this length may hold"), "{error}");
}

#[test]
fn depth_has_a_limit() {
    let list = r#"{"type":"record","name":"N","fields":[{"name":"next","type":["null","N"]}]}"#;
    let list = AvroSchema::parse(list).unwrap();
    let codec = AvroCodec::<Neutral>::new(list.clone());
    let deep = |depth: usize| [vec![2; depth - 1], vec![0]].concat();
    assert!(decode(&codec, &list, &deep(limits::DEPTH_MAX)).is_ok());
    let error = decode(&codec, &list, &deep(limits::DEPTH_MAX + 1)).map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with("it is nested deeper than 128 levels"), "{error}");
    assert!(decode(&codec, &list, &[2; 1_000_000]).is_err());
}

#[test]
fn schemas_have_limits() {
    let large = format!(r#"{{"type":"string","doc":"{}"}}"#, "x".repeat(limits::SCHEMA_TEXT_MAX));
    let error = AvroSchema::parse(&large).unwrap_err().to_string();
    assert!(error.contains("and the limit is 1048576"), "{error}");

    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(5000), "}".repeat(5000));
    let error = AvroSchema::parse(&deep).unwrap_err().to_string();
    assert!(error.contains("recursion limit exceeded"), "{error}");

    // A chain of ten thousand records, each known by name: no recursion follows it.
    let mut fields = String::new();
    for at in 0..10_000 {
        let comma = if at == 0 { "" } else { "," };
        let next = if at == 0 { "\"int\"".to_owned() } else { format!("\"C{}\"", at - 1) };
        fields += &format!(
            r#"{comma}{{"name":"f{at}","type":{{"type":"record","name":"C{at}","fields":[{{"name":"n","type":{next}}}]}}}}"#
        );
    }
    let chain = format!(r#"{{"type":"record","name":"Chain","fields":[{fields}]}}"#);
    let chain = AvroSchema::parse(&chain).unwrap();
    assert!(decode(&AvroCodec::<Neutral>::new(chain.clone()), &chain, &[2; 64]).is_err());

    // A default that needs itself, and defaults that multiply.
    let endless = r#"{"type":"record","name":"N","fields":[{"name":"n","type":"N","default":{}}]}"#;
    let error = AvroSchema::parse(endless).unwrap_err().to_string();
    assert!(error.contains("nested deeper than 128 levels"), "{error}");
    let mut fields = r#"{"name":"r0","type":{"type":"record","name":"R0","fields":[]}}"#.to_owned();
    for at in 1..50 {
        let inner = at - 1;
        fields += &format!(
            r#",{{"name":"r{at}","type":{{"type":"record","name":"R{at}","fields":[
            {{"name":"a","type":"R{inner}","default":{{}}}},
            {{"name":"b","type":"R{inner}","default":{{}}}}]}}}}"#
        );
    }
    let many = format!(r#"{{"type":"record","name":"Many","fields":[{fields}]}}"#);
    let error = AvroSchema::parse(&many).unwrap_err().to_string();
    assert!(error.contains("more than 100000 values"), "{error}");
}

#[test]
fn texts_that_are_no_schemas_are_errors() {
    let mut numbers = Numbers(7);
    let whole = PAIRS.map(|(writer, _)| writer);
    for turn in 0..3000 {
        let mut text = whole[turn % whole.len()].as_bytes().to_vec();
        for _ in 0..=numbers.below(3) {
            if text.len() < 2 {
                break;
            }
            let at = numbers.below(text.len() as u64) as usize;
            match numbers.below(3) {
                0 => text[at] = b"\"{}[],:0aN"[numbers.below(10) as usize],
                1 => drop(text.remove(at)),
                _ => text.truncate(at + 1),
            }
        }
        // Either is fine; a panic is not.
        if let Ok(schema) = AvroSchema::parse(&String::from_utf8_lossy(&text)) {
            let _ = decode(&AvroCodec::<Neutral>::new(schema.clone()), &schema, &[2, 2, 0, 0]);
        }
    }
}
