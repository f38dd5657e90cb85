//! The end of transactions: as the producer wants it, or when their time is over.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{EndTxnRequest, EndTxnResponse};

use crate::broker::Broker;
use crate::log::transactions::{Marker, Outcome};
use crate::reply::Replies;
use crate::time::Millis;
use crate::transactions::transaction::Phase;

impl Broker {
    pub(crate) fn end_txn(
        &mut self,
        now: Millis,
        body: &EndTxnRequest,
        replies: &mut Replies,
    ) -> EndTxnResponse {
        let ended = self.end_of_producer(now, body, replies);
        EndTxnResponse::default().with_error_code(ended.map_or_else(|error| error.code(), |()| 0))
    }

    fn end_of_producer(
        &mut self,
        now: Millis,
        body: &EndTxnRequest,
        replies: &mut Replies,
    ) -> Result<(), ResponseError> {
        let id = body.transactional_id.as_str();
        let found = self.transactions.find(id, body.producer_id.0, body.producer_epoch)?;
        let outcome = if body.committed { Outcome::Commit } else { Outcome::Abort };
        if let Some(outcome) = found.check_end(outcome)? {
            self.end_transaction(now, id, outcome, replies);
        }
        Ok(())
    }

    /// Ends an open transaction.
    pub(super) fn end_transaction(
        &mut self,
        now: Millis,
        id: &str,
        outcome: Outcome,
        replies: &mut Replies,
    ) {
        self.transactions.update(now, id, |it| it.phase = Phase::Ending(outcome));
        // What is decided must be known before any partition hears of it.
        self.hand_over_changes(replies);
        self.finish_transaction(now, id, replies);
    }

    /// Tells all that belongs to a transaction how it ends, which is decided.
    fn finish_transaction(&mut self, now: Millis, id: &str, replies: &mut Replies) {
        let Some(transaction) = self.transactions.by_id.get(id) else { return };
        let Some(marker) = transaction.marker() else { return };
        let (at, producers) = (self.moment(now), self.producers_config());
        let partitions: Vec<_> = transaction.partitions.iter().cloned().collect();
        let groups = transaction.groups.clone();
        for (topic, index) in &partitions {
            self.topics.append_marker(at, &producers, (topic, *index), marker);
        }
        for group in &groups {
            self.groups.end_transaction(group, marker.producer_id, marker.outcome);
        }
        self.transactions.update(now, id, |it| {
            it.phase = Phase::Ended(marker.outcome);
            it.partitions.clear();
            it.groups.clear();
        });
        self.complete_fetches_of(&partitions, replies);
    }

    /// Finishes what a restart has interrupted.
    pub(crate) fn finish_transactions(&mut self, now: Millis, replies: &mut Replies) {
        let all = self.transactions.by_id.values();
        let ending = all.filter(|it| matches!(it.phase, Phase::Ending(_)));
        let ids: Vec<_> = ending.map(|it| it.id.clone()).collect();
        for id in ids {
            self.finish_transaction(now, &id, replies);
        }
        self.abort_orphans(now);
    }

    /// Aborts what is open in a partition and known to nobody, as may be if the last that was
    /// written was lost: else nobody could ever read on there.
    fn abort_orphans(&mut self, now: Millis) {
        let ongoing = self.transactions.by_id.values().filter(|it| it.phase == Phase::Ongoing);
        let known: BTreeSet<_> = ongoing
            .flat_map(|it| it.partitions.iter().map(|partition| (it.producer_id, partition)))
            .collect();
        let mut orphans = Vec::new();
        for (name, topic) in self.topics.iter() {
            for (index, log) in (0..).zip(&topic.partitions) {
                let partition = (name.clone(), index);
                let open = log.open_transactions();
                let unknown = open.filter(|(id, _)| !known.contains(&(*id, &partition)));
                orphans.extend(unknown.map(|producer| (partition.clone(), producer)));
            }
        }
        let (at, producers) = (self.moment(now), self.producers_config());
        for ((topic, index), (producer_id, producer_epoch)) in orphans {
            let marker = Marker { producer_id, producer_epoch, outcome: Outcome::Abort };
            self.topics.append_marker(at, &producers, (&topic, index), marker);
        }
    }

    /// Does what is due by now: aborts what is open for too long, forgets what is silent for too
    /// long.
    pub(crate) fn expire_transactions(&mut self, now: Millis, replies: &mut Replies) {
        while let Some(id) = self.transactions.alarms.due(now) {
            let found = self.transactions.by_id.get(&id);
            if found.is_some_and(|it| it.phase == Phase::Ongoing) {
                self.abort_and_fence(now, &id, replies);
            } else {
                self.transactions.forget(&id);
            }
        }
    }
}
