//! Programs of the workspace as child processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use integration_tests::clients;
pub(crate) use integration_tests::processes::{Outcome, Running};
use integration_tests::programs::{clean, program, program_path};
use rdkafka::producer::BaseRecord;

use crate::registry;

/// A service with where it runs.
pub(crate) struct Service<'a> {
    program: PathBuf,
    bootstrap: &'a str,
    state: &'a Path,
}

impl<'a> Service<'a> {
    pub(crate) fn new(name: &str, bootstrap: &'a str, state: &'a Path) -> Self {
        Self { program: program_path(name), bootstrap, state }
    }

    /// One of the library's examples.
    pub(crate) fn example(name: &str, bootstrap: &'a str, state: &'a Path) -> Self {
        Self { program: program_path(&format!("examples/{name}")), bootstrap, state }
    }

    /// Starts the service.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.arguments(clean(Command::new(&self.program)), arguments))
    }

    /// Starts the service where no file can grow beyond so many KiB.
    pub(crate) fn start_with_file_limit(&self, kib: usize, arguments: &[&str]) -> Running {
        let mut shell = clean(Command::new("bash"));
        // Ignored, the signal that would end the process leaves it the error.
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$@\"");
        shell.args(["-c", &script, "bash"]).arg(&self.program);
        Running::start(self.arguments(shell, arguments))
    }

    fn arguments(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).args(["--bootstrap-servers", self.bootstrap]);
        command.arg("--state-dir").arg(self.state).env("SCHEMA_REGISTRY_URL", registry::url());
        command
    }

    /// Runs the service to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.start(arguments).finish()
    }

    /// Returns the last value of each key of a topic, as JSON.
    pub(crate) fn results(&self, topic: &str) -> BTreeMap<String, serde_json::Value> {
        let lines = self.run(&["results", "--json", "--topic", topic]).succeeds();
        let rows = lines.lines().map(|line| {
            let mut row: serde_json::Value = serde_json::from_str(line).expect("a row");
            let key = row["key"].as_str().expect("a key").to_owned();
            (key, row["value"].take())
        });
        rows.collect()
    }
}

/// Feeds the flights from one day to another; departures in a version of their schema.
pub(crate) fn feeder(bootstrap: &str, from: &str, to: &str, departures: &str) {
    let mut command = program("feeder");
    command.args(["--bootstrap-servers", bootstrap, "--from", from, "--to", to]);
    command.args(["--departures-version", departures]);
    command.env("SCHEMA_REGISTRY_URL", registry::url());
    command.env("KAPPA_AUTO_REGISTER_SCHEMAS", "true");
    let fed = Running::start(command).finish().succeeds();
    assert!(fed.starts_with("wrote "), "{fed}");
}

/// Writes a row into a result topic that does not belong there.
pub(crate) fn tamper(bootstrap: &str, topic: &str) {
    let producer = clients::producer(bootstrap, &[]);
    clients::send(&producer, BaseRecord::to(topic).key("nonsense").payload("{}").timestamp(1));
    clients::drain(&producer);
}
