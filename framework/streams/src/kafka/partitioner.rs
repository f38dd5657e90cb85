//! Where a record goes: the Java client's default partitioner, so that joins meet records of Java
//! producers, and what a partitioner of the user's may answer.

use std::sync::Arc;

/// Chooses the partition of a record by its key, its value and the number of partitions.
pub(crate) type Partitioner<K, V> = Arc<dyn Fn(&K, &V, usize) -> Placement + Send + Sync>;

/// Which partitions a record is written to (KIP-873).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// The one that follows from the key, or any where there is no key.
    Default,
    /// None: the record is dropped, and counted.
    Drop,
    /// This one.
    Partition(usize),
    /// Each of these, once; the record is dropped where there is none.
    Partitions(Vec<usize>),
}

/// Returns the partition of an encoded key: murmur2, made positive, modulo the count.
///
/// librdkafka names it `murmur2_random`. The engine computes it itself, since tasks must agree with
/// whatever wrote their inputs.
///
/// # Examples
///
/// ```
/// // What the Java client answers for the key "foobar" and 4 partitions.
/// assert_eq!(kappa::kafka::default_partition(b"foobar", 4), 2);
/// ```
#[must_use]
pub fn default_partition(key: &[u8], partitions: usize) -> i32 {
    let positive = murmur2(key) & 0x7fff_ffff;
    let partitions = u32::try_from(partitions.max(1)).unwrap_or(u32::MAX);
    i32::try_from(positive % partitions).unwrap_or(0)
}

/// Murmur2 with Kafka's seed, over little-endian words.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const MIX: u32 = 0x5bd1_e995;
    const ROTATION: u32 = 24;

    // The length enters as 32 bits, as in the Java client, whose arrays are never longer.
    #[expect(clippy::cast_possible_truncation, reason = "Kafka's keys are far below 4 GiB")]
    let mut hash = SEED ^ data.len() as u32;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MIX);
        word ^= word >> ROTATION;
        hash = hash.wrapping_mul(MIX) ^ word.wrapping_mul(MIX);
    }
    if !tail.is_empty() {
        for (shift, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * shift);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signed results as published in the Java client's own test.
    #[test]
    fn equals_the_java_client() {
        let cases: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, expected) in cases {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), expected, "{key}");
        }
    }
}
