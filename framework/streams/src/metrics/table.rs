//! Every metric, declared once: name, kind, unit, level, attributes, what it is, and whose place it takes.
//!
//! Names follow those of the JVM library by the rule of its own telemetry (KIP-714): the group without
//! `-metrics`, then the name, `-` become `.`. A rate and a total are one counter; an average and a maximum
//! are one histogram. Beside them stand those of OpenTelemetry's conventions for messaging.

use std::fmt;

use super::{Kind, Level, Unit};

/// What the names begin with that stand for those of the JVM library.
pub const PREFIX: &str = "kafka.stream.";

struct Row {
    name: &'static str,
    kind: Kind,
    unit: Unit,
    level: Level,
    attributes: &'static [&'static str],
    doc: &'static str,
    java: &'static str,
}

macro_rules! table {
    ($($prefix:literal {
        $($metric:ident $name:literal, $kind:ident, $unit:ident, $level:ident, $attributes:expr,
          $doc:literal, $java:literal;)*
    })*) => {
        /// A metric; see the module.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Metric {
            $($(#[doc = $doc] $metric,)*)*
        }

        impl Metric {
            /// All metrics, in the order of the table.
            pub const ALL: &[Self] = &[$($(Self::$metric,)*)*];

            const fn row(self) -> Row {
                match self {
                    $($(Self::$metric => Row {
                        name: concat!($prefix, $name),
                        kind: Kind::$kind,
                        unit: Unit::$unit,
                        level: Level::$level,
                        attributes: $attributes,
                        doc: $doc,
                        java: $java,
                    },)*)*
                }
            }
        }
    };
}

const NONE: &[&str] = &[];
const THREAD: &[&str] = &["thread-id"];
const TASK: &[&str] = &["thread-id", "task-id"];
const STORE: &[&str] = &["thread-id", "task-id", "state-id"];
const PARTITION: &[&str] = &["thread-id", "task-id", "topic", "partition"];
const REPLAY: &[&str] = &["application-id", "replay-version"];
const WRITTEN: &[&str] = &["thread-id", "task-id", "topic"];

table! {
    "kafka.stream." {
        ClientState "client.state", Gauge, State, Info, &["state"],
            "1 for the state that the client is in, 0 for the others", "client-state, state";
        ClientInfo "client.info", Gauge, State, Info, &["application-id", "version"],
            "always 1; says which application this is, and the version of the library",
            "application-id, version";
        ClientTopology "client.topology.description", Gauge, State, Trace, &["topology-description"],
            "always 1; the topology as text", "topology-description";
        ClientStartTime "client.start.time", Gauge, Seconds, Info, NONE,
            "when the client was made, in seconds since 1970", "";
        ClientThreadsAlive "client.alive.stream.threads", Gauge, Threads, Info, NONE,
            "stream threads that have not ended", "alive-stream-threads";
        ClientThreadsFailed "client.failed.stream.threads", Counter, Threads, Info, NONE,
            "threads that ended with an error", "failed-stream-threads";

        ThreadState "thread.state", Gauge, State, Info, &["thread-id", "state"],
            "1 for the state that the thread is in, 0 for the others", "thread-state, state";
        ThreadStartTime "thread.start.time", Gauge, Seconds, Info, THREAD,
            "when the thread began, in seconds since 1970", "thread-start-time";
        ThreadPollDuration "thread.poll.duration", Histogram, Seconds, Info, THREAD,
            "taking what was fetched, once a round; without the waiting",
            "poll-latency-avg, poll-latency-max, poll-rate, poll-total";
        ThreadProcessDuration "thread.process.duration", Histogram, Seconds, Info, THREAD,
            "giving each task a turn and handing on what it sends, once a round in which records were \
             processed",
            "process-latency-avg, process-latency-max, process-rate, process-total";
        ThreadCommitDuration "thread.commit.duration", Histogram, Seconds, Info, THREAD,
            "a commit of something: flushing caches, awaiting acknowledgements and the group, writing \
             state",
            "commit-latency-avg, commit-latency-max, commit-rate, commit-total";
        ThreadPollRatio "thread.poll.ratio", Gauge, Ratio, Info, THREAD,
            "the part of the last ten seconds spent taking what was fetched", "poll-ratio";
        ThreadProcessRatio "thread.process.ratio", Gauge, Ratio, Info, THREAD,
            "the part of the last ten seconds spent processing: near 1, the thread is at its limit",
            "process-ratio";
        ThreadCommitRatio "thread.commit.ratio", Gauge, Ratio, Info, THREAD,
            "the part of the last ten seconds spent committing", "commit-ratio";
        ThreadPollRecords "thread.poll.records", Counter, Records, Info, THREAD,
            "records taken from the consumer", "poll-records-avg, poll-records-max";
        ThreadProcessRecords "thread.process.records", Counter, Records, Info, THREAD,
            "records processed", "process-records-avg, process-records-max";
        ThreadBlockedTime "thread.blocked.time", Counter, Seconds, Info, THREAD,
            "time spent waiting for something to come", "blocked-time-ns-total, in part";
        ThreadCommitAge "thread.commit.age", Gauge, Seconds, Info, THREAD,
            "time since the last commit that was taken, or had nothing to take, of a thread with tasks; or \
             since the thread began", "";
        ThreadCommitPostponed "thread.commit.postponed", Counter, Times, Info, THREAD,
            "commits that the group did not take, to be tried again", "";
        ThreadRebalanceDuration "thread.rebalance.duration", Histogram, Seconds, Info,
            &["thread-id", "event"],
            "answering the group; events are `assigned`, `revoked` and `lost`, and `joined`: from where the \
             thread began, or tasks were taken from it, to where the group has given it some",
            "tasks-assigned-latency-*, tasks-revoked-latency-*, tasks-lost-latency-*";
        ThreadTasksRunning "thread.running.tasks", Gauge, Tasks, Info, THREAD,
            "tasks that process", "";
        ThreadTasksRestoring "thread.restoring.tasks", Gauge, Tasks, Info, THREAD,
            "tasks that wait for their state", "active-restoring-tasks";
        ThreadTaskCreated "thread.task.created", Counter, Tasks, Info, THREAD,
            "tasks that came to run on the thread", "task-created-rate, task-created-total";
        ThreadTaskClosed "thread.task.closed", Counter, Tasks, Info, THREAD,
            "tasks that the thread has given up", "task-closed-rate, task-closed-total";
        ThreadCacheBytes "thread.cache.size", Gauge, Bytes, Info, THREAD,
            "memory held by the write-back caches of the thread's stores", "cache-size-bytes-total";

        TaskProcessRecords "task.process.records", Counter, Records, Info, TASK,
            "records processed", "process-rate, process-total";
        TaskProcessDuration "task.process.duration", Histogram, Seconds, Info, TASK,
            "a turn of the task in which it processed records, a thousand at most",
            "process-latency-avg, process-latency-max";
        TaskActiveProcessRatio "task.active.process.ratio", Gauge, Ratio, Info, TASK,
            "the task's part of what its thread spent on processing, in the last ten seconds",
            "active-process-ratio";
        TaskWaitingTime "task.waiting.time", Gauge, Seconds, Info, TASK,
            "how long the next record has waited for something that was asked for, such as its schema; 0 \
             where it does not wait",
            "";
        TaskDroppedRecords "task.dropped.records", Counter, Records, Info,
            &["thread-id", "task-id", "reason"],
            "records dropped, or a part of their effect; reasons are `null` (a null key or value where \
             one is needed), `late` (for its window), `undecodable`, `unplaced` (for no partition)",
            "dropped-records-rate, dropped-records-total";
        TaskEnforcedProcessing "task.enforced.processing", Counter, Records, Info, TASK,
            "records processed although another input had none, after waiting `max.task.idle.ms`",
            "enforced-processing-rate, enforced-processing-total";
        TaskBufferedRecords "task.buffered.records", Gauge, Records, Info, TASK,
            "records fetched and not processed", "active-buffer-count";
        TaskBufferedBytes "task.buffered.size", Gauge, Bytes, Info, TASK,
            "memory held by them", "";
        TaskStreamTime "task.stream.time", Gauge, Seconds, Info, TASK,
            "the largest event time processed, in seconds since 1970", "";
        TaskRecordAge "task.record.e2e.latency", Histogram, Seconds, Info, TASK,
            "the age of each record by its timestamp, as its turn began",
            "record-e2e-latency-avg, -min, -max of source nodes";
        TaskRecordLateness "task.record.lateness", Histogram, Seconds, Debug, TASK,
            "how far each record's timestamp is behind the largest one processed before",
            "record-lateness-avg, record-lateness-max";
        WindowFinalEmits "window.aggregate.final.emit", Counter, Records, Info, STORE,
            "final results of windows that were forwarded",
            "window-aggregate-final-emit-rate, window-aggregate-final-emit-total";
        TaskRestoreRecords "task.restore.records", Counter, Records, Info, TASK,
            "changelog records taken in", "restore-rate, restore-total";
        TaskRestoreRemaining "task.restore.remaining.records", Gauge, Records, Info, TASK,
            "offsets between what is restored and the ends of the changelogs",
            "restore-remaining-records-total";
        TaskRestoreEta "task.restore.eta", Gauge, Seconds, Info, TASK,
            "time until the state is restored, at the pace so far; -1 before there is one", "";

        TopicRecordsConsumed "topic.records.consumed", Counter, Records, Info, PARTITION,
            "records taken", "records-consumed-total";
        TopicBytesConsumed "topic.bytes.consumed", Counter, Bytes, Info, PARTITION,
            "bytes of keys and values taken", "bytes-consumed-total";
        TopicLagRecords "topic.lag.records", Gauge, Records, Info, PARTITION,
            "offsets between what is processed and the partition's end as last told by the broker",
            "the consumer's records-lag";
        TopicLagTime "topic.lag.time", Gauge, Seconds, Info, PARTITION,
            "the age of the next record to be processed, by its timestamp; 0 where there is none", "";
        TopicRecordsProduced "topic.records.produced", Counter, Records, Info, WRITTEN,
            "records written, to changelogs too; topics that records choose are told together, as \
             `(chosen)`",
            "records-produced-total";
        TopicBytesProduced "topic.bytes.produced", Counter, Bytes, Info, WRITTEN,
            "bytes of their keys and values", "bytes-produced-total";

        StoreUncommittedBytes "store.uncommitted.size", Gauge, Bytes, Info, STORE,
            "memory of rows that were flushed and wait for the commit", "uncommitted-bytes";
        CacheHits "cache.hits", Counter, Rows, Info, STORE,
            "reads that found the row in the write-back cache", "hit-ratio-*";
        CacheMisses "cache.misses", Counter, Rows, Info, STORE,
            "reads that went below the cache", "hit-ratio-*";
        StoreReadDuration "store.get.duration", Histogram, Seconds, Debug, STORE,
            "reading one row from disk or its memtable; what the cache has is not among them",
            "get-latency-*, get-rate, fetch-latency-*, fetch-rate";
        StoreScanDuration "store.range.duration", Histogram, Seconds, Debug, STORE,
            "going through rows on disk, with what is done with each",
            "range-latency-*, range-rate, all-*, prefix-scan-*";
        StoreCommitDuration "store.commit.duration", Histogram, Seconds, Debug, TASK,
            "writing a commit's rows, of all stores of the task that are on disk as one",
            "put-latency-*, put-all-*, delete-*, commit-*";
        StoreFlushDuration "store.flush.duration", Histogram, Seconds, Debug, TASK,
            "writing memtables to disk, of all stores of the task", "flush-latency-*, flush-rate";

        RocksDbKeys "rocksdb.estimate.num.keys", Gauge, Rows, Info, STORE,
            "rows, estimated", "estimate-num-keys, num-keys";
        RocksDbMemtables "rocksdb.size.all.mem.tables", Gauge, Bytes, Info, STORE,
            "memtables, those being flushed and pinned ones too", "size-all-mem-tables";
        RocksDbActiveMemtable "rocksdb.cur.size.active.mem.table", Gauge, Bytes, Info, STORE,
            "the memtable that is written to", "cur-size-active-mem-table";
        RocksDbImmutableMemtables "rocksdb.num.immutable.mem.table", Gauge, Times, Info, STORE,
            "memtables that wait to be flushed", "num-immutable-mem-table";
        RocksDbFlushPending "rocksdb.mem.table.flush.pending", Gauge, State, Info, STORE,
            "1 if a memtable waits for a thread that flushes it", "mem-table-flush-pending";
        RocksDbRunningFlushes "rocksdb.num.running.flushes", Gauge, Times, Info, STORE,
            "flushes under way, of the task's database", "num-running-flushes";
        RocksDbCompactionPending "rocksdb.compaction.pending", Gauge, State, Info, STORE,
            "1 if files wait to be merged", "compaction-pending";
        RocksDbRunningCompactions "rocksdb.num.running.compactions", Gauge, Times, Info, STORE,
            "merges under way, of the task's database", "num-running-compactions";
        RocksDbPendingCompactionBytes "rocksdb.estimate.pending.compaction.bytes", Gauge, Bytes, Info,
            STORE, "bytes that wait to be merged, estimated", "estimate-pending-compaction-bytes";
        RocksDbWriteStopped "rocksdb.write.stopped", Gauge, State, Info, STORE,
            "1 if writes are stopped until files are merged", "";
        RocksDbDelayedWriteRate "rocksdb.actual.delayed.write.rate", Gauge, BytesPerSecond, Info, STORE,
            "what writes are slowed down to; 0 if they are not", "";
        RocksDbLiveSst "rocksdb.live.sst.files.size", Gauge, Bytes, Info, STORE,
            "files with rows that are valid", "live-sst-files-size";
        RocksDbTotalSst "rocksdb.total.sst.files.size", Gauge, Bytes, Info, STORE,
            "all files with rows", "total-sst-files-size";
        RocksDbTableReaders "rocksdb.estimate.table.readers.mem", Gauge, Bytes, Info, STORE,
            "memory for reading files beside the block cache, estimated", "estimate-table-readers-mem";
        RocksDbBackgroundErrors "rocksdb.background.errors", Gauge, Times, Info, STORE,
            "errors of flushes and merges, of the task's database", "background-errors";
        RocksDbBlockCache "rocksdb.block.cache.usage", Gauge, Bytes, Info, STORE,
            "the block cache that all stores of the process share: the same for each",
            "block-cache-usage";
        RocksDbBlockCachePinned "rocksdb.block.cache.pinned.usage", Gauge, Bytes, Info, STORE,
            "what cannot be evicted from it now", "block-cache-pinned-usage";
        RocksDbBlockCacheCapacity "rocksdb.block.cache.capacity", Gauge, Bytes, Info, STORE,
            "how much it may hold (`rocksdb.block.cache.bytes`)", "block-cache-capacity";
        RocksDbBytesWritten "rocksdb.bytes.written", Counter, Bytes, Debug, TASK,
            "bytes of rows written to memtables", "bytes-written-rate, bytes-written-total";
        RocksDbBytesRead "rocksdb.bytes.read", Counter, Bytes, Debug, TASK,
            "bytes of rows read one by one", "bytes-read-rate, bytes-read-total";
        RocksDbMemtableBytesFlushed "rocksdb.memtable.bytes.flushed", Counter, Bytes, Debug, TASK,
            "bytes written by flushes of memtables",
            "memtable-bytes-flushed-rate, memtable-bytes-flushed-total";
        RocksDbMemtableFlushTime "rocksdb.memtable.flush.time", Counter, Seconds, Debug, TASK,
            "time spent flushing memtables", "memtable-flush-time-avg, -min, -max";
        RocksDbMemtableHits "rocksdb.memtable.hits", Counter, Times, Debug, TASK,
            "reads that a memtable answered", "memtable-hit-ratio";
        RocksDbMemtableMisses "rocksdb.memtable.misses", Counter, Times, Debug, TASK,
            "reads that went to files", "memtable-hit-ratio";
        RocksDbDataHits "rocksdb.block.cache.data.hits", Counter, Times, Debug, TASK,
            "blocks of rows that the block cache had", "block-cache-data-hit-ratio";
        RocksDbDataMisses "rocksdb.block.cache.data.misses", Counter, Times, Debug, TASK,
            "blocks of rows that were read from disk", "block-cache-data-hit-ratio";
        RocksDbIndexHits "rocksdb.block.cache.index.hits", Counter, Times, Debug, TASK,
            "blocks of indexes that the block cache had", "block-cache-index-hit-ratio";
        RocksDbIndexMisses "rocksdb.block.cache.index.misses", Counter, Times, Debug, TASK,
            "blocks of indexes that were read from disk", "block-cache-index-hit-ratio";
        RocksDbFilterHits "rocksdb.block.cache.filter.hits", Counter, Times, Debug, TASK,
            "blocks of filters that the block cache had", "block-cache-filter-hit-ratio";
        RocksDbFilterMisses "rocksdb.block.cache.filter.misses", Counter, Times, Debug, TASK,
            "blocks of filters that were read from disk", "block-cache-filter-hit-ratio";
        RocksDbStallTime "rocksdb.write.stall.duration", Counter, Seconds, Debug, TASK,
            "time that writes waited for flushes and merges", "write-stall-duration-*";
        RocksDbCompactionRead "rocksdb.bytes.read.compaction", Counter, Bytes, Debug, TASK,
            "bytes read by merges of files", "bytes-read-compaction-rate";
        RocksDbCompactionWritten "rocksdb.bytes.written.compaction", Counter, Bytes, Debug, TASK,
            "bytes written by merges of files", "bytes-written-compaction-rate";
        RocksDbCompactionTime "rocksdb.compaction.time", Counter, Seconds, Debug, TASK,
            "time spent merging files", "compaction-time-avg, -min, -max";
        RocksDbFileErrors "rocksdb.number.file.errors", Counter, Times, Debug, TASK,
            "errors of files", "number-file-errors-total";

        GlobalRecordsConsumed "global.records.consumed", Counter, Records, Info, &["topic"],
            "records taken into global tables", "records-consumed-total of the global thread";

        ReplayRecords "replay.records", Counter, Records, Info, REPLAY,
            "records that a rerun has processed, of all stages", "";
        ReplayRemaining "replay.remaining.records", Gauge, Records, Info, REPLAY,
            "records it has to process yet, as far as is known: repartition topics count once they are \
             sealed", "";
        ReplayEta "replay.eta", Gauge, Seconds, Info, REPLAY,
            "time until it is done, at the pace so far; -1 before there is one", "";
        ReplayStage "replay.stage", Gauge, Times, Info, REPLAY, "the stage at work, from one", "";
        ReplayStages "replay.stages", Gauge, Times, Info, REPLAY, "the number of stages", "";
    }
    "messaging." {
        MessagingConsumed "client.consumed.messages", Counter, Messages, Info,
            &["thread-id", "task-id", "messaging.system", "messaging.operation.name",
              "messaging.destination.name", "messaging.destination.partition.id",
              "messaging.consumer.group.name"],
            "records taken, by OpenTelemetry's conventions for messaging", "";
        MessagingSent "client.sent.messages", Counter, Messages, Info,
            &["thread-id", "task-id", "messaging.system", "messaging.operation.name",
              "messaging.destination.name"],
            "records written, by OpenTelemetry's conventions for messaging", "";
        MessagingOperationDuration "client.operation.duration", Histogram, Seconds, Info,
            &["thread-id", "messaging.system", "messaging.operation.name",
              "messaging.consumer.group.name"],
            "taking what was fetched (`poll`) and committing (`commit`), by OpenTelemetry's \
             conventions for messaging", "";
        MessagingProcessDuration "process.duration", Histogram, Seconds, Info,
            &["thread-id", "messaging.system", "messaging.operation.name",
              "messaging.consumer.group.name"],
            "processing a round of records, by OpenTelemetry's conventions for messaging", "";
    }
}

impl Metric {
    /// Returns the full name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns its name by Prometheus' rules, as an OpenTelemetry collector would write it too.
    #[must_use]
    pub fn prometheus_name(self) -> String {
        let mut name = self.name().replace('.', "_");
        let unit = match self.unit() {
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::BytesPerSecond => "bytes_per_second",
            Unit::Ratio => "ratio",
            Unit::State
            | Unit::Records
            | Unit::Messages
            | Unit::Rows
            | Unit::Tasks
            | Unit::Threads
            | Unit::Times => "",
        };
        if !unit.is_empty() && !name.split('_').any(|word| word == unit) {
            name = format!("{name}_{unit}");
        }
        if self.kind() == Kind::Counter {
            name.push_str("_total");
        }
        name
    }

    /// Returns the kind of its values.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.row().kind
    }

    /// Returns what its numbers count.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.row().unit
    }

    /// Returns from which level on it is recorded.
    #[must_use]
    pub fn level(self) -> Level {
        self.row().level
    }

    /// Returns the names of its attributes.
    #[must_use]
    pub fn attributes(self) -> &'static [&'static str] {
        self.row().attributes
    }

    /// Returns what it is.
    #[must_use]
    pub fn doc(self) -> &'static str {
        self.row().doc
    }

    /// Returns the names it stands for in the JVM library; none where it has nothing of the kind.
    #[must_use]
    pub fn java(self) -> &'static str {
        self.row().java
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_of_the_one_form() {
        let names: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.';
        for metric in Metric::ALL {
            let name = metric.name();
            assert!(name.starts_with(PREFIX) || name.starts_with("messaging."), "{name}");
            assert!(name.chars().all(legal), "{name}");
            assert!(!metric.doc().is_empty() && !metric.doc().ends_with('.'), "{name}");
            let is_duration = metric.kind() == Kind::Histogram;
            assert!(!is_duration || metric.unit() == Unit::Seconds, "{name}");
        }
    }
}
