//! Programs of the workspace as child processes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use integration_tests::clients;
use integration_tests::programs::{clean, program, program_path};
use integration_tests::waiting::{Deadline, eventually};
use rdkafka::producer::BaseRecord;

use crate::registry;

/// A service with where it runs.
pub(crate) struct Service<'a> {
    program: PathBuf,
    bootstrap: &'a str,
    state: &'a Path,
}

/// How a process ended, and what it said.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// Returns what it printed.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        assert_eq!(self.status, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
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

/// A process under way.
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut output = child.stdout.take().expect("piped");
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).expect("text");
            text
        });
        let errors = BufReader::new(child.stderr.take().expect("piped"));
        let stderr = Arc::new(Mutex::new(String::new()));
        let said = stderr.clone();
        let reader = std::thread::spawn(move || {
            for line in errors.lines() {
                let mut said = said.lock().expect("nobody panics with it");
                said.push_str(&line.expect("text"));
                said.push('\n');
            }
        });
        Self { child, stdout, stderr, reader }
    }

    /// Waits until the process says something on standard error.
    pub(crate) fn wait_for(&self, text: &str) {
        eventually(text, Deadline::seconds(60), || {
            self.stderr.lock().expect("nobody panics with it").contains(text).then_some(())
        });
    }

    /// Kills the process, which can do nothing about it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.finish();
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn terminate(self) -> Outcome {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.expect("kill runs").success());
        self.finish()
    }

    /// Waits until the process ends.
    pub(crate) fn finish(mut self) -> Outcome {
        let status = eventually("the end of the process", Deadline::seconds(120), || {
            self.child.try_wait().expect("it is our child")
        });
        self.reader.join().expect("reading works");
        let stdout = self.stdout.join().expect("reading works");
        let stderr = std::mem::take(&mut *self.stderr.lock().expect("nobody panics with it"));
        Outcome { status: status.code(), stdout, stderr }
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
