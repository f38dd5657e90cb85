//! How much memory a process takes at most, worked out of its settings.
//!
//! Every buffer has a setting, so the sum is known before the process runs. What a platform is asked for
//! is the sum and a quarter: for the allocator, for what is alive between two buffers, and for memtables
//! that are written out while others fill.

use serde::Serialize;

use super::Settings;

/// What a process takes at most, part by part.
///
/// # Examples
///
/// ```
/// use kappa::config::StreamsConfig;
///
/// # fn main() -> kappa::Result<()> {
/// let settings = StreamsConfig::new("orders-app").resolve()?;
/// let memory = settings.memory();
/// assert!(memory.limit_bytes > memory.parts.iter().map(|part| part.bytes).sum());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryPlan {
    /// What takes how much.
    pub parts: Vec<MemoryPart>,
    /// The sum of them and a quarter: what a platform should allow.
    pub limit_bytes: u64,
    /// What no setting bounds.
    pub unbounded: Vec<&'static str>,
}

/// Something that takes memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryPart {
    /// What it is: the setting that bounds it, where one alone does.
    pub name: &'static str,
    /// Bytes at most.
    pub bytes: u64,
}

/// The program, its threads' stacks and its clients before anything is buffered.
const BASE: u64 = 48 << 20;
/// What the engine sets where nobody did: `queue.buffering.max.kbytes`.
const PRODUCER_KIB: u64 = 32_768;

impl Settings {
    /// Returns what the process takes at most.
    #[must_use]
    pub fn memory(&self) -> MemoryPlan {
        let part = |name, bytes| MemoryPart { name, bytes };
        let input = wide(self.input_buffer_bytes_max);
        let parts = vec![
            part("rocksdb.block.cache.bytes", wide(self.rocksdb_block_cache_bytes)),
            part("rocksdb.write.buffer.bytes", wide(self.rocksdb_write_buffer_bytes)),
            part("statestore.cache.max.bytes", wide(self.cache_bytes_max)),
            part("statestore.uncommitted.max.bytes", wide(self.uncommitted_bytes_max.unwrap_or(0))),
            part("input.buffer.max.bytes", input),
            // Consumers that restore have queues of the size that the main ones have of that buffer.
            part("queues of consumers that restore", input / 2),
            part("queues of producers", self.producer_bytes()),
            part("program and threads", BASE),
        ];
        let sum = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.bytes));
        MemoryPlan { parts, limit_bytes: sum.saturating_add(sum / 4), unbounded: self.unbounded() }
    }

    /// Returns what waits to be sent: records, and about as much again of what librdkafka adds to each.
    fn producer_bytes(&self) -> u64 {
        let set = self.clients.for_client(&["producer."]);
        let kib = set.get("queue.buffering.max.kbytes").and_then(|kib| kib.parse().ok());
        let kib: u64 = kib.unwrap_or(PRODUCER_KIB);
        wide(self.threads).saturating_mul(kib).saturating_mul(2 << 10)
    }

    fn unbounded(&self) -> Vec<&'static str> {
        let mut unbounded = Vec::new();
        if self.uncommitted_bytes_max.is_none() {
            unbounded.push("statestore.uncommitted.max.bytes is off");
        }
        if self.default_store == super::StoreType::InMemory {
            unbounded.push("default.dsl.store keeps all rows in memory");
        }
        unbounded
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StreamsConfig;

    fn plan(given: &[(&str, &str)]) -> MemoryPlan {
        let config = given.iter().fold(StreamsConfig::new("app"), |config, (name, value)| {
            config.with_argument(name, value).unwrap()
        });
        config.resolve().unwrap().memory()
    }

    #[test]
    fn the_limit_is_the_sum_of_all_buffers_and_a_quarter() {
        let mib = |plan: &MemoryPlan| plan.limit_bytes >> 20;
        // 64 cache, 128 memtables, 10 write-back, 64 uncommitted, 64 input, 32 restore, 64 producer, 48.
        assert_eq!(mib(&plan(&[])), (64 + 128 + 10 + 64 + 64 + 32 + 64 + 48) * 5 / 4);
        let two = [("num.stream.threads", "2"), ("producer.queue.buffering.max.kbytes", "1024")];
        assert_eq!(mib(&plan(&two)), (64 + 128 + 10 + 64 + 64 + 32 + 4 + 48) * 5 / 4);
    }

    #[test]
    fn what_nothing_bounds_is_told() {
        assert_eq!(plan(&[]).unbounded, [""; 0]);
        let open = [("statestore.uncommitted.max.bytes", "-1"), ("default.dsl.store", "in_memory")];
        assert_eq!(plan(&open).unbounded.len(), 2);
    }
}
