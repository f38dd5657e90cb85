//! The broker as a program: it listens until it is told to stop.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kappa_broker::{BrokerConfig, Server, ServerConfig};
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;

/// A small broker that speaks the Kafka protocol, for development and tests.
///
/// Once it serves, the first line on standard output is `listening on HOST:PORT`: that address is
/// the `bootstrap.servers` of any Kafka client. It is not for production: by default
/// everything is in memory. SIGTERM or Ctrl-C ends it.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The host to listen on, which clients are also told to connect to.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,

    /// The port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Create a topic when its metadata is asked for, as Kafka does by default.
    #[arg(long)]
    auto_create_topics: bool,

    /// Keep everything in this directory, which is created if need be, and go on from what is
    /// there.
    ///
    /// What was acknowledged survives the end of the program, however sudden (SIGKILL too), but not
    /// a loss of power. One broker at a time may use a directory; if it cannot be written to (a
    /// full disk), the broker ends and says so.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let is_terminal = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(is_terminal);
    log.with_target(false).init();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            error!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = runtime.block_on(async {
        Ok::<_, io::Error>((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    })?;
    let broker =
        BrokerConfig { auto_create_topics: args.auto_create_topics, ..BrokerConfig::default() };
    let Args { host, port, data, .. } = args;
    let config = ServerConfig { host, port, data, broker, ..Default::default() };
    let mut server = Server::start(config)?;
    let mut out = io::stdout();
    writeln!(out, "listening on {}", server.bootstrap())?;
    out.flush()?;
    let told = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let end = runtime.block_on(until(told, server.ended()));
    server.stop();
    end
}

/// Waits until the program is told to stop; an error if the broker ends before.
async fn until(told: impl Future<Output = ()>, ended: impl Future<Output = ()>) -> io::Result<()> {
    tokio::select! {
        () = told => Ok(()),
        () = ended => {
            let message = "the broker ended by itself; what was in memory is gone";
            Err(io::Error::other(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[test]
    fn only_who_is_told_to_stop_ends_well() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(until(ready(()), pending())).is_ok());
        let error = runtime.block_on(until(pending(), ready(()))).unwrap_err();
        assert_eq!(error.to_string(), "the broker ended by itself; what was in memory is gone");
    }
}
