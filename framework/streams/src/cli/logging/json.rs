//! Log lines for machines: one flat JSON object each.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;
use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use crate::time::{Clock, SystemClock};

/// Writes each event as a line: `timestamp`, `level`, `thread`, `target`, `message`, then its own fields.
pub(super) struct JsonLines<W> {
    writer: W,
    clock: SystemClock,
}

impl<W> JsonLines<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, clock: SystemClock::start() }
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let thread = std::thread::current();
        let mut line = Line(vec![
            ("timestamp", time(self.clock.since_epoch()).into()),
            ("level", metadata.level().as_str().into()),
            ("thread", thread.name().unwrap_or_default().into()),
            ("target", metadata.target().into()),
        ]);
        event.record(&mut line);
        let Ok(mut text) = serde_json::to_vec(&line) else { return };
        text.push(b'\n');
        // One write, so that lines of several threads do not mix. There is nobody to tell when it fails.
        let _ = self.writer.make_writer_for(metadata).write_all(&text);
    }
}

/// Always of so many digits that lines sort as text.
fn time(since_epoch: Duration) -> String {
    let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
    format!("{:.6}", Timestamp::from_microsecond(micros).unwrap_or_default())
}

/// The fields of a line, in order.
struct Line(Vec<(&'static str, Value)>);

impl Line {
    /// Adds a field; one of a name that is taken stays out, since readers keep one of them as they like.
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        if self.0.iter().all(|(name, _)| *name != field.name()) {
            self.0.push((field.name(), value.into()));
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_flat_object_whatever_is_in_it() {
        let written = Written::default();
        let writer = written.clone();
        let lines = tracing_subscriber::registry().with(JsonLines::new(move || writer.clone()));
        tracing::subscriber::with_default(lines, || {
            let (absent, task) = (None::<&str>, "0_3");
            tracing::warn!(%task, topic = "orders", partition = 3, offset = 512_i64, trace_id = absent, "skipped");
            tracing::info!(level = "mine", "two\nlines \"quoted\" \u{7}");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Map<String, Value>> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [first, second] = &lines[..] else { panic!("{text}") };
        let expected =
            [("level", "WARN"), ("task", "0_3"), ("topic", "orders"), ("message", "skipped")];
        for (name, value) in expected {
            assert_eq!(first[name], value, "{text}");
        }
        assert_eq!((&first["partition"], &first["offset"]), (&Value::from(3), &Value::from(512)));
        assert!(!first.contains_key("trace_id"), "{text}");
        assert!(first["thread"].as_str().unwrap().contains("a_line_is_one_flat_object"), "{text}");
        assert!(first["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{text}");
        assert_eq!(
            (&second["message"], &second["level"]),
            (&Value::from("two\nlines \"quoted\" \u{7}"), &Value::from("INFO"))
        );
        assert!(lines.iter().flat_map(|line| line.values()).all(|value| !value.is_object()));
    }

    #[test]
    fn times_sort_as_text() {
        let times = [18_466_000, 18_000_000, 0, 1].map(|nanos| time(Duration::new(1, nanos)));
        let expected = ["18466", "18000", "00000", "00000"];
        for (time, micros) in times.iter().zip(expected) {
            assert_eq!(time, &format!("1970-01-01T00:00:01.0{micros}Z"));
        }
    }
}
