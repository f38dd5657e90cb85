//! Committed rows: reads, writes one by one and in sorted batches, and ranges.

use std::ops::ControlFlow;

use criterion::measurement::Measurement;
use criterion::{BatchSize, BenchmarkGroup, Criterion};
use kappa::state::rocksdb::{RocksDbBackend, RocksDbMemory, Statistics};
use kappa::state::{Backend, Family, FamilyChanges, MemoryBackend, Uncommitted};

use crate::cpu_time::{CpuTime, records};
use crate::records::{key, scattered};

/// How many rows there are.
const ROWS: usize = 200_000;
/// How many are read or written in one iteration.
const SOME: usize = 1_000;
const FAMILY: Family = Family(0);
/// A count with its timestamp.
const ROW: [u8; 16] = [7; 16];
/// The library's defaults.
const BLOCK_CACHE_BYTES: usize = 64 << 20;
const WRITE_BUFFER_BYTES: usize = 128 << 20;

pub(crate) fn benches(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("store/in_memory");
    run(&mut group, &mut MemoryBackend::default());
    group.finish();
    let directory = tempfile::tempdir().unwrap();
    let memory = RocksDbMemory::new(BLOCK_CACHE_BYTES, WRITE_BUFFER_BYTES);
    let stores = vec![Some("rows".into())];
    let mut backend =
        RocksDbBackend::open(directory.path(), stores, &memory, Statistics::Off).unwrap();
    let mut group = criterion.benchmark_group("store/rocksdb");
    run(&mut group, &mut backend);
    group.finish();
}

fn run<M: Measurement>(group: &mut BenchmarkGroup<'_, M>, backend: &mut dyn Backend) {
    commit(backend, &rows(0..ROWS));
    backend.flush().unwrap();
    group.throughput(records(SOME));
    let mut next = 0;
    group.bench_function("get", |bencher| {
        bencher.iter_batched(
            || keys(&mut next),
            |keys| {
                keys.iter()
                    .filter(|key| backend.read(FAMILY, key, &mut |_| Ok(())).unwrap())
                    .count()
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("put", |bencher| {
        bencher.iter_batched(
            || keys(&mut next).iter().map(|key| one(key)).collect::<Vec<_>>(),
            |rows| rows.iter().for_each(|row| commit(backend, row)),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("sorted-batch", |bencher| {
        bencher.iter_batched(
            || keys(&mut next).iter().fold(Uncommitted::default(), |rows, key| with(rows, key)),
            |rows| commit(backend, &rows),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("range", |bencher| {
        bencher.iter_batched(
            || keys(&mut next).pop().unwrap(),
            |from| {
                let mut left = SOME;
                let visited = backend.scan(FAMILY, &from, &mut |_, _| {
                    left -= 1;
                    Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
                });
                visited.unwrap();
            },
            BatchSize::PerIteration,
        );
    });
}

/// Returns the next keys of rows, scattered.
fn keys(next: &mut usize) -> Vec<Vec<u8>> {
    *next += SOME;
    let numbers = *next - SOME..*next;
    numbers.map(|number| key(scattered(number) % ROWS).into_bytes()).collect()
}

fn rows(numbers: std::ops::Range<usize>) -> Uncommitted {
    numbers.fold(Uncommitted::default(), |rows, number| with(rows, key(number).as_bytes()))
}

fn one(key: &[u8]) -> Uncommitted {
    with(Uncommitted::default(), key)
}

fn with(mut rows: Uncommitted, key: &[u8]) -> Uncommitted {
    rows.put(key, Some(ROW.into()));
    rows
}

fn commit(backend: &mut dyn Backend, rows: &Uncommitted) {
    let changes = FamilyChanges { family: FAMILY, rows, expired_before: None, offset: None };
    backend.commit(&[changes]).unwrap();
}
