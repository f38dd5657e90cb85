//! Progress on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::logging;
use crate::time::{Clock, SystemClock};

/// Shows how far something long is.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    clock: SystemClock,
    label: String,
    unit: &'static str,
    next_line: Duration,
}

/// How often a line is written where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
const BAR: &str = "{prefix} [{bar:32}] {human_pos}/{human_len} {per_sec} ETA {eta}";
const SPINNER: &str = "{prefix} {spinner} {human_pos} records {per_sec}";

impl Progress {
    /// Starts to show something whose length is known, or not.
    #[must_use]
    pub fn start(label: &str, total: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let template = if total.is_some() { BAR } else { SPINNER };
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(template);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(label.to_owned())
        });
        let clock = SystemClock::start();
        Self { bar, clock, label: label.to_owned(), unit: "records", next_line: LINE_INTERVAL }
    }

    /// Says what is counted where it is not records.
    #[must_use]
    pub fn counting(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Shows that this much is done, of this much.
    pub fn update(&mut self, done: u64, total: Option<u64>) {
        if let Some(bar) = &self.bar {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
            return;
        }
        let elapsed = self.clock.monotonic();
        if elapsed < self.next_line {
            return;
        }
        self.next_line = elapsed + LINE_INTERVAL;
        let rate = per_second(done, elapsed);
        let line = line(done, total, rate, self.unit);
        logging::say(&format!("{}: {line}", self.label), || {
            tracing::info!("{}: {line}", self.label)
        });
    }

    /// Takes the bar away, for the result to be shown in its place; returns the time it took.
    #[must_use]
    pub fn finish(self) -> Duration {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.clock.monotonic()
    }
}

/// Returns how far something is, in words.
fn line(done: u64, total: Option<u64>, rate: f64, unit: &str) -> String {
    let Some(total) = total else { return format!("{done} {unit}, {rate:.0}/s") };
    #[expect(clippy::cast_precision_loss, reason = "seconds are shown whole")]
    let left = total.saturating_sub(done) as f64 / rate.max(f64::MIN_POSITIVE);
    let eta = if rate > 0.0 { format!("{left:.0} s") } else { "unknown".to_owned() };
    format!("{done} of {total} {unit}, {rate:.0}/s, ETA {eta}")
}

/// Returns a rate.
#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
pub(super) fn per_second(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_rate_and_time_left_where_the_length_is_known() {
        assert_eq!(line(50, Some(200), 10.0, "records"), "50 of 200 records, 10/s, ETA 15 s");
        assert_eq!(line(0, Some(200), 0.0, "steps"), "0 of 200 steps, 0/s, ETA unknown");
        assert_eq!(line(50, None, 10.0, "records"), "50 records, 10/s");
    }
}
