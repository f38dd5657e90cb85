//! The topics the feeder writes, and creates where they are missing.

use kappa::kafka::NewTopic;

/// Name, partitions, whether it is compacted.
const TOPICS: [(&str, usize, bool); 7] = [
    ("flights.scheduled", 4, false),
    ("flights.departed", 4, false),
    ("flights.landed", 4, false),
    ("airlines", 1, true),
    ("airports", 1, true),
    ("planes", 4, true),
    ("weather", 1, true),
];

/// Returns all topics.
///
/// Flights left years ago: a topic that deletes by age would lose them at once, so they are kept for
/// ever.
pub(crate) fn all() -> Vec<NewTopic> {
    let new = |(name, partitions, compacted): (&str, usize, bool)| {
        let (setting, value) =
            if compacted { ("cleanup.policy", "compact") } else { ("retention.ms", "-1") };
        NewTopic {
            name: name.to_owned(),
            partitions,
            replication_factor: -1,
            settings: std::iter::once((setting.to_owned(), value.to_owned())).collect(),
        }
    };
    TOPICS.into_iter().map(new).collect()
}
