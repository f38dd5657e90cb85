//! A changelog into an empty store: each fetch written by itself, and windows of many fetches reduced
//! to the last row of each key.

use criterion::{BatchSize, Criterion};
use kappa::Offset;
use kappa::testing::bench::BenchRestore;

use crate::cpu_time::{CpuTime, records};
use crate::records::{numbered, settings};
use crate::tables::topology;

/// How long the changelog is, and how many keys it has.
const RECORDS: usize = 400_000;
const KEYS: usize = 100_000;
/// How many records a fetch brings.
const FETCH: usize = 1_000;
const MIB: usize = 1 << 20;

pub(crate) fn benches(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("restore");
    group.throughput(records(RECORDS)).sample_size(10);
    let count = 1_i64.to_be_bytes();
    for store in ["in_memory", "rocksdb"] {
        for (name, unwritten_bytes_max) in
            [("each-fetch", 0), ("by-1-mib", MIB), ("by-16-mib", 16 * MIB), ("by-64-mib", 64 * MIB)]
        {
            group.bench_function(format!("{name}/{store}"), |bencher| {
                bencher.iter_batched(
                    || {
                        let fetches = (0..RECORDS).step_by(FETCH);
                        let fetches = fetches.map(|first| numbered(first, FETCH, KEYS, &count));
                        (tempfile::tempdir().unwrap(), fetches.collect::<Vec<_>>())
                    },
                    |(directory, fetches)| {
                        let state = directory.path().to_string_lossy();
                        let settings =
                            settings(&[("state.dir", &state), ("default.dsl.store", store)]);
                        let end = Offset(RECORDS.try_into().unwrap());
                        let restore = BenchRestore::new(&topology(), &settings, end);
                        let mut restore = restore.unwrap();
                        for mut fetch in fetches {
                            restore.apply(&mut fetch, unwritten_bytes_max).unwrap();
                        }
                        assert!(restore.is_done());
                        directory
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}
