//! Leading a member from what it has to what it is to have.
//!
//! A partition changes hands in two steps: its owner gives it up and says so, and only then does
//! the next one get it.
//!
//! ```text
//!                  has to give up
//!   Stable <-------------------------> Revoking
//!      ^  \                              /
//!      |   \ others hold some of it     / gave up, others hold some
//!      |    v                          v
//!      +-------------- Waiting <-------+
//!        others gave up
//! ```

use crate::groups::consumer::member::{Member, Partitions, Phase};
use crate::time::Millis;

/// What a member is to be brought to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal<'a> {
    /// The epoch in which the targets were made.
    pub(crate) epoch: i32,
    /// What others hold of its target.
    pub(crate) taken: &'a Partitions,
}

impl Member {
    /// Takes the steps that are possible, knowing what the member says that it owns, if it does.
    pub(crate) fn reconcile(&mut self, now: Millis, goal: Goal<'_>, owned: Option<&Partitions>) {
        let owns_any =
            |revoking: &Partitions| owned.is_none_or(|owned| !owned.is_disjoint(revoking));
        if self.is_settled(goal.epoch) {
            return;
        }
        let reached = match self.phase {
            Phase::Revoking if owns_any(&self.revoking) => return,
            // Having given up what it had to, it has done what its next epoch asks of it.
            Phase::Revoking => (self.epoch + 1).min(goal.epoch),
            Phase::Stable | Phase::Waiting => self.epoch,
        };
        let kept: Partitions = self.assigned.intersection(&self.target).copied().collect();
        let lost: Partitions = self.assigned.difference(&self.target).copied().collect();
        self.revocation_deadline = None;
        if !lost.is_empty() && owns_any(&lost) {
            (self.phase, self.assigned, self.revoking) = (Phase::Revoking, kept, lost);
            self.enter_epoch(reached);
            self.revocation_deadline = Some(now.after(i64::from(self.rebalance_timeout_ms)));
            return;
        }
        let wanted = self.target.iter().filter(|it| !kept.contains(*it));
        let (taken, free): (Partitions, Partitions) =
            wanted.partition(|it| goal.taken.contains(*it));
        self.phase = if taken.is_empty() { Phase::Stable } else { Phase::Waiting };
        self.assigned = kept;
        self.assigned.extend(free);
        self.revoking.clear();
        self.enter_epoch(goal.epoch);
        self.date();
    }

    /// Takes note of the epoch in which it got what is new, and forgets what it has given up.
    fn date(&mut self) {
        let Self { assigned, revoking, .. } = self;
        self.since.retain(|it, _| assigned.contains(it) || revoking.contains(it));
        for partition in &self.assigned {
            self.since.entry(*partition).or_insert(self.epoch);
        }
    }

    fn enter_epoch(&mut self, epoch: i32) {
        if self.epoch != epoch {
            self.previous_epoch = std::mem::replace(&mut self.epoch, epoch);
        }
    }
}
