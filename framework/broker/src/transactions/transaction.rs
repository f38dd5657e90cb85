//! The transaction of one transactional id: who may take part in it, and what belongs to it.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;

use crate::log::transactions::{Marker, Outcome};

/// No producer id or epoch.
pub(crate) const NONE: i16 = -1;

/// The last epoch is kept for fencing the one before it; behind that comes another producer id.
const EPOCH_MAX: i16 = i16::MAX - 1;

/// What is known under a transactional id. All of it survives a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) id: String,
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    /// The epoch that the producer had when it asked for this one: it may ask again.
    pub(crate) last_epoch: i16,
    /// The producer id before this one, if its epochs were used up.
    pub(crate) last_producer_id: i64,
    pub(crate) timeout_ms: i64,
    pub(crate) phase: Phase,
    pub(crate) partitions: BTreeSet<(String, i32)>,
    pub(crate) groups: BTreeSet<String>,
}

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// There was none since the producer came.
    Empty,
    Ongoing,
    /// Its end is decided, but not told to its partitions and groups.
    Ending(Outcome),
    /// The last one has ended so.
    Ended(Outcome),
}

impl Transaction {
    pub(crate) fn new(id: &str, producer_id: i64, timeout_ms: i64) -> Self {
        Self {
            id: id.to_owned(),
            producer_id,
            epoch: NONE,
            last_epoch: NONE,
            last_producer_id: i64::from(NONE),
            timeout_ms,
            phase: Phase::Empty,
            partitions: BTreeSet::new(),
            groups: BTreeSet::new(),
        }
    }

    /// Checks that a request comes from the producer that has the id now.
    pub(crate) fn check_producer(&self, id: i64, epoch: i16) -> Result<(), ResponseError> {
        if id != self.producer_id {
            return Err(ResponseError::InvalidProducerIdMapping);
        }
        // Clients of the versions that are served do not know `PRODUCER_FENCED`.
        if epoch != self.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        Ok(())
    }

    /// Returns whether a producer that says which one it was may go on with this id.
    pub(crate) fn may_go_on(&self, producer_id: i64, epoch: i16) -> bool {
        self.epoch == NONE
            || producer_id == self.producer_id
            || (producer_id == self.last_producer_id && epoch >= EPOCH_MAX)
    }

    /// Begins the next epoch, for a producer that may say which one it had. `fresh_id` gives a
    /// producer id should the epochs of this one be used up.
    pub(crate) fn bump(
        &mut self,
        known_epoch: Option<i16>,
        fresh_id: impl FnOnce() -> i64,
    ) -> Result<(), ResponseError> {
        let is_known = known_epoch.is_none_or(|known| known == self.epoch);
        if self.epoch >= EPOCH_MAX && is_known {
            self.last_producer_id = self.producer_id;
            self.producer_id = fresh_id();
            self.last_epoch = known_epoch.map_or(NONE, |_| self.epoch);
            self.epoch = 0;
        } else if is_known || self.epoch == NONE {
            self.last_epoch = if known_epoch.is_some() { self.epoch } else { NONE };
            self.epoch += 1;
        } else if known_epoch != Some(self.last_epoch) {
            return Err(ResponseError::ProducerFenced);
        }
        self.phase = Phase::Empty;
        Ok(())
    }

    /// Fences the producer of an open transaction, which is to be aborted.
    pub(crate) fn fence(&mut self) {
        self.epoch = self.epoch.saturating_add(1);
        self.last_epoch = NONE;
    }

    /// Decides whether a producer may end its transaction so; nothing says that it has ended so.
    pub(crate) fn check_end(&self, outcome: Outcome) -> Result<Option<Outcome>, ResponseError> {
        match self.phase {
            Phase::Ongoing => Ok(Some(outcome)),
            // It asks again, as it has not heard the answer.
            Phase::Ended(last) if last == outcome => Ok(None),
            Phase::Ending(last) if last == outcome => Err(ResponseError::ConcurrentTransactions),
            _ => Err(ResponseError::InvalidTxnState),
        }
    }

    /// Returns what to tell the partitions of a transaction whose end is decided.
    pub(crate) fn marker(&self) -> Option<Marker> {
        let Phase::Ending(outcome) = self.phase else { return None };
        let (producer_id, producer_epoch) = (self.producer_id, self.epoch);
        Some(Marker { producer_id, producer_epoch, outcome })
    }
}

impl Phase {
    const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::Ending(Outcome::Abort),
        Self::Ending(Outcome::Commit),
        Self::Ended(Outcome::Abort),
        Self::Ended(Outcome::Commit),
    ];

    /// Returns the number by which it is written down.
    pub(crate) fn code(self) -> u8 {
        let place = Self::ALL.iter().position(|phase| *phase == self);
        place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
    }

    /// Returns the phase of a number.
    pub(crate) fn of(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}
