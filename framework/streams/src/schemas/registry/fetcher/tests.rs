use std::collections::VecDeque;

use super::*;
use crate::schemas::RegistryErrorKind::{Denied, NotFound, Unavailable};
use crate::schemas::{RegisteredSchema, RegistryErrorKind};
use crate::serde::{Schema, SchemaFormat, SchemaReference};
use crate::time::{ManualClock, SystemClock};

/// Answers as told, then with a schema; counts the questions.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<RegistryErrorKind>>,
    asked: Mutex<Vec<SchemaId>>,
    /// While this is held, no answer is given.
    gate: Mutex<()>,
    /// While this holds, it panics instead.
    panics: Mutex<bool>,
    references: Vec<SchemaReference>,
}

impl Scripted {
    fn failing(kinds: impl IntoIterator<Item = RegistryErrorKind>) -> Arc<Self> {
        let answers = Mutex::new(kinds.into_iter().collect());
        Arc::new(Self { answers, ..Self::default() })
    }

    fn answer(&self) -> Result<RegisteredSchema, RegistryError> {
        drop(self.gate.lock().unwrap());
        let panics = *self.panics.lock().unwrap();
        assert!(!panics, "told to panic");
        if let Some(kind) = self.answers.lock().unwrap().pop_front() {
            return Err(RegistryError::new(kind, format!("told to answer {kind:?}")));
        }
        let schema = Schema {
            format: SchemaFormat::Avro,
            name: None,
            text: "\"int\"".into(),
            references: self.references.clone(),
        };
        Ok(RegisteredSchema { id: None, guid: None, version: None, schema })
    }
}

impl Transport for Scripted {
    fn address(&self) -> &str {
        "a script"
    }

    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, RegistryError> {
        self.asked.lock().unwrap().push(id);
        self.answer()
    }

    fn version(&self, _: &str, _: Option<i32>) -> Result<RegisteredSchema, RegistryError> {
        self.answer()
    }

    fn register(&self, _: &str, _: &Schema) -> Result<RegisteredSchema, RegistryError> {
        self.answer()
    }

    fn lookup(&self, _: &str, _: &Schema) -> Result<RegisteredSchema, RegistryError> {
        self.answer()
    }

    fn incompatibilities(&self, _: &str, _: &Schema) -> Result<Vec<String>, RegistryError> {
        Ok(Vec::new())
    }
}

const ID: SchemaId = SchemaId::Id(7);
const LONG: Duration = Duration::from_secs(60);

fn quick() -> Patience {
    let pause_min = Duration::from_millis(1);
    Patience { pause_min, pause_max: pause_min, ..Patience::default() }
}

fn fetcher(transport: &Arc<Scripted>, patience: Patience) -> Fetcher {
    Fetcher::new(transport.clone(), Arc::new(SystemClock::start()), patience, 100)
}

#[test]
fn an_id_is_asked_for_once_and_nobody_waits_who_does_not_want_to() {
    let transport = Scripted::failing([]);
    let fetcher = fetcher(&transport, quick());
    let gate = transport.gate.lock().unwrap();
    for _ in 0..100 {
        assert!(matches!(fetcher.ask(ID), Answer::Pending(None)));
    }
    drop(gate);
    assert!(matches!(fetcher.wait(ID, LONG), Answer::Known(_)));
    assert!(matches!(fetcher.ask(ID), Answer::Known(_)));
    assert_eq!(*transport.asked.lock().unwrap(), [ID]);
}

#[test]
fn what_may_pass_is_asked_for_again_and_says_what_is_wrong() {
    let transport = Scripted::failing([Unavailable, Denied, Unavailable]);
    let fetcher = fetcher(&transport, quick());
    assert!(matches!(fetcher.wait(ID, LONG), Answer::Known(_)));
    assert_eq!(transport.asked.lock().unwrap().len(), 4);

    let transport = Scripted::failing([Unavailable]);
    let patience = Patience { pause_min: LONG * 10, pause_max: LONG * 10, ..quick() };
    let fetcher = self::fetcher(&transport, patience);
    let error = loop {
        if let Answer::Pending(Some(error)) = fetcher.wait(ID, Duration::from_millis(1)) {
            break error;
        }
    };
    assert_eq!(error, "told to answer Unavailable");
}

#[test]
fn a_transport_that_panics_is_asked_again() {
    let transport = Arc::new(Scripted { panics: Mutex::new(true), ..Scripted::default() });
    let fetcher = fetcher(&transport, quick());
    let error = loop {
        match fetcher.ask(ID) {
            Answer::Pending(Some(error)) => break error,
            Answer::Pending(None) => std::thread::yield_now(),
            other => panic!("{other:?} instead of a panic"),
        }
    };
    assert_eq!(error, "a script has panicked: told to panic");
    *transport.panics.lock().unwrap() = false;
    assert!(matches!(fetcher.wait(ID, LONG), Answer::Known(_)));
}

#[test]
fn a_refusal_is_believed_for_a_while_only() {
    let transport = Scripted::failing([NotFound]);
    let clock = ManualClock::default();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let fetcher = Fetcher::new(transport.clone(), shared, Patience::default(), 100);
    assert!(matches!(fetcher.wait(ID, LONG), Answer::Refused(_)));
    clock.advance(Duration::from_secs(29));
    assert!(matches!(fetcher.ask(ID), Answer::Refused(_)));
    clock.advance(Duration::from_secs(1));
    assert!(matches!(fetcher.ask(ID), Answer::Pending(None)));
    assert!(matches!(fetcher.wait(ID, LONG), Answer::Known(_)));
    assert_eq!(transport.asked.lock().unwrap().len(), 2);
}

#[test]
fn what_is_asked_for_is_limited_and_goes_on_afterwards() {
    let transport = Scripted::failing([]);
    let fetcher = fetcher(&transport, quick());
    let gate = transport.gate.lock().unwrap();
    for id in 0..300 {
        fetcher.ask(SchemaId::Id(id));
    }
    let Answer::Pending(Some(error)) = fetcher.ask(SchemaId::Id(300)) else { panic!("no limit") };
    assert_eq!(error, "256 other schemas are being asked for");
    drop(gate);
    for id in 0..301 {
        assert!(matches!(fetcher.wait(SchemaId::Id(id), LONG), Answer::Known(_)));
    }
}

#[test]
fn ids_that_nobody_wants_any_more_are_forgotten() {
    let transport = Scripted::failing(std::iter::repeat_n(Unavailable, 1));
    let clock = ManualClock::default();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let fetcher = Fetcher::new(transport.clone(), shared, Patience::default(), 100);
    while matches!(fetcher.ask(ID), Answer::Pending(None)) {
        std::thread::yield_now();
    }
    clock.advance(Duration::from_secs(61));
    let other = SchemaId::Id(8);
    assert!(matches!(fetcher.wait(other, LONG), Answer::Known(_)));
    assert_eq!(*transport.asked.lock().unwrap(), [ID, other]);
}

#[test]
fn references_have_a_limit_in_circles_and_in_depth() {
    // Its reference refers to the same again: asked for once.
    let reference =
        |version| SchemaReference { name: "r".to_owned(), subject: "s".to_owned(), version };
    let circle = Arc::new(Scripted { references: vec![reference(1)], ..Scripted::default() });
    let loaded = references::load(&*circle, ID).unwrap();
    assert_eq!(loaded.references.len(), 1);
    let wide =
        Arc::new(Scripted { references: (0..200).map(reference).collect(), ..Scripted::default() });
    let error = references::load(&*wide, ID).unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::TooLarge);
    assert!(error.to_string().starts_with("reference r to s version "), "{error}");
}

#[test]
fn pauses_grow_to_their_limit_and_are_not_all_alike() {
    let patience = Patience::default();
    for tries in 0..100 {
        let pause = pause(&patience, tries);
        let full = Duration::from_millis(100 << tries.min(10)).min(Duration::from_secs(10));
        assert!(pause <= full && pause >= full / 2, "{tries}: {pause:?}");
    }
    let pauses: std::collections::HashSet<_> = (0..20).map(|_| pause(&patience, 30)).collect();
    assert!(pauses.len() > 1);
}
