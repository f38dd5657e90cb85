//! The HTTP surface of an application: probes, metrics and the topology, read-only.
//!
//! One thread of its own answers, whatever the engine does; it asks the engine for what it knows and
//! changes nothing. What a client can take is bounded: connections, the size of a head, the time for it,
//! requests a second. When all connections are taken, a new one is given the place of the one that has
//! been silent for longest, so that a probe is answered however many say nothing.
//!
//! | path | answer |
//! | --- | --- |
//! | `/health/startup`, `/health/ready`, `/health/live` | 200 or 503, JSON with reasons |
//! | `/metrics` | text for Prometheus |
//! | `/topology` | text, Mermaid, JSON (`?format=`), or a page |
//! | `/` | a page: state, threads, links |

mod answers;
mod chart;
mod connections;
mod guard;
mod pages;
mod routes;
mod server;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use server::Server;

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::health::{HealthLimits, Vitals};
use crate::topology::{TopicNames, Topology};

/// What is shown of an application.
#[derive(Clone)]
pub struct Surface {
    /// Its name.
    pub application: String,
    /// Its topology.
    pub topology: TopologyViews,
    /// Where its health ends.
    pub limits: HealthLimits,
    /// Says how it is now; called for each probe, so it must not wait.
    pub vitals: Arc<dyn Fn() -> Vitals + Send + Sync>,
    /// Writes its metrics in the Prometheus text format; it may take a while.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface").field("application", &self.application).finish_non_exhaustive()
    }
}

/// A topology as it is shown.
#[derive(Debug, Clone)]
pub struct TopologyViews {
    /// In Kafka Streams' format.
    text: String,
    mermaid: String,
    /// As tools read it, which the drawing is made of, too.
    json: String,
}

impl TopologyViews {
    /// Writes a topology down with these names; window changelogs keep so much more.
    ///
    /// # Errors
    ///
    /// Where it cannot be said as JSON.
    pub fn of(
        topology: &Topology,
        names: &TopicNames,
        additional_retention: Duration,
    ) -> Result<Self> {
        let outline = topology.outline(names, additional_retention);
        let json = serde_json::to_string_pretty(&outline).map_err(|cause| {
            Error::new(ErrorKind::Serialization, "cannot write the topology").with_source(cause)
        })?;
        let text = topology.describe();
        Ok(Self { text, mermaid: topology.mermaid(), json })
    }
}
