//! The client's own metrics: its state, its threads'.

use std::sync::{Arc, Weak};

use crate::metrics::{Attributes, Collect, Collection, Metric};
use crate::runtime::application::{Application, Stats};
use crate::runtime::client_state::{ClientState, StateCell};
use crate::runtime::kafka_streams::thread_name;
use crate::runtime::thread_state::ThreadState;
use crate::time::Timestamp;
use crate::topology::Topology;

/// A client, started or not.
pub(crate) struct ClientSource {
    pub(crate) application_id: Arc<str>,
    pub(crate) topology: Topology,
    pub(crate) since: Timestamp,
    pub(crate) state: Arc<StateCell>,
    pub(crate) stats: Arc<Stats>,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Collect for ClientSource {
    fn collect(&self, into: &mut Collection<'_>) {
        let none = Attributes::new();
        let now = self.state.get();
        let states = ClientState::ALL.map(|state| (state.to_string(), state == now));
        let states = states.iter().map(|(name, is_it)| (&**name, *is_it));
        into.state(Metric::ClientState, &none, states);
        let info =
            vec![("application-id", self.application_id.clone()), ("version", Arc::from(VERSION))];
        into.gauge(Metric::ClientInfo, &info, 1.0);
        if into.wants(Metric::ClientTopology) {
            let text = vec![("topology-description", Arc::from(self.topology.describe()))];
            into.gauge(Metric::ClientTopology, &text, 1.0);
        }
        into.gauge(Metric::ClientStartTime, &none, seconds(self.since));
        into.count(Metric::ClientThreadsFailed, &none, self.stats.failed_threads());
    }
}

/// The stream threads of a started client; it may be gone by now.
pub(crate) struct ThreadsSource(pub(crate) Weak<Application>);

impl Collect for ThreadsSource {
    fn collect(&self, into: &mut Collection<'_>) {
        let Some(app) = self.0.upgrade() else { return };
        let alive = u64::try_from(app.threads.count()).unwrap_or(0);
        into.amount(Metric::ClientThreadsAlive, &Attributes::new(), alive);
        for thread in app.threads.metadata() {
            let name = thread_name(&app, thread.number - 1);
            let states = ThreadState::ALL.map(|state| (state.to_string(), state == thread.state));
            let states = states.iter().map(|(name, is_it)| (&**name, *is_it));
            into.state(Metric::ThreadState, &vec![("thread-id", name.into())], states);
        }
    }
}

/// Returns a moment in seconds since 1970.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this age need 41 bits")]
pub(super) fn seconds(timestamp: Timestamp) -> f64 {
    timestamp.as_millis() as f64 / 1_000.0
}
