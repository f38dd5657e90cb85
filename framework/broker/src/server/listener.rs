//! Taking connections in, up to the limit.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tracing::warn;

use crate::reply::ConnectionId;
use crate::server::connection::Connection;
use crate::server::{Event, ServerConfig};

/// How long to wait for a file handle when there is none.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the same trouble is told at most.
const WARNING_INTERVAL: Duration = Duration::from_secs(1);

/// Serves each connection that comes by a task of its own.
pub(super) async fn accept(
    config: &ServerConfig,
    mut next: impl AsyncFnMut() -> io::Result<(TcpStream, SocketAddr)>,
    events: mpsc::Sender<Event>,
) {
    let places = Arc::new(Semaphore::new(config.connections_max));
    let (mut failure, mut refusal) = (Warning::default(), Warning::default());
    let mut next_id = 0;
    loop {
        let (socket, peer) = match next().await {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of file handles, most likely: until one is free, every try fails at once.
                if failure.is_due(Instant::now()) {
                    warn!("cannot accept a connection: {e}");
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            if refusal.is_due(Instant::now()) {
                let max = config.connections_max;
                warn!("closing {peer}: there are {max} connections already");
            }
            continue;
        };
        let id = ConnectionId(next_id);
        next_id += 1;
        let connection = Connection::new(id, peer, config, events.clone());
        tokio::spawn(async move {
            connection.run(socket).await;
            drop(place);
        });
    }
}

/// When something was last told.
#[derive(Debug, Default)]
struct Warning {
    last: Option<Instant>,
}

impl Warning {
    /// Returns whether it may be told again, which is then taken to happen.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.last.is_none_or(|last| now - last >= WARNING_INTERVAL);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{block_on, logged};

    #[test]
    fn without_file_handles_it_waits_and_says_so_once() {
        let mut tries = 0;
        let log = logged(|| {
            block_on(async {
                let (events, _waiting) = mpsc::channel(1);
                let config = ServerConfig::default();
                let failing = async || {
                    tries += 1;
                    Err(io::Error::other("too many open files"))
                };
                let accepting = accept(&config, failing, events);
                let limit = Duration::from_millis(350);
                tokio::time::timeout(limit, accepting).await.unwrap_err();
            });
        });
        assert!((1..=4).contains(&tries), "{tries} tries in 350 ms");
        assert_eq!(log.matches("cannot accept a connection: too many open files").count(), 1);
    }

    #[test]
    fn a_warning_is_told_once_in_a_second() {
        let (mut warning, start) = (Warning::default(), Instant::now());
        let told = [0, 1, 999, 1_000, 1_001, 1_999, 2_000];
        let told = told.map(|millis| warning.is_due(start + Duration::from_millis(millis)));
        assert_eq!(told, [true, false, false, true, false, false, true]);
    }
}
