//! Facts and keys as bytes, as they stand in the journal.
//!
//! Numbers are big-endian, texts and lists have their length in front. A first byte says what
//! follows; the numbers of kinds are never used again for something else.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

use crate::changes::Step;
use crate::changes::facts::{CommittedFact, Fact, GroupFact, Key, MemberFact};
use crate::transactions::transaction::{Phase, Transaction};

const CLUSTER: u8 = 1;
const PRODUCER_IDS: u8 = 2;
const TOPIC: u8 = 3;
const LOG_START: u8 = 4;
const GROUP: u8 = 5;
const OFFSET: u8 = 6;
const PENDING_OFFSET: u8 = 7;
const TRANSACTION: u8 = 8;
const UNSET_TOPIC: u8 = 0x83;
const UNSET_GROUP: u8 = 0x85;
const UNSET_PENDING_OFFSET: u8 = 0x87;
const UNSET_TRANSACTION: u8 = 0x88;

/// Writes a step that belongs into the journal; others, of which nothing is written, have a file of
/// their own.
pub(crate) fn encode(step: &Step, out: &mut BytesMut) {
    match step {
        Step::Set(fact) => encode_fact(fact, out),
        Step::Unset(key) => encode_unset(key, out),
        Step::Append { .. } | Step::Rewrite { .. } => {}
    }
}

/// Reads one step back; nothing if it is malformed.
pub(crate) fn decode(bytes: &[u8]) -> Option<Step> {
    let mut reader = Reader(bytes);
    let step = decode_step(&mut reader)?;
    reader.0.is_empty().then_some(step)
}

fn encode_fact(fact: &Fact, out: &mut BytesMut) {
    match fact {
        Fact::Cluster { id } => {
            out.put_u8(CLUSTER);
            put_text(out, id);
        }
        Fact::ProducerIds { next } => {
            out.put_u8(PRODUCER_IDS);
            out.put_i64(*next);
        }
        Fact::Topic { name, id, partitions, overrides } => {
            out.put_u8(TOPIC);
            put_text(out, name);
            out.put_u64(*id);
            out.put_i32(*partitions);
            put_list(out, overrides, |out, (name, value)| {
                put_text(out, name);
                put_text(out, value);
            });
        }
        Fact::LogStart { topic, partition, offset } => {
            out.put_u8(LOG_START);
            put_text(out, topic);
            out.put_i32(*partition);
            out.put_i64(*offset);
        }
        Fact::Group(group) => {
            out.put_u8(GROUP);
            encode_group(group, out);
        }
        Fact::Offset { group, topic, partition, committed } => {
            out.put_u8(OFFSET);
            put_text(out, group);
            put_text(out, topic);
            out.put_i32(*partition);
            put_committed(out, committed);
        }
        Fact::PendingOffset { group, producer_id, topic, partition, committed } => {
            out.put_u8(PENDING_OFFSET);
            put_pending(out, group, *producer_id, topic, *partition);
            put_committed(out, committed);
        }
        Fact::Transaction(transaction) => {
            out.put_u8(TRANSACTION);
            encode_transaction(transaction, out);
        }
    }
}

fn encode_unset(key: &Key, out: &mut BytesMut) {
    match key {
        // These are never unset by themselves.
        Key::Cluster | Key::ProducerIds | Key::LogStart { .. } | Key::Offset { .. } => {}
        Key::Topic(name) => {
            out.put_u8(UNSET_TOPIC);
            put_text(out, name);
        }
        Key::Group(id) => {
            out.put_u8(UNSET_GROUP);
            put_text(out, id);
        }
        Key::PendingOffset { group, producer_id, topic, partition } => {
            out.put_u8(UNSET_PENDING_OFFSET);
            put_pending(out, group, *producer_id, topic, *partition);
        }
        Key::Transaction(id) => {
            out.put_u8(UNSET_TRANSACTION);
            put_text(out, id);
        }
    }
}

fn put_committed(out: &mut BytesMut, committed: &CommittedFact) {
    out.put_i64(committed.offset);
    out.put_i32(committed.leader_epoch);
    put_text(out, &committed.metadata);
}

fn put_pending(out: &mut BytesMut, group: &str, producer_id: i64, topic: &str, partition: i32) {
    put_text(out, group);
    out.put_i64(producer_id);
    put_text(out, topic);
    out.put_i32(partition);
}

fn encode_transaction(transaction: &Transaction, out: &mut BytesMut) {
    put_text(out, &transaction.id);
    out.put_i64(transaction.producer_id);
    out.put_i16(transaction.epoch);
    out.put_i16(transaction.last_epoch);
    out.put_i64(transaction.last_producer_id);
    out.put_i64(transaction.timeout_ms);
    out.put_u8(transaction.phase.code());
    put_list(out, &transaction.partitions, |out, (topic, partition)| {
        put_text(out, topic);
        out.put_i32(*partition);
    });
    put_list(out, &transaction.groups, |out, group| put_text(out, group));
}

fn encode_group(group: &GroupFact, out: &mut BytesMut) {
    put_text(out, &group.id);
    out.put_i32(group.generation);
    put_optional(out, group.protocol_type.as_deref());
    put_optional(out, group.protocol.as_deref());
    put_optional(out, group.leader.as_deref());
    put_list(out, &group.members, |out, member| {
        put_text(out, &member.id);
        put_optional(out, member.instance.as_deref());
        put_text(out, &member.client_id);
        put_text(out, &member.client_host);
        out.put_i64(member.session_timeout_ms);
        out.put_i64(member.rebalance_timeout_ms);
        put_list(out, &member.protocols, |out, (name, metadata)| {
            put_text(out, name);
            put_bytes(out, metadata);
        });
        put_bytes(out, &member.assignment);
    });
}

fn put_list<I: IntoIterator<IntoIter: ExactSizeIterator>>(
    out: &mut BytesMut,
    items: I,
    mut put: impl FnMut(&mut BytesMut, I::Item),
) {
    let items = items.into_iter();
    out.put_u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
    items.for_each(|item| put(out, item));
}

fn put_optional(out: &mut BytesMut, text: Option<&str>) {
    out.put_u8(u8::from(text.is_some()));
    text.iter().for_each(|text| put_text(out, text));
}

fn put_text(out: &mut BytesMut, text: &str) {
    put_bytes(out, text.as_bytes());
}

fn put_bytes(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(bytes);
}

fn decode_step(from: &mut Reader<'_>) -> Option<Step> {
    Some(match from.number::<1>()? {
        [CLUSTER] => Step::Set(Fact::Cluster { id: from.text()? }),
        [PRODUCER_IDS] => Step::Set(Fact::ProducerIds { next: from.i64()? }),
        [TOPIC] => {
            let (name, id, partitions) =
                (from.text()?, u64::from_be_bytes(from.number()?), from.i32()?);
            let overrides = from.list(|from| Some((from.text()?, from.text()?)))?;
            let overrides = BTreeMap::from_iter(overrides);
            Step::Set(Fact::Topic { name, id, partitions, overrides })
        }
        [LOG_START] => {
            let (topic, partition, offset) = (from.text()?, from.i32()?, from.i64()?);
            Step::Set(Fact::LogStart { topic, partition, offset })
        }
        [GROUP] => Step::Set(Fact::Group(from.group()?)),
        [OFFSET] => {
            let (group, topic, partition) = (from.text()?, from.text()?, from.i32()?);
            let committed = from.committed()?;
            Step::Set(Fact::Offset { group, topic, partition, committed })
        }
        [PENDING_OFFSET] => {
            let (group, producer_id, topic, partition) = from.pending()?;
            let committed = from.committed()?;
            Step::Set(Fact::PendingOffset { group, producer_id, topic, partition, committed })
        }
        [TRANSACTION] => Step::Set(Fact::Transaction(from.transaction()?)),
        [UNSET_TOPIC] => Step::Unset(Key::Topic(from.text()?)),
        [UNSET_GROUP] => Step::Unset(Key::Group(from.text()?)),
        [UNSET_PENDING_OFFSET] => {
            let (group, producer_id, topic, partition) = from.pending()?;
            Step::Unset(Key::PendingOffset { group, producer_id, topic, partition })
        }
        [UNSET_TRANSACTION] => Step::Unset(Key::Transaction(from.text()?)),
        _ => return None,
    })
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*number)
    }

    fn i64(&mut self) -> Option<i64> {
        self.number().map(i64::from_be_bytes)
    }

    fn i16(&mut self) -> Option<i16> {
        self.number().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.number().map(i32::from_be_bytes)
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.number()?)).ok()
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let size = self.size()?;
        let (bytes, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(Bytes::copy_from_slice(bytes))
    }

    fn text(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn optional(&mut self) -> Option<Option<String>> {
        match self.number()? {
            [0] => Some(None),
            [1] => self.text().map(Some),
            _ => None,
        }
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        // Each takes bytes, so that a large count without them ends soon.
        (0..self.size()?).map(|_| item(self)).collect()
    }

    fn committed(&mut self) -> Option<CommittedFact> {
        let (offset, leader_epoch, metadata) = (self.i64()?, self.i32()?, self.text()?);
        Some(CommittedFact { offset, leader_epoch, metadata })
    }

    fn pending(&mut self) -> Option<(String, i64, String, i32)> {
        Some((self.text()?, self.i64()?, self.text()?, self.i32()?))
    }

    fn transaction(&mut self) -> Option<Transaction> {
        Some(Transaction {
            id: self.text()?,
            producer_id: self.i64()?,
            epoch: self.i16()?,
            last_epoch: self.i16()?,
            last_producer_id: self.i64()?,
            timeout_ms: self.i64()?,
            phase: self.number::<1>().and_then(|[code]| Phase::of(code))?,
            partitions: self.list(|from| Some((from.text()?, from.i32()?)))?.into_iter().collect(),
            groups: self.list(Self::text)?.into_iter().collect(),
        })
    }

    fn group(&mut self) -> Option<GroupFact> {
        Some(GroupFact {
            id: self.text()?,
            generation: self.i32()?,
            protocol_type: self.optional()?,
            protocol: self.optional()?,
            leader: self.optional()?,
            members: self.list(Self::member)?,
        })
    }

    fn member(&mut self) -> Option<MemberFact> {
        Some(MemberFact {
            id: self.text()?,
            instance: self.optional()?,
            client_id: self.text()?,
            client_host: self.text()?,
            session_timeout_ms: self.i64()?,
            rebalance_timeout_ms: self.i64()?,
            protocols: self.list(|from| Some((from.text()?, from.bytes()?)))?,
            assignment: self.bytes()?,
        })
    }
}

#[cfg(test)]
mod tests;
