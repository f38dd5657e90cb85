//! Testing a topology without a broker: the production task, driven by hand.

#[cfg(feature = "__bench")]
#[doc(hidden)]
pub mod bench;
mod driver;
mod stores;
mod topics;

pub use driver::{OutputRecord, TopologyTestDriver};
pub use topics::{TestInputTopic, TestOutputTopic};
