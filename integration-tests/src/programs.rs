//! Programs of the workspace, the embedded broker's among them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Returns a program of the workspace, to be run.
///
/// # Panics
///
/// If it is not built.
#[must_use]
pub fn program(name: &str) -> Command {
    clean(Command::new(program_path(name)))
}

/// Returns where a program of the workspace is: it is built beside this test.
///
/// # Panics
///
/// If it is not built.
#[must_use]
pub fn program_path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a file");
    let beside: PathBuf = test.ancestors().nth(2).expect("target/debug/deps").join(name);
    assert!(
        beside.is_file(),
        "{} is not built: run `make test`, or `cargo build --workspace --all-features` before",
        beside.display()
    );
    beside
}

/// Keeps what the person at the keyboard has set out of a test.
#[must_use]
pub fn clean(mut command: Command) -> Command {
    for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("KAPPA_")) {
        command.env_remove(variable);
    }
    command.env_remove("RUST_LOG");
    command
}

/// The embedded broker in a process of its own, on a data directory; killed when this goes.
#[derive(Debug)]
pub struct BrokerProcess {
    child: Child,
    bootstrap: String,
}

impl BrokerProcess {
    /// Starts one on a free port and waits until it serves.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start(data: &Path) -> Self {
        Self::on_port(data, "0")
    }

    /// Kills it with SIGKILL and starts another on its port and directory.
    ///
    /// # Panics
    ///
    /// If it does not end or start.
    pub fn kill_and_restart(&mut self, data: &Path) {
        self.kill();
        let port = self.bootstrap.rsplit(':').next().expect("a port").to_owned();
        *self = Self::on_port(data, &port);
    }

    /// Kills it with SIGKILL.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Returns the address for clients.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    fn on_port(data: &Path, port: &str) -> Self {
        let mut command = program("kappa-broker");
        command.args(["--port", port, "--data"]).arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the broker starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("its first line");
        let bootstrap = line.trim_end().strip_prefix("listening on ").map(str::to_owned);
        Self { child, bootstrap: bootstrap.expect("the broker says where it listens") }
    }
}

impl Drop for BrokerProcess {
    fn drop(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
