//! What telemetry costs: the same work with it off, on, and with more and more records traced.
//!
//! Each way is a process of its own, measured from outside; the embedded broker and the collector are here
//! and not in the figures. The first two ways are the same: their difference is what chance does.

use std::fmt::Write as _;
use std::io::Write as _;

use integration_tests::collector::Collector;
use integration_tests::{Cluster, unique};

use crate::case::{Case, Contestant, Work};
use crate::input::Inputs;
use crate::machine::Machine;
use crate::measure::{Measured, Metric, Spread};
use crate::{Arguments, measure, report, this_program, topics};

/// A way to run, and the environment that makes it so, beside the collector's.
type Way = (&'static str, &'static [(&'static str, &'static str)]);

const NO_METRICS: (&str, &str) = ("KAPPA_METRICS_RECORDING_LEVEL", "off");
const RATIO: &str = "KAPPA_TRACES_SAMPLER_RATIO";

const WAYS: [Way; 7] = [
    ("off", &[NO_METRICS, ("OTEL_SDK_DISABLED", "true")]),
    ("off, again", &[NO_METRICS, ("OTEL_SDK_DISABLED", "true")]),
    ("metrics", &[("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRIC_EXPORT_INTERVAL", "1000")]),
    ("traces, follow only", &[NO_METRICS, (RATIO, "0")]),
    ("traces, 0.1 %", &[NO_METRICS, (RATIO, "0.001")]),
    ("traces, 1 %", &[NO_METRICS, (RATIO, "0.01")]),
    ("traces, 100 %", &[NO_METRICS, (RATIO, "1")]),
];

/// Measures all ways in turns, and prints what they take beside the first.
pub(crate) fn compare(arguments: &Arguments) {
    let (cluster, collector) = (Cluster::start(), Collector::start());
    let bootstrap = cluster.bootstrap();
    let mut inputs = Inputs::new(bootstrap);
    let input = inputs.topic(arguments.records, Case::Copy.keys());
    let mut measured: [Vec<Measured>; WAYS.len()] = std::array::from_fn(|_| Vec::new());
    for repetition in 0..arguments.repeat {
        // Whoever is first finds other caches than the others.
        for turn in 0..WAYS.len() {
            let at = (turn + repetition) % WAYS.len();
            let Some(((name, variables), into)) = WAYS.get(at).zip(measured.get_mut(at)) else {
                continue;
            };
            report::say(&format!("{name} {}", repetition + 1));
            let work = Work {
                bootstrap: bootstrap.to_owned(),
                input: input.clone(),
                application: unique("bench-telemetry"),
                records: arguments.records,
            };
            topics::create(Case::Copy, Contestant::Kappa, &work);
            let mut command = this_program(Case::Copy, Contestant::Kappa, &work);
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint());
            command.envs(variables.iter().copied());
            into.push(measure::whole(command, arguments.records));
            topics::delete(&work);
        }
    }
    print(arguments.records, &measured, collector.spans().len());
}

fn print(records: u64, measured: &[Vec<Measured>; WAYS.len()], spans: usize) {
    let mut text = format!(
        "{records} records of 100 bytes, filter and map values; {}\n\
         median (least-most) of {} whole processes each; {spans} spans came to the collector\n\n",
        Machine::here(),
        measured.first().map_or(0, Vec::len),
    );
    let columns = [(Metric::CpuUsPerRecord, "CPU us/record"), (Metric::WallS, "wall s")];
    let _ = write!(text, "{:<22}", "");
    for (_, heading) in columns {
        let _ = write!(text, "{heading:>26}{:>22}", "x off");
    }
    text.push('\n');
    let off = measured.first().map_or(&[][..], Vec::as_slice);
    for ((name, _), repetitions) in WAYS.iter().zip(measured) {
        let _ = write!(text, "{name:<22}");
        for (metric, _) in columns {
            let taken = Spread::of(repetitions, metric).map(|spread| cell(spread, 3));
            // Turn by turn: what was going on beside hits both.
            let ratios = Spread::of(&ratios(repetitions, off, metric), metric);
            let ratios = ratios.map(|spread| cell(spread, 3));
            let (taken, ratios) = (taken.unwrap_or_default(), ratios.unwrap_or_default());
            let _ = write!(text, "{taken:>26}{ratios:>22}");
        }
        text.push('\n');
    }
    // Whoever closed it has seen enough.
    let _ = write!(std::io::stdout(), "{text}");
}

fn ratios(of: &[Measured], to: &[Measured], metric: Metric) -> Vec<Measured> {
    let pairs = of.iter().zip(to).filter_map(|(of, to)| {
        let ratio = of.get(&metric)? / to.get(&metric)?;
        Some(Measured::from([(metric, ratio)]))
    });
    pairs.collect()
}

fn cell(Spread { median, min, max }: Spread, digits: usize) -> String {
    format!("{median:.digits$} ({min:.digits$}-{max:.digits$})")
}
