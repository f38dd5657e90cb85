//! In each topic, neighbouring partitions to each member: the first members get one more.

use std::collections::BTreeMap;

use kafka_protocol::protocol::StrBytes;

use crate::groups::consumer::Subscribed;
use crate::groups::consumer::assignors::partitions;
use crate::groups::consumer::member::{Member, Partitions};

/// Returns every member's share, in the members' order.
pub(super) fn shares(members: &BTreeMap<StrBytes, Member>, topics: &Subscribed) -> Vec<Partitions> {
    // Static members come first and by their names, so that one keeps its place when it returns
    // under another id.
    let mut order: Vec<(usize, &Member)> = members.values().enumerate().collect();
    order.sort_by_key(|(_, member)| (member.instance.is_none(), &member.instance));
    let mut shares = vec![Partitions::new(); members.len()];
    for name in topics.keys() {
        let among: Vec<_> = order.iter().filter(|(_, it)| it.topics.contains(name)).collect();
        let all = partitions(topics, name);
        let (each, more) = (all.len() / among.len().max(1), all.len() % among.len().max(1));
        let mut rest = all.into_iter();
        for (place, (index, _)) in among.into_iter().enumerate() {
            let count = each + usize::from(place < more);
            if let Some(share) = shares.get_mut(*index) {
                share.extend(rest.by_ref().take(count));
            }
        }
    }
    shares
}
