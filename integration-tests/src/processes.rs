//! Programs that run beside a test, with what they say and how they end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::waiting::{Deadline, eventually};

/// How a process ended, and what it said.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit status; none where a signal ended it.
    pub status: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Returns what it printed.
    ///
    /// # Panics
    ///
    /// If it failed.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "that it succeeded may be all that is wanted")]
    pub fn succeeds(self) -> String {
        assert_eq!(self.status, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.stdout
    }
}

/// A process under way.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Running {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    #[must_use]
    pub fn start(mut command: Command) -> Self {
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
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn wait_for(&self, text: &str) {
        eventually(text, Deadline::seconds(60), || {
            self.stderr.lock().expect("nobody panics with it").contains(text).then_some(())
        });
    }

    /// Returns what the process has said on standard error so far.
    ///
    /// # Panics
    ///
    /// If the thread that reads has panicked.
    #[must_use]
    pub fn said(&self) -> String {
        self.stderr.lock().expect("nobody panics with it").clone()
    }

    /// Kills the process, which can do nothing about it.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        let _ = self.finish();
    }

    /// Asks the process to end, and waits until it has.
    ///
    /// # Panics
    ///
    /// If it does not end.
    #[must_use]
    pub fn terminate(self) -> Outcome {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.expect("kill runs").success());
        self.finish()
    }

    /// Waits until the process ends.
    ///
    /// # Panics
    ///
    /// If it does not.
    #[must_use]
    pub fn finish(mut self) -> Outcome {
        let status = eventually("the end of the process", Deadline::seconds(120), || {
            self.child.try_wait().expect("it is our child")
        });
        self.reader.join().expect("reading works");
        let stdout = self.stdout.join().expect("reading works");
        let stderr = std::mem::take(&mut *self.stderr.lock().expect("nobody panics with it"));
        Outcome { status: status.code(), stdout, stderr }
    }
}
