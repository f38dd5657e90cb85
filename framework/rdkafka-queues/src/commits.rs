//! Answers to commits, in a queue of their own.

use std::ffi::c_void;
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use rdkafka_sys::rd_kafka_resp_err_t;

/// Commits offsets of a consumer without waiting, and tells later what became of them.
///
/// The safe client can wait for a commit without an end only: while a group is rebalanced, its
/// coordinator answers nothing to a member that has asked to join, for as long as the slowest member
/// takes. And it is not told of the answer to a commit that it did not wait for.
pub struct OffsetCommits<C: ConsumerContext + 'static> {
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// The number of the last commit; answers carry it.
    last: usize,
    /// Outlives the queue.
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: librdkafka's queues may be used from any thread.
unsafe impl<C: ConsumerContext + 'static> Send for OffsetCommits<C> {}

impl<C: ConsumerContext + 'static> OffsetCommits<C> {
    /// Makes a queue for a consumer's commits; nothing where there is no memory for it.
    #[must_use]
    pub fn new(consumer: &Arc<BaseConsumer<C>>) -> Option<Self> {
        // SAFETY: the client is live.
        let queue = unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) };
        Some(Self { queue: NonNull::new(queue)?, last: 0, consumer: consumer.clone() })
    }

    /// Commits offsets and waits for the answer, but no longer than this: then there is none, and the
    /// offsets may be committed all the same. The answer to an earlier commit is not taken for one.
    ///
    /// # Errors
    ///
    /// Where the client or the coordinator refuses.
    pub fn commit(
        &mut self,
        offsets: &TopicPartitionList,
        patience: Duration,
    ) -> Result<Option<()>, RDKafkaErrorCode> {
        self.last = self.last.wrapping_add(1);
        let number = ptr::without_provenance_mut::<c_void>(self.last);
        let client = self.consumer.client().native_ptr();
        // SAFETY: client, list and queue are live, the list is copied, and the number is only handed
        // back.
        let sent = unsafe {
            sys::rd_kafka_commit_queue(client, offsets.ptr(), self.queue.as_ptr(), None, number)
        };
        if sent != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(sent.into());
        }
        // Answers come in the order of the commits, so that at most those who were given up before
        // are passed over, each at once.
        let millis = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        while let Some((number, result)) = self.next(millis) {
            if number == self.last {
                return result.map(Some);
            }
        }
        Ok(None)
    }

    /// Waits for an answer: the number of its commit, and how it ended.
    fn next(&self, millis: i32) -> Option<(usize, Result<(), RDKafkaErrorCode>)> {
        // SAFETY: the queue is live.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue.as_ptr(), millis) };
        let event = Event(NonNull::new(event)?);
        // SAFETY: the event is live.
        let error = unsafe { sys::rd_kafka_event_error(event.0.as_ptr()) };
        // SAFETY: the event is live.
        let number = unsafe { sys::rd_kafka_event_opaque(event.0.as_ptr()) };
        let result = match error {
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            error => Err(error.into()),
        };
        Some((number.addr(), result))
    }
}

/// An event, given back at its end.
struct Event(NonNull<sys::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event is ours and destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) };
    }
}

impl<C: ConsumerContext + 'static> Drop for OffsetCommits<C> {
    fn drop(&mut self) {
        // SAFETY: this is the one reference that `new` made; answers that are still to come find the
        // queue disabled.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

impl<C: ConsumerContext + 'static> fmt::Debug for OffsetCommits<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OffsetCommits").field("last", &self.last).finish_non_exhaustive()
    }
}
