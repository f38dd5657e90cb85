//! What a database has counted, by RocksDB's names.

use std::time::Duration;

use rocksdb::Options;
use rocksdb::statistics::{Histogram, Ticker};

use crate::metrics::{Metric, Value};

const COUNTS: &[(Metric, Ticker)] = &[
    (Metric::RocksDbBytesWritten, Ticker::BytesWritten),
    (Metric::RocksDbBytesRead, Ticker::BytesRead),
    (Metric::RocksDbMemtableBytesFlushed, Ticker::FlushWriteBytes),
    (Metric::RocksDbMemtableHits, Ticker::MemtableHit),
    (Metric::RocksDbMemtableMisses, Ticker::MemtableMiss),
    (Metric::RocksDbDataHits, Ticker::BlockCacheDataHit),
    (Metric::RocksDbDataMisses, Ticker::BlockCacheDataMiss),
    (Metric::RocksDbIndexHits, Ticker::BlockCacheIndexHit),
    (Metric::RocksDbIndexMisses, Ticker::BlockCacheIndexMiss),
    (Metric::RocksDbFilterHits, Ticker::BlockCacheFilterHit),
    (Metric::RocksDbFilterMisses, Ticker::BlockCacheFilterMiss),
    (Metric::RocksDbCompactionRead, Ticker::CompactReadBytes),
    (Metric::RocksDbCompactionWritten, Ticker::CompactWriteBytes),
    (Metric::RocksDbFileErrors, Ticker::NoFileErrors),
];

/// Visits what a database has counted that was opened with these options, statistics among them.
pub(super) fn figures(options: &Options, visit: &mut dyn FnMut(Metric, Value)) {
    for (metric, ticker) in COUNTS {
        visit(*metric, Value::Count(options.get_ticker_count(*ticker)));
    }
    let mut micros = |metric, micros| {
        visit(metric, Value::Sum(Duration::from_micros(micros).as_secs_f64()));
    };
    micros(Metric::RocksDbStallTime, options.get_ticker_count(Ticker::StallMicros));
    let spent = |histogram| options.get_histogram_data(histogram).sum();
    micros(Metric::RocksDbMemtableFlushTime, spent(Histogram::FlushTime));
    micros(Metric::RocksDbCompactionTime, spent(Histogram::CompactionTime));
}
