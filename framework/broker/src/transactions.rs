//! The transaction coordinator: who may write under a transactional id, and how its transactions
//! end.
//!
//! A transaction's end is decided, written down, told to all partitions and groups that belong to
//! it, and written down again as told, all in one step: nobody sees a part of it, and after a
//! restart in between it goes on where it was. One that its producer leaves open is aborted when
//! its time is over, and the producer fenced. The protocol is that of before `EndTxn` bumped
//! epochs (KIP-890), as librdkafka speaks it.

mod end;
mod init;
mod parts;
pub(crate) mod transaction;

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;

use crate::alarms::Alarms;
use crate::changes::facts::{Fact, Key};
use crate::changes::{Changes, Step};
use crate::config::TransactionConfig;
use crate::time::Millis;
use crate::transactions::transaction::{Phase, Transaction};

/// All transactional ids.
#[derive(Debug)]
pub(crate) struct Transactions {
    config: TransactionConfig,
    by_id: BTreeMap<String, Transaction>,
    /// When an open transaction is aborted, and an id forgotten that has none.
    alarms: Alarms,
    pub(crate) changes: Changes,
}

impl Transactions {
    pub(crate) fn new(config: TransactionConfig) -> Self {
        let (alarms, changes) = (Alarms::default(), Changes::default());
        Self { config, by_id: BTreeMap::new(), alarms, changes }
    }

    /// Returns when the next of them has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.alarms.next()
    }

    /// Returns how many ids there are.
    pub(crate) fn count(&self) -> usize {
        self.by_id.len()
    }

    /// Returns what is known under an id, for the producer that has it now.
    fn find(&self, id: &str, producer_id: i64, epoch: i16) -> Result<&Transaction, ResponseError> {
        if id.is_empty() {
            return Err(ResponseError::InvalidRequest);
        }
        let transaction = self.by_id.get(id).ok_or(ResponseError::InvalidProducerIdMapping)?;
        transaction.check_producer(producer_id, epoch)?;
        Ok(transaction)
    }

    /// Checks that a producer may write to a partition: that it belongs to its open transaction.
    pub(crate) fn check_partition(
        &self,
        id: &str,
        producer: (i64, i16),
        partition: (&str, i32),
    ) -> Result<(), ResponseError> {
        let transaction = self.find(id, producer.0, producer.1)?;
        let partition = (partition.0.to_owned(), partition.1);
        let is_in = transaction.partitions.contains(&partition);
        if is_in { Ok(()) } else { Err(ResponseError::InvalidTxnState) }
    }

    /// Checks that a producer may commit offsets of a group: that it belongs to its open
    /// transaction.
    pub(crate) fn check_group(
        &self,
        id: &str,
        producer: (i64, i16),
        group: &str,
    ) -> Result<(), ResponseError> {
        let transaction = self.find(id, producer.0, producer.1)?;
        if transaction.groups.contains(group) {
            Ok(())
        } else {
            Err(ResponseError::InvalidTxnState)
        }
    }

    /// Lets something happen to an id's transaction: sets its alarm and notes the change.
    fn update<T>(
        &mut self,
        now: Millis,
        id: &str,
        change: impl FnOnce(&mut Transaction) -> T,
    ) -> Option<T> {
        let transaction = self.by_id.get_mut(id)?;
        let was_ongoing = transaction.phase == Phase::Ongoing;
        let result = change(transaction);
        // The time of an open transaction counts from its beginning.
        if transaction.phase != Phase::Ongoing {
            self.alarms.set(id, Some(now.after(self.config.id_expiration_ms)));
        } else if !was_ongoing {
            self.alarms.set(id, Some(now.after(transaction.timeout_ms)));
        }
        self.changes.push(|| Step::Set(Fact::Transaction(transaction.clone())));
        Some(result)
    }

    /// Adds an id, if there may be one more: those without an open transaction make room for it,
    /// the one that nobody had to do with for longest first.
    fn add(&mut self, transaction: Transaction) -> Result<(), ResponseError> {
        if self.by_id.len() >= self.config.ids_max {
            let idle = self.by_id.values().filter(|it| it.phase != Phase::Ongoing);
            let oldest = idle.min_by_key(|it| self.alarms.of(&it.id)).map(|it| it.id.clone());
            self.forget(&oldest.ok_or(ResponseError::PolicyViolation)?);
        }
        self.by_id.insert(transaction.id.clone(), transaction);
        Ok(())
    }

    fn forget(&mut self, id: &str) {
        self.alarms.set(id, None);
        self.by_id.remove(id);
        self.changes.push(|| Step::Unset(Key::Transaction(id.to_owned())));
    }

    /// Takes in what was kept of an id; its time begins anew.
    pub(crate) fn restore(&mut self, now: Millis, transaction: &Transaction) {
        let ms = match transaction.phase {
            Phase::Ongoing => transaction.timeout_ms,
            _ => self.config.id_expiration_ms,
        };
        self.alarms.set(&transaction.id, Some(now.after(ms)));
        self.by_id.insert(transaction.id.clone(), transaction.clone());
    }
}

#[cfg(test)]
mod tests;
