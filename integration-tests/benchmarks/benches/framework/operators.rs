//! From bytes to bytes through operators without state.

use criterion::{BatchSize, Criterion};
use kappa::Headers;
use kappa::prelude::*;
use kappa::testing::bench::BenchTask;
use kappa::trace::{IdGenerator, Sampler, TraceContext};

use crate::cpu_time::{CpuTime, records};
use crate::records::{BATCH, batch, settings, with_headers};

pub(crate) fn benches(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("operators");
    group.throughput(records(BATCH));
    let chains: [(&str, fn(&Words) -> Words); 3] = [
        ("none", Clone::clone),
        ("filter-map_values", |words| words.filter(|key, _| !key.is_empty()).map_values(|v| v)),
        ("chain-of-seven", |words| {
            words
                .filter(|key, _| !key.is_empty())
                .map_values(|value| value)
                .map(|key, value| (key, value))
                .peek(|_, _| {})
                .filter(|_, value| value.len() > 1)
                .map_values(|value| value)
                .filter(|_, value| value.len() > 2)
        }),
    ];
    for (name, chain) in chains {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(&[("state.dir", &directory.path().to_string_lossy())]);
        let mut task = BenchTask::new(&topology(chain), &settings).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || batch(0, BATCH),
                |batch| task.process(batch).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// What a look at the headers costs, and a context of one's own: without the spans, which are the exporter's.
pub(crate) fn traces(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("traces");
    group.throughput(records(BATCH));
    let context = IdGenerator::new([1, 2]).root();
    let unsampled = TraceContext { is_sampled: false, ..context };
    let with = |context: TraceContext| context.into_headers(&Headers::default(), true);
    let ways = [
        ("off", None, Headers::default()),
        ("off-headers", None, with(context)),
        ("follow", Some(Sampler::following(0.0)), Headers::default()),
        ("follow-unsampled", Some(Sampler::following(0.0)), with(unsampled)),
        ("ratio-0.001", Some(Sampler::following(0.001)), Headers::default()),
        ("all", Some(Sampler::following(0.0)), with(context)),
    ];
    for (name, sampler, headers) in ways {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(&[("state.dir", &directory.path().to_string_lossy())]);
        let mut task = BenchTask::new(&topology(Clone::clone), &settings).unwrap();
        if let Some(sampler) = sampler {
            task.trace(sampler);
        }
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || with_headers(BATCH, &headers),
                |batch| task.process(batch).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// What it costs to measure how old records are, and how late.
pub(crate) fn ages(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("ages");
    group.throughput(records(BATCH));
    for (name, measured) in [("off", None), ("ages", Some(false)), ("ages-lateness", Some(true))] {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(&[("state.dir", &directory.path().to_string_lossy())]);
        let mut task = BenchTask::new(&topology(Clone::clone), &settings).unwrap();
        if let Some(with_lateness) = measured {
            task.measure_ages(with_lateness);
        }
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || with_headers(BATCH, &Headers::default()),
                |batch| task.process(batch).unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

type Words = KStream<String, Vec<u8>>;

fn topology(chain: fn(&Words) -> Words) -> Topology {
    let topic = |name: &str| -> Topic<String, Vec<u8>> { Topic::new(name, Utf8, Bytes) };
    let builder = StreamsBuilder::new();
    chain(&builder.stream(&topic("in"))).to(&topic("out"));
    builder.build().unwrap()
}
