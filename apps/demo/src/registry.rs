//! The schema registry to use: one that runs, or one in this process.

use std::fmt;

use kappa::{Error, ErrorKind, Result};
use kappa_registry::{Server, ServerConfig};

/// A schema registry.
pub(crate) enum SchemaRegistry {
    /// In this process, and gone with it.
    Embedded(Box<Server>),
    /// Somebody's.
    Existing(String),
}

impl SchemaRegistry {
    /// Takes a registry by its address, or starts one.
    pub(crate) fn at(url: Option<&str>) -> Result<Self> {
        let Some(url) = url else {
            let started = Server::start(ServerConfig::default());
            return started.map(|server| Self::Embedded(Box::new(server))).map_err(|cause| {
                Error::new(ErrorKind::Unavailable, "cannot start a registry").with_source(cause)
            });
        };
        Ok(Self::Existing(url.to_owned()))
    }

    /// Returns its address.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Embedded(server) => server.url(),
            Self::Existing(url) => url,
        }
    }
}

impl fmt::Display for SchemaRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(server) => {
                write!(f, "embedded registry, on {} (in memory, for development)", server.url())
            }
            Self::Existing(url) => f.write_str(url),
        }
    }
}
