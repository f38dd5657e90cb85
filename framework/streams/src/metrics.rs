//! What the engine counts, under which names, and how it is read.
//!
//! One [table](Metric::ALL) names all metrics; exporters, the HTTP surface and the page of metrics follow
//! from it. Whoever has something to tell keeps plain fields and publishes them between two turns; a
//! [`Metrics`] collects [`Sample`]s of what was published, whenever it is asked. Nothing here knows an
//! exporter, and nothing is counted in a shared place per record.

mod dropped;
mod histogram;
mod kinds;
mod registry;
mod sample;
mod table;

pub use dropped::{DropReason, DroppedRecords};
pub use histogram::{BOUNDS, Histogram};
pub use kinds::{Kind, Level, Unit};
pub(crate) use registry::with;
pub use registry::{Collect, Collection, Metrics, Moment};
pub use sample::{Attributes, Sample, Value};
pub use table::{Metric, PREFIX};
