//! House rule 6: a stateless chain allocates nothing per record.
//!
//! A binary of its own, since the counts are the whole process's. What the driver itself allocates for a
//! record is the same with and without the chain between source and sink, so the difference is the chain.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use kappa::prelude::*;
use kappa::testing::TopologyTestDriver;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const WARM_UP: i64 = 200;
const RECORDS: i64 = 1_000;

fn numbers(name: &str) -> Topic<i64, i64> {
    Topic::new(name, I64, I64)
}

/// Returns how many allocations it took to pipe records through a topology that is warm.
fn allocations(declare: impl FnOnce(&KStream<i64, i64>)) -> u64 {
    let builder = StreamsBuilder::new();
    declare(&builder.stream(&numbers("in")));
    let driver = TopologyTestDriver::new(&builder.build().unwrap()).unwrap();
    let (mut input, output) = (driver.input(&numbers("in")), driver.output(&numbers("out")));
    let mut pipe = |count: i64| {
        for number in 0..count {
            input.pipe(number, number);
            assert!(output.read().is_some());
            drop(driver.take_produced());
        }
    };
    pipe(WARM_UP);
    let before = dhat::HeapStats::get().total_blocks;
    pipe(RECORDS);
    dhat::HeapStats::get().total_blocks - before
}

#[test]
fn a_stateless_chain_allocates_nothing_per_record() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let out = || numbers("out");
    let bare = allocations(|stream| stream.to(&out()));
    let chain = allocations(|stream| {
        let chain = stream
            .filter(|_, value| *value >= 0)
            .filter_not(|_, value| *value < 0)
            .map_values(|value| value + 1)
            .map_values_with_key(|key, value| value + key)
            .map(|key, value| (key + 1, value))
            .peek(|_, _| {})
            .flat_map(|key, value| [(key, value)])
            .select_key(|key, _| key * 2)
            .filter(|key, _| key % 2 == 0)
            .flat_map_values(|value| [value])
            .map_values(|value| value * 3);
        let split = chain.split();
        let (even, odd) = (split.branch(|_, value| value % 2 == 0), split.default_branch());
        even.merge(&odd).to(&out());
    });
    assert_eq!(chain, bare, "allocations of {RECORDS} records with and without the chain");

    let chosen = allocations(|stream| {
        stream.to_dynamic(&Topics::any(I64, I64), |_, _, _| "out".into());
    });
    assert_eq!(chosen, bare, "allocations of {RECORDS} records that choose their topic");
    let placed = allocations(|stream| {
        let first = Produced::partitioned_by(|_, _, _| Placement::Partition(0));
        stream.to_with(&out(), first);
    });
    assert_eq!(placed, bare, "allocations of {RECORDS} records that choose their partition");
}
