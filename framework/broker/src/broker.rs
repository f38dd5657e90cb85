//! The broker's core: all of its state, moved only by requests and by time handed in.

pub(crate) mod dispatch;
mod restore;

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;

use crate::config::BrokerConfig;
use crate::faults::Faults;
use crate::fetch::parked::ParkedFetches;
use crate::groups::Groups;
use crate::reply::{ConnectionId, Replies};
use crate::time::{Millis, Moment};
use crate::topics::Topics;
use crate::transactions::Transactions;
use crate::upkeep::Upkeep;

/// The node id of the only broker.
pub(crate) const NODE_ID: i32 = 1;

/// A broker without a socket, a thread or a clock.
///
/// Requests go in as frames without their length, answers come out of [`Replies`]: one for each
/// request, either from the same call or, for a long poll or a member waiting for its group, from a
/// later one. A connection may have one request under way, as with Kafka. The same calls in the
/// same order give the same answers, so that a simulation can replay them from a seed.
///
/// ```
/// use bytes::{Buf, Bytes};
/// use kappa_broker::{Answer, Broker, BrokerConfig, ConnectionId, Millis, Replies};
///
/// let mut broker = Broker::new(BrokerConfig::default());
/// let mut replies = Replies::new();
/// // `ApiVersions` (18) in version 0, as number 7, from a client without a name.
/// let request = Bytes::from_static(&[0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]);
/// broker.handle(Millis::new(0), ConnectionId(1), request, &mut replies);
///
/// let answers: Vec<_> = replies.drain().collect();
/// let [(ConnectionId(1), Answer::Frame(frame))] = answers.as_slice() else { panic!() };
/// assert!(frame.remaining() > 100);
/// assert_eq!(broker.next_deadline(), None);
/// ```
///
/// Rules that delay or drop answers for tests stand in front of the dispatch: see
/// [`FaultRule`](crate::FaultRule).
#[derive(Debug)]
pub struct Broker {
    pub(crate) config: BrokerConfig,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    pub(crate) transactions: Transactions,
    pub(crate) parked: ParkedFetches,
    /// The next producer id to give out.
    pub(crate) next_producer_id: i64,
    /// Of 22 characters, as Kafka's; it stays for as long as what is kept.
    pub(crate) cluster_id: String,
    pub(crate) upkeep: Upkeep,
    pub(crate) faults: Faults,
    /// What was last said of the next producer id.
    saved_producer_id: i64,
    peers: BTreeMap<ConnectionId, StrBytes>,
    /// See [`Broker::set_wall_clock_ahead`].
    wall_ahead_ms: i64,
}

impl Broker {
    /// Makes an empty broker.
    #[must_use]
    pub fn new(config: BrokerConfig) -> Self {
        let cluster_id = format!("kappa-{:016x}", config.seed);
        let mut topics = Topics::new(config.partitions_max, config.log_bytes_max);
        topics.uuids.set_cluster(&cluster_id);
        Self {
            topics,
            groups: Groups::new(config.groups, config.seed),
            transactions: Transactions::new(config.transactions),
            parked: ParkedFetches::default(),
            next_producer_id: 0,
            cluster_id,
            upkeep: Upkeep::default(),
            faults: Faults::default(),
            saved_producer_id: 0,
            peers: BTreeMap::new(),
            wall_ahead_ms: 0,
            config,
        }
    }

    /// Tells where a connection comes from; only descriptions of groups show it.
    pub fn connected(&mut self, connection: ConnectionId, host: &str) {
        // Kafka shows an address with a slash in front.
        self.peers.insert(connection, StrBytes::from_string(format!("/{host}")));
    }

    /// Tells by how many milliseconds the wall clock is ahead of the time that is handed in; not at
    /// all, unless told.
    ///
    /// Timers go by the time handed in, which a clock that is set (or a machine that slept) must
    /// not move. Records are stamped with, and checked against, the wall clock.
    pub fn set_wall_clock_ahead(&mut self, millis: i64) {
        self.wall_ahead_ms = millis;
    }

    pub(crate) fn moment(&self, now: Millis) -> Moment {
        let stamp = Millis::new(now.as_i64().saturating_add(self.wall_ahead_ms));
        Moment { now, stamp }
    }

    /// Takes one request: the bytes of a frame behind its length.
    ///
    /// What is due by now is done before. Produced batches are kept as slices of these bytes where
    /// they are most of them: without a copy, if nobody else holds them.
    pub fn handle(
        &mut self,
        now: Millis,
        connection: ConnectionId,
        request: Bytes,
        replies: &mut Replies,
    ) {
        // Under load there is always another request, and the timers must not wait for none.
        if self.next_deadline().is_some_and(|at| at <= now) {
            self.tick(now, replies);
        }
        self.dispatch(now, connection, request, replies);
        self.end_step(now, replies);
    }

    /// Tells that a connection is gone: what it waited for is forgotten.
    ///
    /// Members of groups stay until their session ends, since they may come back by another one.
    pub fn disconnected(&mut self, connection: ConnectionId) {
        self.peers.remove(&connection);
        self.parked.forget(connection);
        self.faults.forget(connection);
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: Millis, replies: &mut Replies) {
        self.complete_expired_fetches(now, replies);
        self.groups.tick(now, replies);
        self.expire_transactions(now, replies);
        self.keep_up(now, replies);
        self.end_delays(now, replies);
        self.end_step(now, replies);
    }

    fn end_step(&mut self, now: Millis, replies: &mut Replies) {
        self.schedule_upkeep(now);
        self.hand_over_changes(replies);
        self.faults.drop_answers(replies);
    }

    /// Returns when [`tick`](Self::tick) has something to do, unless a request comes first.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        let (fetch, group) = (self.parked.next_deadline(), self.groups.next_deadline());
        let (upkeep, delay) = (self.upkeep.next_deadline(), self.faults.next_deadline());
        [fetch, group, self.transactions.next_deadline(), upkeep, delay].into_iter().flatten().min()
    }
}
