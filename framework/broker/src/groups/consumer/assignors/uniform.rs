//! Evenly, moving as little as possible.
//!
//! Members keep what they are to have already; what is free goes to who has least; then single
//! partitions move from who has most to who has least, until nobody who may have another's
//! partition has two fewer.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::groups::consumer::Subscribed;
use crate::groups::consumer::assignors::partitions;
use crate::groups::consumer::member::{Member, Partitions};

/// Returns every member's share, in the members' order.
pub(super) fn shares(members: &BTreeMap<StrBytes, Member>, topics: &Subscribed) -> Vec<Partitions> {
    let mut sharing = Sharing::new(members, topics);
    sharing.hand_out();
    while sharing.even_out() {}
    sharing.shares
}

struct Sharing {
    shares: Vec<Partitions>,
    /// Who may have the partitions of a topic, the one with the smallest share first.
    by_size: BTreeMap<Uuid, BTreeSet<(usize, usize)>>,
    /// The topics that each may have partitions of.
    topics: Vec<Vec<Uuid>>,
    free: Partitions,
}

impl Sharing {
    fn new(members: &BTreeMap<StrBytes, Member>, topics: &Subscribed) -> Self {
        let mut free = Partitions::new();
        for name in topics.keys() {
            free.extend(partitions(topics, name));
        }
        let mut shares = Vec::with_capacity(members.len());
        let mut wanted = Vec::with_capacity(members.len());
        let mut by_size: BTreeMap<Uuid, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for (index, member) in members.values().enumerate() {
            let ids: Vec<Uuid> =
                member.topics.iter().filter_map(|name| Some(topics.get(name)?.id)).collect();
            let set: BTreeSet<Uuid> = ids.iter().copied().collect();
            let kept = member.target.iter().filter(|it| set.contains(&it.0) && free.remove(*it));
            let kept: Partitions = kept.copied().collect();
            for id in &ids {
                by_size.entry(*id).or_default().insert((kept.len(), index));
            }
            shares.push(kept);
            wanted.push(ids);
        }
        Self { shares, by_size, topics: wanted, free }
    }

    fn hand_out(&mut self) {
        for partition in std::mem::take(&mut self.free) {
            let least = self.by_size.get(&partition.0).and_then(BTreeSet::first);
            if let Some((_, index)) = least.copied() {
                self.change(index, |share| _ = share.insert(partition));
            }
        }
    }

    /// Moves one partition; returns whether that was needed.
    fn even_out(&mut self) -> bool {
        // From the largest share down: one too large may have nothing that another may take.
        let mut order: Vec<usize> = (0..self.shares.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(self.size(*index)));
        for from in order {
            let size = self.size(from);
            let needy = self.topics.get(from).into_iter().flatten().find_map(|topic| {
                let (least, to) = *self.by_size.get(topic)?.first()?;
                let of_topic = (*topic, 0)..=(*topic, i32::MAX);
                let partition = self.shares.get(from)?.range(of_topic).next_back()?;
                (least + 1 < size).then_some((to, *partition))
            });
            if let Some((to, partition)) = needy {
                self.change(from, |share| _ = share.remove(&partition));
                self.change(to, |share| _ = share.insert(partition));
                return true;
            }
        }
        false
    }

    fn size(&self, index: usize) -> usize {
        self.shares.get(index).map_or(0, Partitions::len)
    }

    fn change(&mut self, index: usize, change: impl FnOnce(&mut Partitions)) {
        let before = self.size(index);
        if let Some(share) = self.shares.get_mut(index) {
            change(share);
        }
        let after = self.size(index);
        for topic in self.topics.get(index).into_iter().flatten() {
            let order = self.by_size.entry(*topic).or_default();
            order.remove(&(before, index));
            order.insert((after, index));
        }
    }
}
