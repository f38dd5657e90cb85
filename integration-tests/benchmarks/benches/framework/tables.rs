//! A count: the write-back cache when it has the row, when it must make room, and when it is flushed.

use criterion::{BatchSize, Criterion};
use kappa::prelude::*;
use kappa::testing::bench::BenchTask;

use crate::cpu_time::{CpuTime, records};
use crate::records::{BATCH, batch, settings};

/// Fits into the default cache, and into one batch.
const FEW: usize = 1_000;
/// Ten times what [`SMALL`] holds.
const MANY: usize = 100_000;
const SMALL: &str = "1048576";
const DEFAULT: &str = "10485760";
const OFF: &str = "0";

pub(crate) fn benches(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("cache");
    group.throughput(records(BATCH));
    for store in ["in_memory", "rocksdb"] {
        for (name, keys, cache) in
            [("hit", FEW, DEFAULT), ("evict", MANY, SMALL), ("off", MANY, OFF)]
        {
            let directory = tempfile::tempdir().unwrap();
            let task = task(&directory.path().to_string_lossy(), store, cache);
            let mut next = 0;
            group.bench_function(format!("{name}/{store}"), |bencher| {
                bencher.iter_batched(
                    || {
                        next += BATCH;
                        // As often as a second brings batches: rows reach the backend.
                        if (next / BATCH).is_multiple_of(BATCHES_PER_COMMIT) {
                            task.borrow_mut().commit().unwrap();
                        }
                        batch(next, keys)
                    },
                    |batch| task.borrow_mut().process(batch).unwrap(),
                    BatchSize::PerIteration,
                );
            });
        }
        let directory = tempfile::tempdir().unwrap();
        let task = task(&directory.path().to_string_lossy(), store, DEFAULT);
        group.bench_function(format!("flush-and-commit/{store}"), |bencher| {
            bencher.iter_batched(
                || task.borrow_mut().process(batch(0, usize::MAX)).unwrap(),
                |_| task.borrow_mut().commit().unwrap(),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

const BATCHES_PER_COMMIT: usize = 50;

fn task(state: &str, store: &str, cache: &str) -> std::cell::RefCell<BenchTask> {
    let settings = settings(&[
        ("state.dir", state),
        ("default.dsl.store", store),
        ("statestore.cache.max.bytes", cache),
    ]);
    std::cell::RefCell::new(BenchTask::new(&topology(), &settings).unwrap())
}

/// Counts by key, and sends the counts on.
pub(crate) fn topology() -> Topology {
    let input: Topic<String, Vec<u8>> = Topic::new("in", Utf8, Bytes);
    let output: Topic<String, Option<i64>> = Topic::new("out", Utf8, Nullable::of(I64));
    let builder = StreamsBuilder::new();
    let grouped = builder.stream(&input).group_by_key_with(Grouped::with(Utf8, Bytes));
    grouped.count("counts").to_stream().to(&output);
    builder.build().unwrap()
}
