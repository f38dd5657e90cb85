//! A group as it is written down, and taken in again.
//!
//! As in Kafka that is done when it is stable or empty. A group that was between two generations
//! comes back in the earlier one, whose members then join again.

use kafka_protocol::protocol::StrBytes;

use crate::changes::facts::{GroupFact, MemberFact};
use crate::groups::group::Group;
use crate::groups::member::Member;
use crate::groups::state::GroupState;
use crate::time::Millis;

impl Group {
    /// Returns whether it is to be written down, which is then taken to happen.
    pub(crate) fn take_unsaved(&mut self) -> bool {
        let is_settled = matches!(self.state, GroupState::Stable | GroupState::Empty);
        is_settled && std::mem::take(&mut self.is_unsaved)
    }

    pub(crate) fn fact(&self) -> GroupFact {
        let text = |text: &Option<StrBytes>| text.as_ref().map(StrBytes::to_string);
        GroupFact {
            id: self.id.clone(),
            generation: self.generation,
            protocol_type: text(&self.protocol_type),
            protocol: text(&self.protocol),
            leader: text(&self.leader),
            members: self.members.iter().map(Member::fact).collect(),
        }
    }

    /// Makes the group that was written down. The sessions of its members begin anew.
    pub(crate) fn restore(now: Millis, fact: &GroupFact) -> Self {
        let text = |text: &Option<String>| text.clone().map(StrBytes::from_string);
        let members: Vec<_> = fact.members.iter().map(|it| Member::restore(now, it)).collect();
        Self {
            state: if members.is_empty() { GroupState::Empty } else { GroupState::Stable },
            generation: fact.generation,
            protocol_type: text(&fact.protocol_type),
            protocol: text(&fact.protocol),
            leader: text(&fact.leader),
            members,
            last_active: now,
            ..Self::new(fact.id.clone())
        }
    }
}

impl Member {
    fn fact(&self) -> MemberFact {
        let protocols = self.protocols.iter();
        MemberFact {
            id: self.id.to_string(),
            instance: self.instance.as_ref().map(StrBytes::to_string),
            client_id: self.client_id.to_string(),
            client_host: self.client_host.to_string(),
            session_timeout_ms: self.session_timeout_ms,
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            protocols: protocols.map(|(name, bytes)| (name.to_string(), bytes.clone())).collect(),
            assignment: self.assignment.clone(),
        }
    }

    fn restore(now: Millis, fact: &MemberFact) -> Self {
        let text = |text: &String| StrBytes::from_string(text.clone());
        let protocols = fact.protocols.iter();
        let mut member = Self {
            id: text(&fact.id),
            instance: fact.instance.as_ref().map(text),
            client_id: text(&fact.client_id),
            client_host: text(&fact.client_host),
            session_timeout_ms: fact.session_timeout_ms,
            rebalance_timeout_ms: fact.rebalance_timeout_ms,
            protocols: protocols.map(|(name, bytes)| (text(name), bytes.clone())).collect(),
            assignment: fact.assignment.clone(),
            join: None,
            sync: None,
            session_deadline: now,
            is_new: false,
        };
        member.renew_session(now);
        member
    }
}
