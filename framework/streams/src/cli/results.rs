//! The latest value of each key of a topic, as people read it.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use super::arguments::Arguments;
use super::formats::{FormatArgument, ValueText};
use super::output::{print, print_json};
use super::{App, configuration, heed_signals};
use crate::error::Result;
use crate::kafka::rdkafka::RdKafka;
use crate::runtime::Stop;
use crate::runtime::results::{LatestValues, latest_values};

/// Shows the latest value of each key.
pub(super) fn results(
    app: &App,
    arguments: &Arguments,
    format: FormatArgument,
    (topic, top): (Option<&str>, Option<usize>),
) -> Result<ExitCode> {
    let settings = configuration::settings(app, arguments)?;
    let stop = Stop::new();
    heed_signals(&stop)?;
    let mut shown = app.declaration.shown(&settings, format)?;
    let clients = RdKafka::new(&settings, &settings.application_id);
    let topics: Vec<String> = match topic {
        Some(topic) => vec![topic.to_owned()],
        None => {
            let outputs = app.declaration.shape()?.output_topics();
            outputs.into_iter().map(|topic| topic.as_ref().to_owned()).collect()
        }
    };
    let top = top.unwrap_or(usize::MAX);
    for topic in topics {
        let latest = latest_values(&clients, &settings, &topic, &stop)?;
        if arguments.json {
            print_as_json(&topic, &latest, top, &mut shown)?;
        } else {
            print_as_text(&topic, &latest, top, &mut shown)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_as_text(
    topic: &str,
    latest: &LatestValues,
    top: usize,
    shown: &mut ValueText,
) -> Result<()> {
    let mut text = format!("{topic}: {} keys, {} records\n", latest.rows.len(), latest.records);
    for (key, value) in latest.rows.iter().take(top) {
        let key = String::from_utf8_lossy(key);
        text.push_str(&format!("  {key}  {}\n", shown.text(value)));
    }
    if latest.rows.len() > top {
        text.push_str(&format!("  ... {} more\n", latest.rows.len() - top));
    }
    print(text).map(drop)
}

/// One row as JSON.
#[derive(Debug, Serialize)]
struct Row<'a> {
    topic: &'a str,
    key: String,
    value: Value,
}

fn print_as_json(
    topic: &str,
    latest: &LatestValues,
    top: usize,
    shown: &mut ValueText,
) -> Result<()> {
    for (key, value) in latest.rows.iter().take(top) {
        let key = String::from_utf8_lossy(key).into_owned();
        print_json(&Row { topic, key, value: shown.value(value) })?;
    }
    Ok(())
}
