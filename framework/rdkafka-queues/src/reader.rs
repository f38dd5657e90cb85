//! One partition's queue.

use std::ffi::{CString, c_void};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka_sys as sys;
use rdkafka_sys::rd_kafka_resp_err_t::{
    RD_KAFKA_RESP_ERR__PARTITION_EOF, RD_KAFKA_RESP_ERR_NO_ERROR,
};

use crate::Message;

/// What stands in a partition's queue.
#[derive(Debug)]
pub enum Fetched<'a> {
    /// A record.
    Record(Message<'a>),
    /// Reading reached the partition's end: the next record will have this offset, or a larger one.
    ///
    /// Comes only with `enable.partition.eof`.
    EndOfPartition(i64),
    /// The partition cannot be read.
    Error(RDKafkaErrorCode),
}

/// Reads one partition of a consumer in batches, from a queue of its own.
///
/// Made *before* the partition is assigned, so that no message takes the consumer's common queue.
/// The consumer itself must still be polled for its events.
pub struct PartitionReader<C: ConsumerContext + 'static> {
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// What librdkafka calls when the queue stops being empty; it holds a pointer to the inner box.
    wake: Option<Box<Wake>>,
    batch: Vec<*mut sys::rd_kafka_message_t>,
    topic: CString,
    partition: i32,
    /// Outlives the queue.
    consumer: Arc<BaseConsumer<C>>,
}

type Wake = Box<dyn Fn() + Send + Sync>;

/// The largest number of messages taken in one call.
const BATCH_MAX: usize = 500;

// SAFETY: librdkafka's queues may be used from any thread; the batch is empty between two reads, and
// the callback is Send.
unsafe impl<C: ConsumerContext + 'static> Send for PartitionReader<C> {}

impl<C: ConsumerContext + 'static> PartitionReader<C> {
    /// Takes a partition's queue out of the consumer's common one.
    ///
    /// Returns nothing if the topic's name contains a zero byte or the client is not a consumer.
    #[must_use]
    pub fn split(consumer: &Arc<BaseConsumer<C>>, topic: &str, partition: i32) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        let client = consumer.client().native_ptr();
        // SAFETY: the client is live, the name is a C string.
        let queue = unsafe { sys::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition) };
        let queue = NonNull::new(queue)?;
        // SAFETY: the queue is live; without a destination it keeps its messages to itself. The flag
        // this leaves makes a later assignment respect it.
        unsafe { sys::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut()) };
        let batch = Vec::with_capacity(BATCH_MAX);
        Some(Self { queue, wake: None, batch, topic, partition, consumer: consumer.clone() })
    }

    /// Calls a function, on one of librdkafka's threads, whenever the queue stops being empty.
    pub fn on_nonempty(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        let wake: Box<Wake> = Box::new(Box::new(wake));
        let opaque: *const Wake = &raw const *wake;
        // SAFETY: the queue is live; the box that `opaque` points at is kept until the callback is
        // disabled or replaced.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(
                self.queue.as_ptr(),
                Some(call_wake),
                opaque.cast_mut().cast(),
            );
        }
        self.wake = Some(wake);
    }

    /// Returns the partition's end as the broker told it with the last answer to a fetch, if there was
    /// one. Nobody is asked.
    #[must_use]
    pub fn last_known_end(&self) -> Option<i64> {
        let client = self.consumer.client().native_ptr();
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client is live, the name is a C string, and both numbers are written to at most.
        let answer = unsafe {
            sys::rd_kafka_get_watermark_offsets(
                client,
                self.topic.as_ptr(),
                self.partition,
                &raw mut low,
                &raw mut high,
            )
        };
        Some(high).filter(|high| answer == RD_KAFKA_RESP_ERR_NO_ERROR && *high >= 0)
    }

    /// Visits what was fetched, up to `limit` messages, without waiting; returns how many there were.
    pub fn read(&mut self, limit: usize, mut visit: impl FnMut(Fetched<'_>)) -> usize {
        let limit = limit.min(BATCH_MAX);
        // SAFETY: the queue is live, and the vector has room for `limit` pointers.
        let count = unsafe {
            sys::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                0,
                self.batch.as_mut_ptr(),
                limit,
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: librdkafka wrote `count` pointers, no more than there is room for.
        unsafe { self.batch.set_len(count) };
        // Gives every message back, also if `visit` panics.
        let owned = Batch(&mut self.batch);
        for &message in owned.0.iter() {
            // SAFETY: the pointer is a live message of this batch.
            let message = unsafe { &*message };
            visit(match message.err {
                RD_KAFKA_RESP_ERR_NO_ERROR => Fetched::Record(Message::new(message)),
                RD_KAFKA_RESP_ERR__PARTITION_EOF => Fetched::EndOfPartition(message.offset),
                error => Fetched::Error(error.into()),
            });
        }
        count
    }
}

/// The messages of one read.
struct Batch<'a>(&'a mut Vec<*mut sys::rd_kafka_message_t>);

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.0.drain(..) {
            // SAFETY: each message is ours and destroyed once.
            unsafe { sys::rd_kafka_message_destroy(message) };
        }
    }
}

impl<C: ConsumerContext + 'static> Drop for PartitionReader<C> {
    fn drop(&mut self) {
        // SAFETY: the queue is live; after this call the callback's box is not used any more.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
        }
        // SAFETY: this is the one reference that `split` took.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

impl<C: ConsumerContext + 'static> fmt::Debug for PartitionReader<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionReader").finish_non_exhaustive()
    }
}

/// Calls the function that `on_nonempty` was given.
unsafe extern "C" fn call_wake(_client: *mut sys::rd_kafka_t, opaque: *mut c_void) {
    // SAFETY: `on_nonempty` passed a pointer to a `Wake` that lives while the callback is enabled.
    let wake = unsafe { &*opaque.cast::<Wake>() };
    // A panic must not cross into C; there is nobody to tell it to.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wake));
}
