//! One member of a group.

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;

use crate::groups::join::Joining;
use crate::reply::Call;
use crate::time::Millis;

/// A member, dynamic or static.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) id: StrBytes,
    /// The name a static member keeps over restarts.
    pub(crate) instance: Option<StrBytes>,
    pub(crate) client_id: StrBytes,
    pub(crate) client_host: StrBytes,
    pub(crate) session_timeout_ms: i64,
    pub(crate) rebalance_timeout_ms: i64,
    /// The assignment strategies it offers, in order of preference, each with its subscription.
    pub(crate) protocols: Vec<(StrBytes, Bytes)>,
    pub(crate) assignment: Bytes,
    /// The join it waits with, until everyone has joined.
    pub(crate) join: Option<Call>,
    /// The sync it waits with, until the leader has assigned.
    pub(crate) sync: Option<Call>,
    /// When it is taken for gone, unless heard of before.
    pub(crate) session_deadline: Millis,
    /// Whether it has not completed a join yet: such a member cannot send heartbeats.
    pub(crate) is_new: bool,
}

impl Member {
    /// Makes the member that joins with this request, under this id.
    pub(crate) fn new(id: StrBytes, joining: &Joining) -> Self {
        let mut member = Self {
            id,
            instance: joining.body.group_instance_id.clone(),
            client_id: joining.client_id.clone(),
            client_host: joining.client_host.clone(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: 0,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            join: None,
            sync: None,
            session_deadline: Millis::default(),
            is_new: true,
        };
        member.update(joining);
        member
    }

    /// Takes over what a join says, and waits with it. Returns the join it waited with before: that
    /// of a client that gave up on it and came back by another connection.
    pub(crate) fn update(&mut self, joining: &Joining) -> Option<Call> {
        self.session_timeout_ms = i64::from(joining.body.session_timeout_ms);
        self.rebalance_timeout_ms = joining.rebalance_timeout_ms();
        self.protocols = joining.protocols();
        self.join.replace(joining.call)
    }

    /// Returns whether it offers exactly this.
    pub(crate) fn offers(&self, protocols: &[(StrBytes, Bytes)]) -> bool {
        self.protocols == protocols
    }

    /// Returns the assignment strategies it offers, in order of preference.
    pub(crate) fn offered(&self) -> impl Iterator<Item = &StrBytes> {
        self.protocols.iter().map(|(name, _)| name)
    }

    pub(crate) fn supports(&self, protocol: &StrBytes) -> bool {
        self.offered().any(|name| name == protocol)
    }

    /// Returns its subscription under a protocol.
    pub(crate) fn metadata(&self, protocol: Option<&StrBytes>) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| Some(name) == protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }

    /// Notes that it was heard of.
    pub(crate) fn renew_session(&mut self, now: Millis) {
        self.session_deadline = now.after(self.session_timeout_ms);
    }

    /// Returns when it is taken for gone: never while it waits for others, unless it is new.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        let is_waiting = self.join.is_some() || self.sync.is_some();
        (self.is_new || !is_waiting).then_some(self.session_deadline)
    }
}
