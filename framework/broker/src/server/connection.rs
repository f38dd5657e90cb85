//! One connection: a request in, its answer out, and so on.

use std::net::SocketAddr;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::reply::{Answer, ConnectionId};
use crate::server::Event;
use crate::server::frame::{self, FrameError};

/// The server's end of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    id: ConnectionId,
    peer: SocketAddr,
    frame_bytes_max: usize,
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
        frame_bytes_max: usize,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self { id, peer, frame_bytes_max, events }
    }

    /// Serves until either side has enough.
    pub(super) async fn run(&self, socket: TcpStream) {
        // One answer is owed at a time.
        let (answers, answered) = mpsc::channel(1);
        let host = self.peer.ip().to_string();
        let connected = Event::Connected { id: self.id, host, answers };
        if self.events.send(connected).await.is_err() {
            return;
        }
        if let End::Refused(reason) = self.serve(socket, answered).await {
            warn!("closing {}: {reason}", self.peer);
        }
        // An error only says that the server stops.
        let _ = self.events.send(Event::Disconnected { id: self.id }).await;
    }

    async fn serve(&self, mut socket: TcpStream, mut answered: mpsc::Receiver<Answer>) -> End {
        // An answer is written whole, so waiting for more to send gains nothing.
        if let Err(e) = socket.set_nodelay(true) {
            debug!("cannot set nodelay for {}: {e}", self.peer);
        }
        let (reading, mut writing) = socket.split();
        let mut reading = BufReader::new(reading);
        loop {
            let frame = match frame::read(&mut reading, self.frame_bytes_max).await {
                Ok(Some(frame)) => frame,
                Ok(None) => return End::Quiet,
                Err(FrameError::Io(e)) => {
                    debug!("{} is gone: {e}", self.peer);
                    return End::Quiet;
                }
                Err(e) => return End::Refused(e.to_string()),
            };
            if self.events.send(Event::Request { id: self.id, frame }).await.is_err() {
                return End::Quiet;
            }
            match answered.recv().await {
                Some(Answer::Frame(mut frame)) => {
                    if let Err(e) = writing.write_all_buf(&mut frame).await {
                        debug!("{} is gone: {e}", self.peer);
                        return End::Quiet;
                    }
                }
                Some(Answer::Nothing) => {}
                Some(Answer::Close(reason)) => return End::Refused(reason),
                None => return End::Quiet,
            }
        }
    }
}
