//! The APIs this broker serves: one table of keys, versions and request shapes.
//!
//! A client is told of exactly these, and every other request closes its connection.

pub(crate) mod shape;

use std::fmt;

use kafka_protocol::messages::ApiKey;

/// One API: its versions and, for the check before decoding, the shape of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) version_min: i16,
    pub(crate) version_max: i16,
    /// See [`shape::check`].
    pub(crate) shape: &'static str,
}

const fn api(key: ApiKey, version_min: i16, version_max: i16, shape: &'static str) -> Api {
    Api { key, version_min, version_max, shape }
}

/// The table, in order of keys as clients expect it.
///
/// The newest versions are those of before topic ids and flexible encodings where librdkafka can do
/// without, which keeps responses simple: an upper bound here is a choice, not a gap. The consumer
/// group protocol needs topic ids in `Metadata`, and member epochs in commits.
pub(crate) const APIS: &[Api] = &[
    api(ApiKey::Produce, 3, 8, "s h i [ s [ i y ] ]"),
    api(ApiKey::Fetch, 4, 11, "i i i i b i7+ i7+ [ s [ i i9+ l l5+ i ] ] [7+ s <i> ] s11+"),
    api(ApiKey::ListOffsets, 1, 7, "i b2+ [ s [ i i4+ l ] ]"),
    api(ApiKey::Metadata, 1, 12, "[ u10+ s ] b4+ b8-10 b8+"),
    api(ApiKey::OffsetCommit, 2, 9, "s i s s7+ l-4 [ s [ i l i6+ s ] ]"),
    api(ApiKey::OffsetFetch, 1, 9, "s-7 [-7 s <i> ] [8+ s s9+ i9+ [ s <i> ] ] b7+"),
    api(ApiKey::FindCoordinator, 0, 2, "s b1+"),
    api(ApiKey::JoinGroup, 0, 5, "s i i1+ s s5+ s [ s y ]"),
    api(ApiKey::Heartbeat, 0, 3, "s i s s3+"),
    api(ApiKey::LeaveGroup, 0, 3, "s s-2 [3+ s s ]"),
    api(ApiKey::SyncGroup, 0, 3, "s i s s3+ [ s y ]"),
    api(ApiKey::DescribeGroups, 0, 4, "<s> b3+"),
    api(ApiKey::ListGroups, 0, 2, ""),
    api(ApiKey::ApiVersions, 0, 3, "s3+ s3+"),
    api(ApiKey::CreateTopics, 2, 4, "[ s i h [ i <i> ] [ s s ] ] i b"),
    api(ApiKey::DeleteTopics, 1, 3, "<s> i"),
    api(ApiKey::DeleteRecords, 0, 1, "[ s [ i l ] ] i"),
    api(ApiKey::InitProducerId, 0, 4, "s i l3+ h3+"),
    api(ApiKey::OffsetForLeaderEpoch, 2, 3, "i3+ [ s [ i i i ] ]"),
    api(ApiKey::AddPartitionsToTxn, 0, 0, "s l h [ s <i> ]"),
    api(ApiKey::AddOffsetsToTxn, 0, 0, "s l h s"),
    api(ApiKey::EndTxn, 0, 1, "s l h b"),
    api(ApiKey::TxnOffsetCommit, 0, 3, "s s l h i3+ s3+ s3+ [ s [ i l i2+ s ] ]"),
    api(ApiKey::DescribeConfigs, 1, 1, "[ b s <s> ] b"),
    api(ApiKey::AlterConfigs, 0, 1, "[ b s [ s s ] ] b"),
    api(ApiKey::CreatePartitions, 0, 1, "[ s i [ <i> ] ] i b"),
    api(ApiKey::DeleteGroups, 0, 1, "<s>"),
    api(ApiKey::IncrementalAlterConfigs, 0, 1, "[ b s [ s b s ] ] b"),
    api(ApiKey::ConsumerGroupHeartbeat, 0, 1, "s s i s s i <s> s1+ s [ u <i> ]"),
    api(ApiKey::ConsumerGroupDescribe, 0, 1, "<s> b"),
];

impl Api {
    /// Returns the API with this key, if it is served.
    pub(crate) fn find(key: i16) -> Option<&'static Self> {
        APIS.iter().find(|api| api.key as i16 == key)
    }

    /// Returns whether requests of this version are served.
    pub(crate) fn serves(&self, version: i16) -> bool {
        (self.version_min..=self.version_max).contains(&version)
    }

    /// Returns whether requests of this version use compact lengths and tagged fields.
    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        self.key.request_header_version(version) >= 2
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.key)
    }
}

#[cfg(test)]
mod tests;
