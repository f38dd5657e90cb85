//! How databases are tuned, and the memory all of them share.

use std::fmt;

use rocksdb::{
    BlockBasedOptions, Cache, DBCompactionStyle, FlushOptions, Options, WriteBufferManager,
    WriteOptions,
};

/// One block cache and one budget of memtables for all databases of the process.
///
/// The JVM library gives each store partition its own, which multiplies until the container is killed
/// (weakness 5 of its list); here the sum is what was configured.
#[derive(Clone)]
pub struct RocksDbMemory {
    block_cache: Cache,
    write_buffers: WriteBufferManager,
}

impl RocksDbMemory {
    /// Makes the shared budgets, in bytes.
    #[must_use]
    pub fn new(block_cache_bytes: usize, write_buffer_bytes: usize) -> Self {
        Self {
            block_cache: Cache::new_lru_cache(block_cache_bytes),
            write_buffers: WriteBufferManager::new_write_buffer_manager(write_buffer_bytes, false),
        }
    }
}

impl fmt::Debug for RocksDbMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RocksDbMemory")
    }
}

/// As in the JVM library (row ST13).
const MEMTABLE_BYTES: usize = 16 << 20;
const MEMTABLES: i32 = 3;
const BLOCK_BYTES: usize = 4 << 10;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
/// The part of a memtable that says which keys are not in it: most reads of a large store are of such.
const MEMTABLE_BLOOM_RATIO: f64 = 0.02;
/// Info logs are of no use to a service's operator; one file of them is kept for a bug report.
const INFO_LOGS: usize = 1;
const BACKGROUND_JOBS: i32 = 2;

/// Whether a database counts what it does: it costs a few per cent of what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// It does not.
    Off,
    /// It does, for [`Backend::figures`](crate::state::Backend::figures).
    On,
}

/// Options of a database.
pub(super) fn database(memory: &RocksDbMemory, statistics: Statistics) -> Options {
    let mut options = Options::default();
    if statistics == Statistics::On {
        options.enable_statistics();
    }
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_atomic_flush(true);
    options.set_write_buffer_manager(&memory.write_buffers);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_keep_log_file_num(INFO_LOGS);
    options.set_stats_dump_period_sec(0);
    options
}

/// Options of a store's rows.
pub(super) fn rows(memory: &RocksDbMemory) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&memory.block_cache);
    table.set_block_size(BLOCK_BYTES);
    table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    table.set_cache_index_and_filter_blocks(true);

    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_max_write_buffer_number(MEMTABLES);
    options.set_memtable_prefix_bloom_ratio(MEMTABLE_BLOOM_RATIO);
    options.set_memtable_whole_key_filtering(true);
    options.set_compaction_style(DBCompactionStyle::Universal);
    options.set_optimize_filters_for_hits(true);
    options
}

/// Writes go to the memtable only.
pub(super) fn write() -> WriteOptions {
    let mut options = WriteOptions::default();
    options.disable_wal(true);
    options
}

/// A flush returns when its files are written.
pub(super) fn flush() -> FlushOptions {
    let mut options = FlushOptions::default();
    options.set_wait(true);
    options
}
