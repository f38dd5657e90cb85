//! What the framework's parts cost, without a broker: one bench per boundary.
//!
//! Measured is the processor time of the whole process, not the time that passes: other processes then
//! hardly count, and RocksDB's background threads do.
#![allow(clippy::unwrap_used, reason = "a bench that cannot run ends the program")]

mod avro;
mod cpu_time;
mod operators;
mod records;
mod restore;
mod schemas;
mod serdes;
mod stores;
mod tables;

use std::time::Duration;

use criterion::Criterion;

use crate::cpu_time::CpuTime;

fn main() {
    let mut criterion = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args();
    operators::benches(&mut criterion);
    operators::traces(&mut criterion);
    operators::ages(&mut criterion);
    tables::benches(&mut criterion);
    serdes::benches(&mut criterion);
    avro::benches(&mut criterion);
    schemas::benches(&mut criterion);
    stores::benches(&mut criterion);
    restore::benches(&mut criterion);
    criterion.final_summary();
}
