//! Starting over: where from, shown first, done with `--yes`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};
use serde::Serialize;

use super::arguments::Arguments;
use super::output::{print, print_json};
use super::progress::Progress;
use super::{App, configuration, heed_signals};
use crate::error::{Error, Result};
use crate::ids::Offset;
use crate::runtime::Stop;
use crate::runtime::reset::{OffsetsFile, Reset, ResetPlan, StartPosition};
use crate::time::{Clock, SystemClock, Timestamp};

/// What a reset is told.
#[derive(Debug, Args)]
pub(super) struct ResetArguments {
    /// Delete these internal topics only, instead of all that the topology has
    #[arg(long, value_name = "TOPIC,...", value_delimiter = ',')]
    internal_topics: Option<Vec<String>>,

    /// Delete the state directory of the application on this machine as well
    ///
    /// Without it an instance throws its state away where it finds more in it than in the new
    /// changelogs. So use it on every machine, or delete the directories there.
    #[arg(long)]
    local_state: bool,

    /// Do it; without, nothing is changed
    #[arg(long, short, visible_alias = "execute")]
    yes: bool,

    /// Change nothing, and show what would be: the default
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    // Last: its heading would hold for what comes after it.
    #[command(flatten)]
    position: Position,
}

/// Where the inputs are read from then; one of these at most.
#[derive(Debug, Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Where to start, one of these")]
struct Position {
    /// At the first records there are: the default
    #[arg(long)]
    to_earliest: bool,

    /// At the ends: only what comes is read
    #[arg(long)]
    to_latest: bool,

    /// Where the application is: only internal topics are deleted
    #[arg(long)]
    to_current: bool,

    /// At the first records of this time or later; UTC unless it says otherwise
    #[arg(long, value_name = "YYYY-MM-DDTHH:MM:SS", value_parser = parse_time)]
    to_datetime: Option<Timestamp>,

    /// As --to-datetime, so long before now: `P7D`, `PT12H`, `90m`
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    by_duration: Option<Duration>,

    /// So many records after where the application is, or before it (-N)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    shift_by: Option<i64>,

    /// At this offset of every partition
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    to_offset: Option<i64>,

    /// As a CSV file says, a line each: `topic,partition,offset`; other partitions stay
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Report<'a> {
    executed: bool,
    #[serde(flatten)]
    plan: &'a ResetPlan,
}

/// Plans a reset, and makes it where that is said.
pub(super) fn reset(app: &App, arguments: &Arguments, wanted: &ResetArguments) -> Result<ExitCode> {
    let settings = configuration::settings(app, arguments)?;
    let start = wanted.position.start(&SystemClock::start())?;
    let stop = Stop::new();
    heed_signals(&stop)?;
    let mut reset = Reset::new(app.declaration.shape()?, settings);
    if let Some(topics) = &wanted.internal_topics {
        reset = reset.only_topics(topics.clone());
    }
    if wanted.local_state {
        reset = reset.with_local_state();
    }
    let plan = reset.plan(&start, &stop)?;
    if wanted.yes {
        let label = format!("{}: reset", app.name);
        let mut progress = Progress::start(&label, Some(0)).counting("steps");
        let done = reset.execute(&plan, |done, total| progress.update(done, Some(total)));
        let _ = progress.finish();
        done.map_err(|error| half_done(error, &start))?;
    }
    if arguments.json {
        return print_json(&Report { executed: wanted.yes, plan: &plan });
    }
    let ending = if wanted.yes { "Done." } else { "Nothing is changed yet: add --yes to do this." };
    print(format!("{plan}\n\n{ending}\n"))
}

/// Says how a reset that ended in the middle goes on.
fn half_done(error: Error, start: &StartPosition) -> Error {
    error.context(match start {
        StartPosition::Shift(_) => {
            "the reset is not complete: look where the offsets are with `reset`; where they are \
             shifted already, complete it with --to-current"
        }
        _ => "the reset is not complete: make it again before the application runs",
    })
}

impl Position {
    fn start(&self, clock: &dyn Clock) -> Result<StartPosition> {
        if let Some(path) = &self.from_file {
            return Ok(StartPosition::File(read_offsets(path)?));
        }
        let time = self.to_datetime.or_else(|| {
            self.by_duration.map(|duration| clock.wall_clock().saturating_sub(duration))
        });
        Ok(match (time, self.shift_by, self.to_offset) {
            (Some(time), ..) => StartPosition::Time(time),
            (_, Some(by), _) => StartPosition::Shift(by),
            (.., Some(offset)) => StartPosition::Offset(Offset(offset)),
            _ if self.to_latest => StartPosition::Latest,
            _ if self.to_current => StartPosition::Current,
            _ => StartPosition::Earliest,
        })
    }
}

fn read_offsets(path: &Path) -> Result<OffsetsFile> {
    let text = std::fs::read_to_string(path).map_err(|cause| {
        Error::config(format!("cannot read the offsets in {}", path.display())).with_source(cause)
    })?;
    OffsetsFile::parse(&path.display().to_string(), &text)
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    let with_zone = text.parse::<jiff::Timestamp>();
    let time = with_zone
        .or_else(|_| text.parse::<DateTime>().and_then(|time| TimeZone::UTC.to_timestamp(time)));
    let time = time.map_err(|_| {
        "expected a time such as 2024-05-31T12:00:00, 2024-05-31T12:00:00.500+02:00 or 2024-05-31"
    })?;
    Ok(Timestamp::from_millis(time.as_millisecond()))
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>();
    let duration = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()));
    let duration = duration.ok().and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| {
        "expected a duration of days, hours, minutes and seconds, such as P7D, PT12H or 90m"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    fn millis(text: &str) -> Option<i64> {
        parse_time(text).ok().map(Timestamp::as_millis)
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        assert_eq!(millis("1970-01-01T00:00:01"), Some(1_000));
        assert_eq!(millis("1970-01-01T00:00:01.250"), Some(1_250));
        assert_eq!(millis("1970-01-01T00:00:01Z"), Some(1_000));
        assert_eq!(millis("1970-01-01T02:00:01+02:00"), Some(1_000));
        assert_eq!(millis("1970-01-02"), Some(86_400_000));
        for wrong in ["", "yesterday", "1970-13-01", "1970-01-01T25:00:00", "12:00"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_as_java_writes_them_or_as_people_do() {
        let seconds = |text: &str| parse_duration(text).ok().map(|duration| duration.as_secs());
        assert_eq!(seconds("P1DT1H"), Some(90_000));
        assert_eq!(seconds("PT90S"), Some(90));
        assert_eq!(seconds("90m"), Some(5_400));
        for wrong in ["", "90", "P1M", "-PT1H", "soon"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn without_a_position_everything_is_read_again() {
        let nothing = Position {
            to_earliest: false,
            to_latest: false,
            to_current: false,
            to_datetime: None,
            by_duration: None,
            shift_by: None,
            to_offset: None,
            from_file: None,
        };
        let clock = ManualClock::at(Timestamp::from_millis(5_000));
        assert_eq!(nothing.start(&clock).unwrap(), StartPosition::Earliest);
        let back = Position { by_duration: Some(Duration::from_secs(2)), ..nothing };
        let expected = StartPosition::Time(Timestamp::from_millis(3_000));
        assert_eq!(back.start(&clock).unwrap(), expected);
    }
}
