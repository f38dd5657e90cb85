//! Serdes that lack something for a while, as those of a registry that is slow: a record waits, others
//! go on; and what serdes are told of topics.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use integration_tests::waiting::{Deadline, eventually};
use integration_tests::{Cluster, unique};
use kappa::Headers;
use kappa::metrics::Metric;
use kappa::prelude::*;
use kappa::runtime::health::{HealthLimits, Probe};
use kappa::serde::{Serde, SerdeError, Unready};
use kappa::telemetry::prometheus_text;

use crate::app::{App, feed, feed_partition, rows, texts};
use integration_tests::admin::{FOREVER, create_topic};

/// Texts; those that begin with `slow` cannot be read before the gate is open, and nothing is written
/// before it was prepared three times.
#[derive(Debug, Clone, Default)]
struct Gated {
    open: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    prepared: Arc<AtomicUsize>,
    told: Arc<Mutex<BTreeSet<String>>>,
}

const PREPARATIONS: usize = 3;

impl Gated {
    fn tell(&self, topic: &str) {
        self.told.lock().unwrap().insert(topic.to_owned());
    }

    fn told(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

impl Serde<String> for Gated {
    fn encode(&self, topic: &str, value: &String, out: &mut Vec<u8>) -> Result<(), SerdeError> {
        self.tell(topic);
        assert!(self.prepared.load(Ordering::SeqCst) >= PREPARATIONS, "prepared before it writes");
        out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn decode(&self, topic: &str, bytes: &[u8]) -> Result<String, SerdeError> {
        self.tell(topic);
        Ok(std::str::from_utf8(bytes)?.to_owned())
    }

    fn decode_record(
        &self,
        topic: &str,
        _headers: &Headers,
        bytes: Option<&[u8]>,
    ) -> Result<String, SerdeError> {
        let bytes = bytes.ok_or("a null")?;
        if bytes.starts_with(b"slow") && !self.open.load(Ordering::SeqCst) {
            self.asked.fetch_add(1, Ordering::SeqCst);
            return Err(Unready("schema 7 of http://registry is asked for".to_owned()).into());
        }
        self.decode(topic, bytes)
    }

    fn prepare(&self, topic: &str) -> Result<(), SerdeError> {
        self.tell(topic);
        match self.prepared.fetch_add(1, Ordering::SeqCst) {
            done if done < PREPARATIONS => Err(Unready("the registry is down".to_owned()).into()),
            _ => Ok(()),
        }
    }
}

/// Keeps the last value of each key, behind a repartition topic.
fn last_values(bootstrap: &str, id: &str, gated: &Gated) -> App {
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    create_topic(bootstrap, &input, 2, &[FOREVER]);
    let builder = StreamsBuilder::new();
    let values: Topic<String, String> = Topic::new(&input, Utf8, gated.clone());
    builder
        .stream(&values)
        .repartition(Repartitioned::new().named("spread"))
        .group_by_key_with(Grouped::with(Utf8, gated.clone()))
        .reduce(|_, new| new, Materialized::with(Utf8, gated.clone()).r#as("last"))
        .to_stream()
        .to(&Topic::new(&output, Utf8, Nullable::of(gated.clone()))
            .create(1)
            .setting("retention.ms", "-1"));
    App::new(bootstrap, id, builder.build().unwrap())
}

#[test]
fn a_record_that_lacks_something_waits_while_the_other_task_goes_on() {
    let cluster = Cluster::start();
    let (bootstrap, id, gated) = (cluster.bootstrap(), unique("app"), Gated::default());
    let app = last_values(bootstrap, &id, &gated);
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    feed_partition(bootstrap, &input, 0, &[("a", "slow 1", 1), ("b", "2", 2)]);
    feed_partition(bootstrap, &input, 1, &[("c", "3", 3)]);

    let streams = app.streams();
    streams.start().unwrap();
    eventually("the other task's result", Deadline::seconds(60), || {
        (app.latest(&output) == rows(&[("c", "3")])).then_some(())
    });
    eventually("another try of the record", Deadline::seconds(60), || {
        (gated.asked.load(Ordering::SeqCst) > 2).then_some(())
    });
    let limits = HealthLimits::new(&app.settings());
    let ready = || streams.vitals().answer(Probe::Ready, &limits);
    let told = eventually("a wait that is told", Deadline::seconds(60), || {
        let answer = ready();
        let reasons = answer.reasons.into_iter().filter(|_| answer.is_yes);
        { reasons }.find(|reason| reason.starts_with("task 0_0 has waited for "))
    });
    assert!(told.contains("schema 7 of http://registry is asked for"), "{told}");
    let metric = Metric::TaskWaitingTime.prometheus_name();
    eventually("the wait as a metric", Deadline::seconds(60), || {
        let text = prometheus_text(&streams.metrics());
        let mut lines = text.lines().filter(|line| line.starts_with(&metric));
        lines.any(|line| line.contains("task_id=\"0_0\"") && !line.ends_with(" 0")).then_some(())
    });
    gated.open.store(true, Ordering::SeqCst);
    streams.wait_until_caught_up(|_| {}).unwrap();
    eventually("nothing left to tell", Deadline::seconds(60), || {
        ready().reasons.is_empty().then_some(())
    });
    streams.close().unwrap();
    let all = rows(&[("a", "slow 1"), ("b", "2"), ("c", "3")]);
    assert_eq!(app.latest(&output), all);
    assert_eq!(
        streams.progress().processed,
        6,
        "each record once, and once behind the topic between"
    );
}

#[test]
fn a_rerun_waits_too_and_its_serdes_are_told_the_names_of_the_live_topics() {
    let cluster = Cluster::start();
    let (bootstrap, id, gated) = (cluster.bootstrap(), unique("app"), Gated::default());
    let app = last_values(bootstrap, &id, &gated);
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    feed_partition(bootstrap, &input, 0, &[("a", "slow 1", 1)]);
    gated.open.store(true, Ordering::SeqCst);
    app.catch_up();
    let internal = |name: &str| format!("{id}-{name}");
    let expected: BTreeSet<String> =
        [input, output, internal("spread-repartition"), internal("last-changelog")].into();
    assert_eq!(gated.told(), expected, "live");

    gated.open.store(false, Ordering::SeqCst);
    let asked = gated.asked.load(Ordering::SeqCst);
    std::thread::scope(|scope| {
        let replay = scope.spawn(|| app.replay("again"));
        eventually("a try of the record by the rerun", Deadline::seconds(60), || {
            (gated.asked.load(Ordering::SeqCst) > asked + 1).then_some(())
        });
        gated.open.store(true, Ordering::SeqCst);
        assert_eq!(replay.join().unwrap().input_records, 1);
    });
    assert_eq!(gated.told(), expected, "in the rerun");
    assert!(matches!(app.verify("again"), kappa::runtime::verify::Verdict::Equal { .. }));
}

#[test]
fn what_never_comes_ends_the_application_with_the_reason_and_loses_nothing() {
    let cluster = Cluster::start();
    let (bootstrap, id, gated) = (cluster.bootstrap(), unique("app"), Gated::default());
    let app = last_values(bootstrap, &id, &gated).set("task.timeout.ms", "2000");
    let (input, output) = (format!("{id}-in"), format!("{id}-out"));
    feed_partition(bootstrap, &input, 0, &[("a", "1", 1), ("b", "slow 2", 2)]);
    let error = app.fail();
    let text = error.to_string();
    assert!(error.is_retriable() && text.contains("schema 7 of http://registry"), "{text}");
    assert!(text.contains(&format!("{input}-0@1")) && text.contains("task.timeout.ms"), "{text}");
    gated.open.store(true, Ordering::SeqCst);
    app.catch_up();
    assert_eq!(app.latest(&output), rows(&[("a", "1"), ("b", "slow 2")]));
}

#[test]
fn a_global_table_waits_for_what_a_row_lacks_and_skips_nothing() {
    let cluster = Cluster::start();
    let (bootstrap, id, gated) = (cluster.bootstrap(), unique("app"), Gated::default());
    let name = |what: &str| format!("{id}-{what}");
    let (names, input, output) = (name("names"), name("in"), name("out"));
    create_topic(bootstrap, &names, 1, &[("cleanup.policy", "compact")]);
    create_topic(bootstrap, &input, 1, &[FOREVER]);
    create_topic(bootstrap, &output, 1, &[FOREVER]);
    let builder = StreamsBuilder::new();
    let table = Topic::new(&names, Utf8, gated.clone());
    let global = builder.global_table(&table, "names");
    builder.stream(&texts(&input)).join(&global, |_, name| name.clone()).to(&texts(&output));
    let app = App::new(bootstrap, &id, builder.build().unwrap())
        .set("deserialization.exception.handler", "continue");
    feed(bootstrap, &names, &[("a", "slow 1", 1), ("b", "2", 2)]);
    feed(bootstrap, &input, &[("a", "x", 1), ("b", "x", 2)]);
    let tried = |more: usize| {
        let asked = gated.asked.load(Ordering::SeqCst);
        eventually("more tries of the row", Deadline::seconds(60), || {
            (gated.asked.load(Ordering::SeqCst) > asked + more).then_some(())
        });
    };

    let streams = app.streams();
    std::thread::scope(|scope| {
        let started = scope.spawn(|| streams.start());
        tried(2);
        gated.open.store(true, Ordering::SeqCst);
        started.join().unwrap().unwrap();
    });
    streams.wait_until_caught_up(|_| {}).unwrap();
    assert_eq!(app.latest(&output), rows(&[("a", "slow 1"), ("b", "2")]));

    // While it runs, too: the row before it counts, and those behind it come after it.
    gated.open.store(false, Ordering::SeqCst);
    feed(bootstrap, &names, &[("a", "3", 3), ("b", "slow 4", 4), ("c", "5", 5)]);
    tried(2);
    feed(bootstrap, &input, &[("a", "y", 3), ("c", "y", 3)]);
    eventually("the row before", Deadline::seconds(60), || {
        (app.latest(&output) == rows(&[("a", "3"), ("b", "2")])).then_some(())
    });
    gated.open.store(true, Ordering::SeqCst);
    eventually("the rows behind", Deadline::seconds(60), || {
        feed(bootstrap, &input, &[("b", "z", 5), ("c", "z", 5)]);
        (app.latest(&output) == rows(&[("a", "3"), ("b", "slow 4"), ("c", "5")])).then_some(())
    });
    streams.close().unwrap();
}

#[test]
fn a_global_table_whose_row_lacks_something_for_ever_ends_the_application_with_the_reason() {
    let cluster = Cluster::start();
    let (bootstrap, id, gated) = (cluster.bootstrap(), unique("app"), Gated::default());
    let (names, input) = (format!("{id}-names"), format!("{id}-in"));
    create_topic(bootstrap, &names, 1, &[("cleanup.policy", "compact")]);
    create_topic(bootstrap, &input, 1, &[FOREVER]);
    let builder = StreamsBuilder::new();
    let table = Topic::new(&names, Utf8, gated.clone());
    let global = builder.global_table(&table, "names");
    let joined = builder.stream(&texts(&input)).join(&global, |_, name| name.clone());
    joined.to(&texts(&format!("{id}-out")).create(1));
    let app = App::new(bootstrap, &id, builder.build().unwrap()).set("task.timeout.ms", "2000");
    feed(bootstrap, &names, &[("a", "1", 1), ("b", "slow 2", 2)]);
    let error = app.fail();
    let text = error.to_string();
    assert!(error.is_retriable() && text.contains("schema 7 of http://registry"), "{text}");
    assert!(text.contains(&format!("{names}-0@1")) && text.contains("task.timeout.ms"), "{text}");
}
