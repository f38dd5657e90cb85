//! One connection: a request in, its answer out, and so on.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::reply::{Answer, ConnectionId, Frame};
use crate::server::frame::{self, FrameError};
use crate::server::{Event, ServerConfig};

/// The server's end of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    id: ConnectionId,
    peer: SocketAddr,
    frame_bytes_max: usize,
    idle_max: Duration,
    events: mpsc::Sender<Event>,
}

/// Why a connection ends.
enum End {
    /// The client left, or the server stops.
    Quiet,
    /// The client sent what cannot be answered.
    Refused(String),
}

impl Connection {
    pub(super) fn new(
        id: ConnectionId,
        peer: SocketAddr,
        config: &ServerConfig,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let idle_max = Duration::from_millis(config.idle_ms_max);
        Self { id, peer, frame_bytes_max: config.frame_bytes_max, idle_max, events }
    }

    /// Serves until either side has enough.
    pub(super) async fn run(&self, mut socket: TcpStream) {
        // An answer is written whole, so waiting for more to send gains nothing.
        if let Err(e) = socket.set_nodelay(true) {
            debug!("cannot set nodelay for {}: {e}", self.peer);
        }
        // One answer is owed at a time.
        let (answers, answered) = mpsc::channel(1);
        let host = self.peer.ip().to_string();
        let connected = Event::Connected { id: self.id, host, answers };
        if self.events.send(connected).await.is_err() {
            return;
        }
        let (reading, writing) = socket.split();
        if let End::Refused(reason) = self.serve(reading, writing, answered).await {
            warn!("closing {}: {reason}", self.peer);
        }
        // An error only says that the server stops.
        let _ = self.events.send(Event::Disconnected { id: self.id }).await;
    }

    async fn serve(
        &self,
        reading: impl AsyncRead + Unpin,
        mut writing: impl AsyncWrite + Unpin,
        mut answered: mpsc::Receiver<Answer>,
    ) -> End {
        let mut reading = BufReader::new(reading);
        loop {
            let frame = frame::read(&mut reading, self.frame_bytes_max);
            let frame = match timeout(self.idle_max, frame).await {
                Ok(Ok(Some(frame))) => frame,
                Ok(Ok(None)) => return End::Quiet,
                Ok(Err(FrameError::Io(e))) => return self.gone(&e),
                Ok(Err(e)) => return End::Refused(e.to_string()),
                Err(_elapsed) => return self.gone(&"it sent nothing for too long"),
            };
            if self.events.send(Event::Request { id: self.id, frame }).await.is_err() {
                return End::Quiet;
            }
            let answer = tokio::select! {
                biased;
                answer = answered.recv() => answer,
                () = left(&mut reading) => return self.gone(&"it did not wait for its answer"),
            };
            match answer {
                Some(Answer::Frame(frame)) => {
                    if let Err(e) = self.write(&mut writing, frame).await {
                        return self.gone(&e);
                    }
                }
                Some(Answer::Nothing) => {}
                Some(Answer::Close(reason)) => return End::Refused(reason),
                None => return End::Quiet,
            }
        }
    }

    /// Writes an answer, as long as the client takes some of it now and then.
    async fn write(
        &self,
        writing: &mut (impl AsyncWrite + Unpin),
        mut frame: Frame,
    ) -> io::Result<()> {
        while frame.has_remaining() {
            match timeout(self.idle_max, writing.write_buf(&mut frame)).await {
                Ok(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => _ = written?,
                Err(_elapsed) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        Ok(())
    }

    fn gone(&self, why: &dyn std::fmt::Display) -> End {
        debug!("{} is gone: {why}", self.peer);
        End::Quiet
    }
}

/// Returns once the client has left, which is only seen as long as it has not sent a request ahead.
/// Such a one stays where it is: it is read when its turn comes.
async fn left(reading: &mut BufReader<impl AsyncRead + Unpin>) {
    match reading.fill_buf().await {
        Ok(ahead) if !ahead.is_empty() => std::future::pending().await,
        Ok(_) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests;
