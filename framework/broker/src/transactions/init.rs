//! `InitProducerId` with a transactional id: the producer that asks is the one that may write.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::InitProducerIdRequest;

use crate::broker::Broker;
use crate::log::transactions::Outcome;
use crate::reply::Replies;
use crate::time::Millis;
use crate::transactions::transaction::{NONE, Phase, Transaction};

impl Broker {
    /// Gives the producer that asks an id and epoch. Others with the transactional id are fenced.
    ///
    /// An open transaction is aborted first: as with Kafka the producer is then to ask again.
    pub(crate) fn init_transactions(
        &mut self,
        now: Millis,
        id: &str,
        body: &InitProducerIdRequest,
        replies: &mut Replies,
    ) -> Result<(i64, i16), ResponseError> {
        let timeout_ms = i64::from(body.transaction_timeout_ms);
        if !(1..=self.config.transactions.timeout_max_ms).contains(&timeout_ms) {
            return Err(ResponseError::InvalidTransactionTimeout);
        }
        if !self.transactions.by_id.contains_key(id) {
            let transaction = Transaction::new(id, self.next_producer_id, timeout_ms);
            self.transactions.add(transaction)?;
            self.next_producer_id += 1;
        }
        let (known_id, known_epoch) = (body.producer_id.0, body.producer_epoch);
        let known = (known_epoch != NONE).then_some((known_id, known_epoch));
        let found =
            self.transactions.by_id.get(id).ok_or(ResponseError::CoordinatorNotAvailable)?;
        if known.is_some_and(|(id, epoch)| !found.may_go_on(id, epoch)) {
            return Err(ResponseError::ProducerFenced);
        }
        match found.phase {
            Phase::Ongoing => {
                self.abort_and_fence(now, id, replies);
                return Err(ResponseError::ConcurrentTransactions);
            }
            Phase::Ending(_) => return Err(ResponseError::ConcurrentTransactions),
            Phase::Empty | Phase::Ended(_) => {}
        }
        let next_producer_id = &mut self.next_producer_id;
        let fresh_id = || {
            *next_producer_id += 1;
            *next_producer_id - 1
        };
        let bumped = self.transactions.update(now, id, |it| {
            it.bump(known.map(|(_, epoch)| epoch), fresh_id)?;
            it.timeout_ms = timeout_ms;
            Ok((it.producer_id, it.epoch))
        });
        bumped.unwrap_or(Err(ResponseError::CoordinatorNotAvailable))
    }

    /// Aborts an open transaction whose producer is to have no say any more.
    pub(super) fn abort_and_fence(&mut self, now: Millis, id: &str, replies: &mut Replies) {
        self.transactions.update(now, id, Transaction::fence);
        self.end_transaction(now, id, Outcome::Abort, replies);
    }
}
