//! This library's side of each case.

use std::thread;

use integration_tests::Deadline;
use integration_tests::waiting::eventually;
use kappa::config::{Settings, StreamsConfig};
use kappa::prelude::*;
use kappa::runtime::replay::Replay;
use kappa::runtime::{ClientState, KafkaStreams, Stop};
use kappa::telemetry::Telemetry;
use tempfile::TempDir;

use crate::case::Work;
use crate::input::PARTITIONS;
use crate::measure::{COMMIT_INTERVAL_MS, LIMIT, tell_half};
use crate::startup;

/// The version under which a count is run again.
const VERSION: &str = "again";

/// Filters nothing out, maps values and writes them.
pub(crate) fn copy(work: &Work) -> Topology {
    let builder = StreamsBuilder::new();
    let input: Topic<String, Vec<u8>> = Topic::new(&work.input, Utf8, Bytes);
    let output: Topic<String, Vec<u8>> =
        Topic::new(&work.output(), Utf8, Bytes).create(partitions());
    builder.stream(&input).filter(|key, _| !key.is_empty()).map_values(|value| value).to(&output);
    builder.build().expect("a topology")
}

/// Counts by key; the key is not changed, so nothing is repartitioned.
pub(crate) fn count(work: &Work) -> Topology {
    let builder = StreamsBuilder::new();
    let input: Topic<String, Vec<u8>> = Topic::new(&work.input, Utf8, Bytes);
    let output: Topic<String, Option<i64>> =
        Topic::new(&work.output(), Utf8, Nullable::of(I64)).create(partitions());
    let counts =
        builder.stream(&input).group_by_key_with(Grouped::with(Utf8, Bytes)).count("counts");
    counts.to_stream().to(&output);
    builder.build().expect("a topology")
}

/// Runs live from the start to the end of the input, and closes.
pub(crate) fn live(work: &Work, topology: Topology, cache: Cache) {
    let state = state();
    let settings = settings(work, &state, cache);
    // Off unless the environment names a collector.
    let mut telemetry = Telemetry::start(&settings).expect("telemetry starts");
    let tracing = telemetry.trace(&settings).expect("telemetry starts");
    let streams = KafkaStreams::new(topology, settings).traced(tracing);
    telemetry.push(&streams.metrics()).expect("telemetry starts");
    streams.start().expect("the application starts");
    thread::scope(|threads| {
        threads.spawn(|| tell_when_half_done(&streams, work.records));
        streams.wait_until_caught_up(|_| {}).expect("the application catches up");
    });
    streams.close().expect("the application closes");
    assert_eq!(streams.progress().processed, work.records, "records processed");
}

/// Commits come too rarely to see the half by them.
fn tell_when_half_done(streams: &KafkaStreams, records: u64) {
    eventually("the first half", Deadline::after(LIMIT), || {
        let processed = streams.progress().processed;
        (processed >= records / 2).then(|| tell_half(processed))
    });
}

/// Runs live until it is told to end.
pub(crate) fn idle(work: &Work, topology: Topology, cache: Cache) {
    let state = state();
    let streams = KafkaStreams::new(topology, settings(work, &state, cache));
    streams.start().expect("the application starts");
    startup::until_told();
    streams.close().expect("the application closes");
}

/// Starts without local state, and ends when it has all of it.
pub(crate) fn restore(work: &Work, topology: Topology) {
    let state = state();
    let streams = KafkaStreams::new(topology, settings(work, &state, Cache::Default));
    let states = streams.listen();
    streams.start().expect("the application starts");
    let running = streams.state() == ClientState::Running
        || states.iter().any(|state| state == ClientState::Running);
    assert!(running, "the application ended before it ran");
    assert_eq!(streams.progress().restored, work.records, "records restored");
    streams.close().expect("the application closes");
}

/// Runs to the end of the input as a bounded job.
pub(crate) fn rerun(work: &Work, topology: Topology) {
    let state = state();
    let settings = settings(work, &state, Cache::Default);
    let replay = Replay::new(topology, settings, VERSION).expect("a version");
    let report = replay.run(&Stop::new(), |_| {}).expect("the rerun ends");
    assert_eq!(report.input_records, work.records, "records processed");
}

/// Whether stores fold updates until a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    /// As the library's default is.
    Default,
    /// Every update is sent.
    Off,
}

fn settings(work: &Work, state: &TempDir, cache: Cache) -> Settings {
    let state = state.path().to_string_lossy().into_owned();
    let mut given = vec![
        ("bootstrap.servers", work.bootstrap.as_str()),
        ("state.dir", &state),
        ("commit.interval.ms", COMMIT_INTERVAL_MS),
    ];
    if cache == Cache::Off {
        given.push(("statestore.cache.max.bytes", "0"));
    }
    let config = StreamsConfig::new(&work.application).with_process_environment();
    let config = config.and_then(|config| {
        given
            .into_iter()
            .try_fold(config, |config, (name, value)| config.with_argument(name, value))
    });
    config.and_then(|config| config.resolve()).expect("known settings")
}

fn state() -> TempDir {
    tempfile::tempdir().expect("a directory for state")
}

fn partitions() -> usize {
    usize::try_from(PARTITIONS).expect("a count")
}
