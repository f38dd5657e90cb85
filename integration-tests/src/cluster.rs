//! The broker under test, and names of one's own on it.

use std::collections::hash_map::RandomState;
use std::env;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};

use kappa_broker::{Server, ServerConfig};

/// The variable that names another broker to run on.
pub const BOOTSTRAP_VARIABLE: &str = "KAPPA_TEST_BOOTSTRAP";

/// Returns the broker that tests were given from outside, if they were.
pub(crate) fn given() -> Option<String> {
    env::var(BOOTSTRAP_VARIABLE).ok().filter(|bootstrap| !bootstrap.is_empty())
}

/// A broker for the time of a test: started here, or given from outside.
#[derive(Debug)]
pub struct Cluster {
    bootstrap: String,
    /// Ends with the test; nothing for a broker from outside.
    server: Option<Server>,
}

impl Cluster {
    /// Starts the embedded broker, or takes the one that was given.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(ServerConfig::default())
    }

    /// Starts an embedded broker with these settings, or takes the one that was given as it is.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start_with(config: ServerConfig) -> Self {
        if std::env::var_os("KAPPA_TEST_LOG").is_some() {
            // Fails where another test was first, which is all the same.
            let _ = tracing_subscriber::fmt().with_test_writer().try_init();
        }
        match given() {
            Some(bootstrap) => Self { bootstrap, server: None },
            None => Self::embedded(config),
        }
    }

    /// Starts an embedded broker with these settings, whatever was given from outside.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn embedded(config: ServerConfig) -> Self {
        let server = Server::start(config).expect("the embedded broker starts");
        Self { bootstrap: server.bootstrap().to_owned(), server: Some(server) }
    }

    /// Returns the address for clients.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Returns whether this is the embedded broker.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.server.is_some()
    }
}

/// Returns a name that no other test and no other run has.
#[must_use]
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // The keys of a hasher are random: that is all the randomness needed here.
    let random = RandomState::new().build_hasher().finish() & 0xffff_ffff;
    let pid = std::process::id();
    format!("{prefix}-{pid}-{random:08x}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
