//! The broker as a program: it listens until it is told to stop.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kappa_broker::{BrokerConfig, Server, ServerConfig};
use kappa_registry as registry;
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;

/// A small broker that speaks the Kafka protocol, for development and tests.
///
/// Once it serves, the first line on standard output is `listening on HOST:PORT`: that address is
/// the `bootstrap.servers` of any Kafka client. It is not for production: by default
/// everything is in memory. SIGTERM or Ctrl-C ends it.
///
/// With `--registry` a schema registry runs beside it, and the second line is
/// `registry on http://HOST:PORT`: that is the `schema.registry.url` of any client of the Confluent
/// API.
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

    /// Run a schema registry beside, on this address; port 0 takes a free one.
    ///
    /// With `--data DIR` it keeps its schemas in DIR/registry.
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    registry: Option<(String, u16)>,
}

/// Takes an address apart; a host of IPv6 stands in brackets.
fn address(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("it is no HOST:PORT")?;
    let port = port.parse().map_err(|e| format!("the port is none: {e}"))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    Ok((host.to_owned(), port))
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
    let mut registry = None;
    if let Some((host, port)) = args.registry {
        let data = args.data.as_ref().map(|data| data.join("registry"));
        let config = registry::ServerConfig { host, port, data, ..Default::default() };
        registry = Some(registry::Server::start(config)?);
    }
    let Args { host, port, data, .. } = args;
    let config = ServerConfig { host, port, data, broker, ..Default::default() };
    let mut server = Server::start(config)?;
    let mut out = io::stdout();
    writeln!(out, "listening on {}", server.bootstrap())?;
    if let Some(registry) = &registry {
        writeln!(out, "registry on {}", registry.url())?;
    }
    out.flush()?;
    let told = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let registry_ended = async {
        match &mut registry {
            Some(registry) => registry.ended().await,
            None => std::future::pending().await,
        }
    };
    let end = runtime.block_on(until(told, server.ended(), registry_ended));
    server.stop();
    end
}

/// Waits until the program is told to stop; an error if the broker or the registry ends before.
async fn until(
    told: impl Future<Output = ()>,
    broker_ended: impl Future<Output = ()>,
    registry_ended: impl Future<Output = ()>,
) -> io::Result<()> {
    let by_itself = |which| {
        let message = format!("the {which} ended by itself; what was in memory is gone");
        Err(io::Error::other(message))
    };
    tokio::select! {
        () = told => Ok(()),
        () = broker_ended => by_itself("broker"),
        () = registry_ended => by_itself("registry"),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[test]
    fn only_who_is_told_to_stop_ends_well() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(until(ready(()), pending(), pending())).is_ok());
        let error = runtime.block_on(until(pending(), ready(()), pending())).unwrap_err();
        assert_eq!(error.to_string(), "the broker ended by itself; what was in memory is gone");
        let error = runtime.block_on(until(pending(), pending(), ready(()))).unwrap_err();
        assert_eq!(error.to_string(), "the registry ended by itself; what was in memory is gone");
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let parsed = |text| address(text).ok();
        assert_eq!(parsed("localhost:8081"), Some(("localhost".to_owned(), 8081)));
        assert_eq!(parsed("[::1]:0"), Some(("::1".to_owned(), 0)));
        let wrong = ["8081", "localhost", ":8081", "localhost:http", "localhost:70000"];
        assert!(wrong.into_iter().all(|text| parsed(text).is_none()));
    }
}
