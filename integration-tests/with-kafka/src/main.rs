//! Runs a command beside a real Apache Kafka in a container of its own.
//!
//! The command finds the broker's address in `KAPPA_TEST_BOOTSTRAP`; with `--secured`, what it needs to be
//! let in in `KAPPA_TEST_SECURED_*`. The container goes away when the command ends, however it ends.
//! Nothing of it can be reached from other machines.

mod certificates;
mod secured;

use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tempfile::TempDir;
use testcontainers::bollard::models::{HostConfig, PortBinding};
use testcontainers::core::ContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ImageExt};
use testcontainers_modules::kafka::apache::{KAFKA_PORT, Kafka};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::secured::SecuredKafka;

/// Run a command beside an Apache Kafka in a container; its address is in KAPPA_TEST_BOOTSTRAP
#[derive(Debug, Parser)]
#[command(name = "with-kafka")]
struct Arguments {
    /// Image with the contract of apache/kafka
    #[arg(long, default_value = "apache/kafka", value_name = "NAME")]
    image: String,

    /// Tag of the image
    #[arg(long, value_name = "TAG")]
    tag: String,

    /// Have the broker ask for TLS, a password and rules
    #[arg(long)]
    secured: bool,

    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<String>,
}

/// What a container that never ran ends with (as `EX_UNAVAILABLE` of sysexits).
const NO_CONTAINER: u8 = 69;
/// Ended by a signal, as shells say it.
const INTERRUPTED: u8 = 130;

/// What a broker of one node needs beside the module's own settings: internal topics without copies,
/// and no waiting for members that never come.
const SETTINGS: [(&str, &str); 3] = [
    ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
    ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
    ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        say("cannot listen for signals");
        return ExitCode::FAILURE;
    };
    // A signal while the container starts drops what there is of it, and with that removes it.
    let started = tokio::select! {
        started = start(&arguments) => started,
        _ = interrupt.recv() => return ExitCode::from(INTERRUPTED),
        _ = terminate.recv() => return ExitCode::from(INTERRUPTED),
    };
    let (broker, variables) = match started {
        Ok(started) => started,
        Err(message) => {
            say(&message);
            return ExitCode::from(NO_CONTAINER);
        }
    };
    for (name, value) in variables.iter().filter(|(name, _)| name.ends_with("BOOTSTRAP")) {
        say(&format!("Apache Kafka {} is on {value} ({name})", arguments.tag));
    }
    let code = tokio::select! {
        code = run(&arguments.command, variables) => code,
        _ = interrupt.recv() => ExitCode::from(INTERRUPTED),
        _ = terminate.recv() => ExitCode::from(INTERRUPTED),
    };
    let removed = match broker {
        Broker::Open(container) => container.rm().await,
        // Its certificates go with it.
        Broker::Secured(secured, _) => secured.rm().await,
    };
    if let Err(error) = removed {
        say(&format!("cannot remove the container: {error}"));
    }
    code
}

/// A broker under way.
#[derive(Debug)]
enum Broker {
    Open(ContainerAsync<Kafka>),
    /// With the directory of its certificates, which goes with it.
    Secured(ContainerAsync<SecuredKafka>, #[expect(dead_code, reason = "held")] TempDir),
}

/// What the command is told, by variable.
type Variables = Vec<(&'static str, String)>;

async fn start(arguments: &Arguments) -> Result<(Broker, Variables), String> {
    if arguments.secured {
        let directory = TempDir::new().map_err(|error| format!("no directory: {error}"))?;
        let (container, variables) = secured::start(arguments, directory.path()).await?;
        return Ok((Broker::Secured(container, directory), variables));
    }
    let (container, bootstrap) = start_open(arguments).await?;
    Ok((Broker::Open(container), vec![("KAPPA_TEST_BOOTSTRAP", bootstrap)]))
}

async fn start_open(arguments: &Arguments) -> Result<(ContainerAsync<Kafka>, String), String> {
    let image =
        Kafka::default().with_jvm_image().with_name(&arguments.image).with_tag(&arguments.tag);
    let image =
        SETTINGS.into_iter().fold(image, |image, (name, value)| image.with_env_var(name, value));
    let image = settings_of_this_process()
        .fold(image, |image, (name, value)| image.with_env_var(name, value))
        .with_host_config_modifier(|host| on_loopback(host, &[KAFKA_PORT]));
    let failed = |error| format!("cannot start {}:{}: {error}", arguments.image, arguments.tag);
    let container = image.start().await.map_err(failed)?;
    let port = container.get_host_port_ipv4(KAFKA_PORT).await.map_err(failed)?;
    Ok((container, format!("127.0.0.1:{port}")))
}

/// Settings of the broker in this program's environment, which win.
fn settings_of_this_process() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("KAFKA_"))
}

/// Gives a container's ports free ones of this machine that other machines do not reach.
fn on_loopback(host: &mut HostConfig, ports: &[ContainerPort]) {
    let binding = |port: &ContainerPort| {
        let any = PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: None };
        (port.to_string(), Some(vec![any]))
    };
    host.publish_all_ports = Some(false);
    host.port_bindings = Some(ports.iter().map(binding).collect::<HashMap<_, _>>());
}

async fn run(command: &[String], variables: Variables) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
    let child = Command::new(program).args(arguments).envs(variables).kill_on_drop(true).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            say(&format!("cannot run {program}: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match child.wait().await {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            ExitCode::from(code.unwrap_or(1))
        }
        Err(error) => {
            say(&format!("lost {program}: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(message: &str) {
    // There is nobody to tell when standard error is closed.
    let _ = writeln!(std::io::stderr(), "with-kafka: {message}");
}
