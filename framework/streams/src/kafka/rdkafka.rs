//! The ports over librdkafka. Nothing else of the library names the `rdkafka` crate.

mod admin;
mod config;
mod consumer;
mod context;
mod error;
mod producer;
mod refusals;

use self::refusals::Refusals;
use super::{Admin, Clients, Consumer, ConsumerRole, Patience, Producer};
use crate::config::Settings;
use crate::error::Result;

/// Makes librdkafka clients from an application's settings.
#[derive(Debug, Clone)]
pub struct RdKafka {
    settings: Settings,
    group: String,
    refusals: Refusals,
}

impl RdKafka {
    /// Makes the clients of an application whose group has this name.
    #[must_use]
    pub fn new(settings: &Settings, group: &str) -> Self {
        let refusals = Refusals::of_group(group);
        Self { settings: settings.clone(), group: group.to_owned(), refusals }
    }
}

impl Clients for RdKafka {
    fn consumer(&self, role: ConsumerRole, partitions: usize) -> Result<Box<dyn Consumer>> {
        let config = config::consumer(&self.settings, &self.group, role, partitions.max(1));
        Ok(Box::new(consumer::RdConsumer::create(&config, &self.refusals)?))
    }

    fn producer(&self, thread: usize, patience: Patience) -> Result<Box<dyn Producer>> {
        let config = config::producer(&self.settings, &self.group, thread);
        Ok(Box::new(producer::RdProducer::create(&config, patience, &self.refusals)?))
    }

    fn admin(&self) -> Result<Box<dyn Admin>> {
        let config = config::admin(&self.settings, &self.group);
        Ok(Box::new(admin::RdAdmin::create(config, &self.refusals)?))
    }
}
