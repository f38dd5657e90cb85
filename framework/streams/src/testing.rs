//! Testing a topology without a broker: the production task, driven by hand.

#[cfg(feature = "__bench")]
#[doc(hidden)]
pub mod bench;
mod driver;
#[cfg(feature = "schema-registry")]
mod schemas;
mod stores;
mod topics;

pub use driver::{OutputRecord, TopologyTestDriver};
#[cfg(feature = "schema-registry")]
pub use schemas::unreleased_schemas;
pub use topics::{TestInputTopic, TestOutputTopic};
