//! What a task has to tell, for metrics: copied between two turns, from fields that it keeps anyway.

use std::sync::Arc;

use super::Task;
use super::record_ages::RecordAges;
use crate::ids::{Offset, TopicPartition};
use crate::metrics::{DroppedRecords, Histogram, Metric, Value};
use crate::time::Timestamp;

/// A task's counts so far, and how it stands.
#[derive(Debug, Clone)]
pub(crate) struct TaskFigures {
    pub(crate) processed: u64,
    pub(crate) enforced: u64,
    pub(crate) dropped: DroppedRecords,
    pub(crate) stream_time: Timestamp,
    /// How old records were, and how late, as far as that is measured.
    pub(crate) ages: Option<Box<Histogram>>,
    pub(crate) lateness: Option<Box<Histogram>>,
    /// Final results forwarded, by store.
    pub(crate) finals: Vec<(Arc<str>, u64)>,
    pub(crate) inputs: Vec<InputFigures>,
    pub(crate) stores: Vec<StoreFigures>,
    /// Records and bytes written, by topic.
    pub(crate) produced: Vec<(Arc<str>, u64, u64)>,
}

/// One input partition of a task.
#[derive(Debug, Clone)]
pub(crate) struct InputFigures {
    pub(crate) partition: Arc<TopicPartition>,
    /// Records and bytes taken.
    pub(crate) consumed: (u64, u64),
    /// Records, and bytes of memory, that wait to be processed.
    pub(crate) buffered: (usize, usize),
    /// The offset of the next record, if it is known.
    pub(crate) position: Option<Offset>,
    /// Whether everything there is was processed, as far as is known.
    pub(crate) is_done: bool,
    /// The timestamp of the next record, if it is there.
    pub(crate) next_time: Option<Timestamp>,
}

/// One store of a task.
#[derive(Debug, Clone)]
pub(crate) struct StoreFigures {
    pub(crate) name: Arc<str>,
    pub(crate) uncommitted_bytes: usize,
    /// Reads that found their row in the cache, and others.
    pub(crate) reads: (u64, u64),
}

impl Task {
    /// Visits what the task's database tells of its stores, or of all together.
    pub(crate) fn disk_figures(&self, visit: impl FnMut(Option<&Arc<str>>, Metric, Value)) {
        self.ctx.stores.disk_figures(visit);
    }

    /// Returns what is to be told now.
    ///
    /// A record that failed is not among the processed ones, nor are those before it in its turn: the
    /// thread ends with it.
    pub(crate) fn figures(&self) -> TaskFigures {
        let stores = self.ctx.stores.iter().map(|store| StoreFigures {
            name: store.name().clone(),
            uncommitted_bytes: store.uncommitted_bytes(),
            reads: store.cache_reads(),
        });
        let ages = self.ages.as_ref();
        TaskFigures {
            processed: self.processed,
            enforced: self.group.enforced(),
            dropped: self.ctx.dropped_records(),
            stream_time: self.ctx.stream_time(),
            ages: ages.map(|ages| Box::new(*ages.ages())),
            lateness: ages.and_then(RecordAges::lateness).map(|late| Box::new(*late)),
            finals: self
                .ctx
                .finals()
                .iter()
                .map(|(store, count)| (store.clone(), *count))
                .collect(),
            inputs: self.group.queues().iter().map(super::RecordQueue::figures).collect(),
            stores: stores.collect(),
            produced: self.ctx.outbox.produced().collect(),
        }
    }
}
