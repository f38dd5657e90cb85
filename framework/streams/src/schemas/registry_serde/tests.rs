use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;
use crate::config::SchemaRegistrySettings;
use crate::schemas::{MemoryRegistry, RegisteredSchema, Transport};

/// Numbers as text, after the writer's text: a format that shows which schema was read.
struct Numbers {
    schema: Schema,
    parsed: Arc<AtomicU32>,
}

fn numbers(text: &str) -> Numbers {
    let schema = schema(SchemaFormat::Avro, text);
    Numbers { schema, parsed: Arc::default() }
}

fn schema(format: SchemaFormat, text: &str) -> Schema {
    Schema { format, name: Some("a.Number".into()), text: text.into(), references: Vec::new() }
}

impl Codec<u64> for Numbers {
    type Writer = String;

    const FORMAT: SchemaFormat = SchemaFormat::Avro;

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn writer(&self, schema: &WriterSchema) -> Result<String, SerdeError> {
        self.parsed.fetch_add(1, Ordering::Relaxed);
        match &*schema.schema.text {
            "broken" => Err("no schema".into()),
            text => Ok(text.to_owned()),
        }
    }

    fn check_writes(&self, other: &WriterSchema) -> Result<(), SerdeError> {
        if other.schema.text == self.schema.text { Ok(()) } else { Err("it is another".into()) }
    }

    fn encode(&self, value: &u64, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        out.extend_from_slice(format!("{}:{value}", self.schema.text).as_bytes());
        Ok(())
    }

    fn decode(&self, writer: &String, _: &[u32], bytes: &[u8]) -> Result<u64, SerdeError> {
        let text = std::str::from_utf8(bytes)?;
        let number = text.strip_prefix(writer.as_str()).and_then(|text| text.strip_prefix(':'));
        Ok(number.ok_or("not of its schema")?.parse()?)
    }
}

/// A registry that can be out of reach, and gives GUIDs if it is to.
#[derive(Default)]
struct Shaky {
    inner: MemoryRegistry,
    is_down: AtomicBool,
    asked: AtomicU32,
    guids: bool,
}

impl Shaky {
    fn ask<T>(
        &self,
        ask: impl FnOnce(&MemoryRegistry) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_down.load(Ordering::Relaxed) {
            return Err(RegistryError::new(RegistryErrorKind::Unavailable, "out of reach"));
        }
        ask(&self.inner)
    }

    fn guid(&self, found: RegisteredSchema) -> RegisteredSchema {
        let guid = found.id.map(|id| [u8::try_from(id).unwrap(); 16]).filter(|_| self.guids);
        RegisteredSchema { guid: guid.map(SchemaId::Guid), ..found }
    }
}

impl Transport for Shaky {
    fn address(&self) -> &str {
        "http://shaky"
    }

    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, RegistryError> {
        let id = match id {
            SchemaId::Guid(guid) => SchemaId::Id(guid[0].into()),
            SchemaId::Id(_) => id,
        };
        self.ask(|inner| inner.schema(id))
    }

    fn version(
        &self,
        subject: &str,
        version: Option<i32>,
    ) -> Result<RegisteredSchema, RegistryError> {
        self.ask(|inner| inner.version(subject, version)).map(|found| self.guid(found))
    }

    fn register(&self, subject: &str, schema: &Schema) -> Result<RegisteredSchema, RegistryError> {
        self.ask(|inner| inner.register(subject, schema)).map(|found| self.guid(found))
    }

    fn lookup(&self, subject: &str, schema: &Schema) -> Result<RegisteredSchema, RegistryError> {
        self.ask(|inner| inner.lookup(subject, schema)).map(|found| self.guid(found))
    }

    fn incompatibilities(&self, _: &str, _: &Schema) -> Result<Vec<String>, RegistryError> {
        Ok(Vec::new())
    }
}

fn registry(transport: &Arc<Shaky>, adjust: impl FnOnce(&mut SchemaRegistrySettings)) -> Registry {
    let mut settings = SchemaRegistrySettings::default();
    adjust(&mut settings);
    Registry::with_transport(transport.clone(), settings)
}

fn auto(settings: &mut SchemaRegistrySettings) {
    settings.auto_register = true;
}

fn encoded(serde: &impl Serde<u64>, topic: &str, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    serde.encode(topic, &value, &mut out).unwrap();
    out
}

fn read(serde: &impl Serde<u64>, bytes: &[u8]) -> Result<u64, SerdeError> {
    read_with(serde, &Headers::default(), bytes)
}

/// As the engine does: what is not ready is tried again, as long as the test may take.
fn read_with(serde: &impl Serde<u64>, headers: &Headers, bytes: &[u8]) -> Result<u64, SerdeError> {
    loop {
        match serde.decode_record("t", headers, Some(bytes)) {
            Err(error) if error.is::<Unready>() => std::thread::yield_now(),
            answer => return answer,
        }
    }
}

#[test]
fn old_and_new_records_are_read_and_each_id_is_asked_for_once() {
    let transport = Arc::new(Shaky::default());
    let registry = registry(&transport, auto);
    let (old, new) = (numbers("v1"), numbers("v2"));
    let parsed = new.parsed.clone();
    let old = RegistrySerde::with_codec(&registry, old);
    let new = RegistrySerde::with_codec(&registry, new);
    let written = [encoded(&old, "t", 5), encoded(&new, "t", 6)];
    assert_eq!(written[0], b"\x00\x00\x00\x00\x01v1:5");
    assert_eq!(written[1], b"\x00\x00\x00\x00\x02v2:6");
    let asked = transport.asked.load(Ordering::Relaxed);
    for _ in 0..10 {
        assert_eq!(written.each_ref().map(|bytes| read(&new, bytes).unwrap()), [5, 6]);
    }
    assert_eq!(parsed.load(Ordering::Relaxed), 2);
    // What it writes itself it knows.
    assert_eq!(transport.asked.load(Ordering::Relaxed), asked + 1);
    encoded(&new, "t", 7);
    assert_eq!(transport.asked.load(Ordering::Relaxed), asked + 1);
}

#[test]
fn what_is_written_is_read_without_asking_again() {
    for (use_latest, guids) in [(false, false), (false, true), (true, true)] {
        let transport = Arc::new(Shaky { guids, ..Shaky::default() });
        let registry = registry(&transport, |settings| settings.use_latest = use_latest);
        registry.register("t-value", &schema(SchemaFormat::Avro, "v1")).unwrap();
        let serde = RegistrySerde::with_codec(&registry, numbers("v1")).id_in_header();
        serde.prepare("t").unwrap();
        transport.is_down.store(true, Ordering::Relaxed);
        let row = encoded(&serde, "t", 5);
        assert_eq!(serde.decode("t", &row).unwrap(), 5);
        let mut record = Vec::new();
        serde.encode_record("t", &6, &mut record).unwrap();
        let headers = Serde::<u64>::header(&serde, "t").into_iter().collect();
        assert_eq!(serde.decode_record("t", &headers, Some(&record)).unwrap(), 6);
    }
}

#[test]
fn a_topic_that_is_not_registered_says_what_to_do() {
    let transport = Arc::new(Shaky::default());
    let registry = registry(&transport, |_| ());
    let serde = RegistrySerde::with_codec(&registry, numbers("v1"));
    let error = serde.prepare("flights.departed").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the schema of `flights.departed-value` is not registered at http://shaky: register it with \
         `APP schemas --register`, or set auto.register.schemas=true"
    );
    assert!(!error.is::<Unready>());
    let schema = Serde::<u64>::schema(&serde).unwrap();
    registry.register("flights.departed-value", schema).unwrap();
    assert!(registry.lookup("flights.departed-value", schema).unwrap().is_some());
    serde.prepare("flights.departed").unwrap();
    let asked = transport.asked.load(Ordering::Relaxed);
    serde.prepare("flights.departed").unwrap();
    encoded(&serde, "flights.departed", 1);
    assert_eq!(transport.asked.load(Ordering::Relaxed), asked);
}

#[test]
fn a_registry_that_is_down_is_tried_again_and_nothing_is_lost() {
    let transport = Arc::new(Shaky::default());
    let registry = registry(&transport, auto);
    let serde = RegistrySerde::with_codec(&registry, numbers("v1"));
    transport.is_down.store(true, Ordering::Relaxed);
    let error = serde.prepare("t").unwrap_err();
    assert!(error.is::<Unready>() && error.to_string().contains("out of reach"), "{error}");
    let mut out = Vec::new();
    let asked = transport.asked.load(Ordering::Relaxed);
    assert!(serde.encode("t", &1, &mut out).unwrap_err().to_string().contains("out of reach"));
    assert_eq!(transport.asked.load(Ordering::Relaxed), asked + TRIES);
    let bytes = b"\x00\x00\x00\x00\x01v1:5";
    let error = serde.decode_record("t", &Headers::default(), Some(bytes)).unwrap_err();
    assert_eq!(error.to_string(), "schema 1 is being asked for at http://shaky");

    transport.is_down.store(false, Ordering::Relaxed);
    serde.prepare("t").unwrap();
    assert_eq!(read(&serde, bytes).unwrap(), 5);
}

/// As often as somebody who waits asks.
const TRIES: u32 = 3;

#[test]
fn a_row_waits_for_its_schema_but_not_for_ever() {
    let transport = Arc::new(Shaky::default());
    let registry = registry(&transport, |settings| {
        settings.auto_register = true;
        settings.request_timeout = Duration::from_millis(20);
    });
    let bytes = encoded(&RegistrySerde::with_codec(&registry, numbers("v1")), "t", 5);
    let serde = RegistrySerde::with_codec(&registry, numbers("v1"));
    transport.is_down.store(true, Ordering::Relaxed);
    let error = serde.decode("t", &bytes).unwrap_err().to_string();
    let expected = "schema 1 was not to be had within 60 ms, and a row cannot wait longer: ";
    assert!(error.starts_with(expected), "{error}");
    transport.is_down.store(false, Ordering::Relaxed);
    assert_eq!(read(&serde, &bytes).unwrap(), 5);
    assert_eq!(serde.decode("t", &bytes).unwrap(), 5);
}

#[test]
fn ids_in_headers_are_written_if_wished_and_always_read() {
    for (guids, expected) in [(true, [1; 17].to_vec()), (false, vec![0, 0, 0, 0, 1])] {
        let transport = Arc::new(Shaky { guids, ..Shaky::default() });
        let registry = registry(&transport, auto);
        let serde = RegistrySerde::with_codec(&registry, numbers("v1")).for_key().id_in_header();
        assert_eq!(Serde::<u64>::header(&serde, "t"), None);
        serde.prepare("t").unwrap();
        let header = Serde::<u64>::header(&serde, "t").unwrap();
        assert_eq!(&*header.name, "__key_schema_id");
        assert_eq!(header.value.as_deref(), Some(&expected[..]));
        let mut bytes = Vec::new();
        serde.encode_record("t", &5, &mut bytes).unwrap();
        assert_eq!(bytes, b"v1:5");

        let plain = RegistrySerde::with_codec(&registry, numbers("v1")).for_key();
        let headers: Headers = [header].into_iter().collect();
        assert_eq!(read_with(&plain, &headers, &bytes).unwrap(), 5);
        assert_eq!(read(&serde, &encoded(&plain, "t", 6)).unwrap(), 6);
        // Rows have no headers, and are rows by how they are written: what a topic is called says nothing.
        let topic = "orders-changelog";
        let row = encoded(&serde, topic, 7);
        assert_eq!(row, b"\x00\x00\x00\x00\x01v1:7");
        assert_eq!(serde.decode(topic, &row).unwrap(), 7);
        let mut record = Vec::new();
        serde.encode_record(topic, &7, &mut record).unwrap();
        assert_eq!(record, b"v1:7");
        assert!(Serde::<u64>::header(&serde, topic).is_some());
    }
}

#[test]
fn the_latest_version_is_named_if_it_writes_the_same() {
    let transport = Arc::new(Shaky::default());
    let registry = registry(&transport, |settings| settings.use_latest = true);
    registry.register("t-value", &schema(SchemaFormat::Avro, "v1")).unwrap();
    let serde = RegistrySerde::with_codec(&registry, numbers("v1"));
    assert_eq!(encoded(&serde, "t", 1), b"\x00\x00\x00\x00\x01v1:1");
    registry.register("t-value", &schema(SchemaFormat::Avro, "v2")).unwrap();
    let serde = RegistrySerde::with_codec(&registry, numbers("v1"));
    assert_eq!(
        serde.prepare("t").unwrap_err().to_string(),
        "the latest version of `t-value`, 2, is not what the program writes \
         (use.latest.version=true): it is another"
    );
    let error = serde.prepare("absent").unwrap_err().to_string();
    assert!(error.starts_with("cannot find the latest version of `absent-value`: "), "{error}");
}

#[test]
fn what_cannot_be_read_says_why() {
    let transport = Arc::new(Shaky::default());
    let registry = registry(&transport, auto);
    let codec = numbers("v1");
    let parsed = codec.parsed.clone();
    let serde = RegistrySerde::with_codec(&registry, codec);
    let register = |schema| registry.register("other", &schema).unwrap();
    register(schema(SchemaFormat::Json, "{}"));
    register(schema(SchemaFormat::Avro, "broken"));
    register(schema(SchemaFormat::Avro, "v1"));
    for (bytes, expected) in [
        (&b"{}"[..], "does not start with the magic byte 0, but with 0x7b: is it JSON?"),
        (b"", "no bytes: expected the magic byte 0 and a schema's id"),
        (b"\x00\x00\x00", "3 bytes, and the id of its schema alone takes 5"),
        (
            b"\x00\x00\x00\x00\x09x",
            "schema 9 cannot be used: schema 9 is not in the registry in memory: was the record \
             written with another registry, or is it damaged?",
        ),
        (
            b"\x00\x00\x00\x00\x01x",
            "schema 1 of http://shaky cannot be used: it is JSON, and AVRO is read here",
        ),
        (b"\x00\x00\x00\x00\x02x", "schema 2 of http://shaky cannot be used: no schema"),
        (b"\x00\x00\x00\x00\x03x", "written with schema 3: not of its schema"),
    ] {
        for _ in 0..3 {
            assert_eq!(read(&serde, bytes).unwrap_err().to_string(), expected);
        }
    }
    // The broken one was looked at once.
    assert_eq!(parsed.load(Ordering::Relaxed), 2);
    let null = serde.decode_record("t", &Headers::default(), None).unwrap_err();
    assert_eq!(null.to_string(), NULL_REFUSED);
}

#[test]
fn whatever_the_bytes_there_is_an_answer() {
    let registry = Registry::in_memory();
    let serde = RegistrySerde::with_codec(&registry, numbers("v1"));
    let good = encoded(&serde, "t", 5);
    let mut state = 11_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    };
    for _ in 0..2000 {
        let mut bytes = good.clone();
        for _ in 0..random() % 4 {
            let at = usize::from(random()) % bytes.len();
            // Most ids stay small, so that not all of them are unknown.
            bytes[at] = if at < 4 { random() % 2 } else { random() };
        }
        bytes.truncate(usize::from(random()) % (bytes.len() + 1));
        let header = Header::new("__value_schema_id", [random() % 3, 0, 0, 0, random() % 3]);
        let headers = [header].into_iter().collect();
        for headers in [Headers::default(), headers] {
            let _ = serde.decode_record("t", &headers, Some(&bytes));
        }
    }
}
