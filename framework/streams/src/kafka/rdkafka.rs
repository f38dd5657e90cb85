//! The ports over librdkafka. Nothing else of the library names the `rdkafka` crate.

mod admin;
mod config;
mod consumer;
mod context;
mod error;
mod producer;

use super::{Admin, Clients, Consumer, ConsumerRole, Patience, Producer};
use crate::config::Settings;
use crate::error::Result;

/// Makes librdkafka clients from an application's settings.
#[derive(Debug, Clone)]
pub struct RdKafka {
    settings: Settings,
    group: String,
}

impl RdKafka {
    /// Makes the clients of an application whose group has this name.
    #[must_use]
    pub fn new(settings: &Settings, group: &str) -> Self {
        Self { settings: settings.clone(), group: group.to_owned() }
    }
}

impl Clients for RdKafka {
    fn consumer(&self, role: ConsumerRole, partitions: usize) -> Result<Box<dyn Consumer>> {
        let config = config::consumer(&self.settings, &self.group, role, partitions.max(1));
        Ok(Box::new(consumer::RdConsumer::create(&config)?))
    }

    fn producer(&self, thread: usize, patience: Patience) -> Result<Box<dyn Producer>> {
        let config = config::producer(&self.settings, &self.group, thread);
        Ok(Box::new(producer::RdProducer::create(&config, patience)?))
    }

    fn admin(&self) -> Result<Box<dyn Admin>> {
        Ok(Box::new(admin::RdAdmin::create(config::admin(&self.settings, &self.group))?))
    }
}
