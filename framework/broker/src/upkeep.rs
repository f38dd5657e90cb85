//! Retention and compaction by the clock: a look at all logs now and then, and a pass over one log
//! at a time, in steps between which requests are served.

use crate::broker::Broker;
use crate::log::cleaning::Pass;
use crate::reply::Replies;
use crate::time::Millis;
use crate::topics::upkeep::PartitionName;

/// How much of a log one step of a cleaning looks at.
const STEP_BYTES: usize = 1 << 20;

/// What is to be done, and when. Without records there is nothing to wait for.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    retention_at: Option<Millis>,
    cleaning_at: Option<Millis>,
    cleaning: Option<Cleaning>,
}

/// A pass under way, which goes on at once.
#[derive(Debug)]
struct Cleaning {
    partition: PartitionName,
    /// Which life of the topic it is about.
    topic: u64,
    pass: Pass,
}

impl Upkeep {
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        [self.retention_at, self.cleaning_at].into_iter().flatten().min()
    }
}

impl Broker {
    /// Sees to it that what has come is looked at some time.
    pub(crate) fn schedule_upkeep(&mut self, now: Millis) {
        if self.topics.take_disturbed() {
            let retention_at = now.after(self.config.retention_check_ms.max(1));
            self.upkeep.retention_at.get_or_insert(retention_at);
            let cleaning_at = now.after(self.config.cleaner_backoff_ms.max(1));
            self.upkeep.cleaning_at.get_or_insert(cleaning_at);
        }
    }

    /// Does what is due by now.
    pub(crate) fn keep_up(&mut self, now: Millis, replies: &mut Replies) {
        let is_due = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        if is_due(self.upkeep.retention_at) {
            self.let_expired_go(now, replies);
            let is_any = self.topics.is_any_to_expire();
            let next = now.after(self.config.retention_check_ms.max(1));
            self.upkeep.retention_at = is_any.then_some(next);
        }
        if is_due(self.upkeep.cleaning_at) {
            self.clean(now);
            let next = if self.upkeep.cleaning.is_some() {
                Some(now)
            } else {
                let next = now.after(self.config.cleaner_backoff_ms.max(1));
                self.topics.is_any_dirty().then_some(next)
            };
            self.upkeep.cleaning_at = next;
        }
    }

    fn let_expired_go(&mut self, now: Millis, replies: &mut Replies) {
        let stamp = self.moment(now).stamp.as_i64();
        let mut changed = Vec::new();
        for ((topic, index), until) in self.topics.expired(stamp) {
            // It is there, and has an offset of that number.
            if self.topics.delete_before(&topic, index, until).is_ok() {
                changed.push((topic, index));
            }
        }
        self.complete_fetches_of(&changed, replies);
    }

    /// Goes on with the pass that is under way, or begins the one that gains most.
    fn clean(&mut self, now: Millis) {
        let Some(mut cleaning) = self.upkeep.cleaning.take() else {
            self.upkeep.cleaning = self.begin_cleaning(now);
            return;
        };
        let (topic, index) = &cleaning.partition;
        let is_there = self.topics.get(topic).is_some_and(|it| it.id() == cleaning.topic);
        let Some(log) = self.topics.partition(topic, *index).ok().filter(|_| is_there) else {
            return;
        };
        if !cleaning.pass.step(log, STEP_BYTES) {
            self.upkeep.cleaning = Some(cleaning);
            return;
        }
        if let Ok(log) = self.topics.partition_mut(topic, *index) {
            let (before, after) = log.end_pass(cleaning.pass);
            self.topics.exchange(before, after);
        }
        self.upkeep.cleaning = self.begin_cleaning(now);
    }

    fn begin_cleaning(&mut self, now: Millis) -> Option<Cleaning> {
        let at = self.moment(now);
        let partition = self.topics.dirtiest(at.stamp.as_i64())?;
        let producers = self.producers_config();
        let topic = self.topics.get(&partition.0)?;
        let log = self.topics.partition(&partition.0, partition.1).ok()?;
        let keys_max = self.config.cleaner_keys_bytes_max;
        let pass = log.begin_pass(at, topic.config.settings(), &producers, keys_max);
        Some(Cleaning { topic: topic.id(), partition, pass })
    }
}

#[cfg(test)]
mod tests;
