//! The text format of Prometheus, read back.

use std::collections::{BTreeMap, BTreeSet};

/// What was read at once.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) text: String,
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Self { text: text.to_owned(), series: lines.map(series).collect() }
    }

    /// Returns the values of a metric's series that have these labels.
    pub(super) fn values(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let has = |series: &Series, (label, value): &(&str, &str)| {
            series.labels.get(*label).is_some_and(|found| found == value)
        };
        let named = self.series.iter().filter(|series| series.name == name);
        let matching = named.filter(|series| labels.iter().all(|label| has(series, label)));
        matching.map(|series| series.value).collect()
    }

    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.values(name, labels).iter().sum()
    }

    /// Returns the labels of each name, but for the bounds of buckets.
    pub(super) fn labels(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for series in &self.series {
            all.entry(series.name.clone()).or_default().extend(series.labels.keys().cloned());
        }
        all
    }
}

fn series(line: &str) -> Series {
    let (name, mut rest) = line.split_at(line.find(['{', ' ']).expect("a name"));
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").expect("a label");
            let (value, after) = quoted(after);
            labels.insert(label.to_owned(), value);
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.trim().parse().expect("a number");
    Series { name: name.to_owned(), labels, value }
}

/// Returns what stands before a closing quote, and what comes after it.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => match letters.next().expect("an escaped letter").1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            letter => value.push(letter),
        }
    }
    panic!("an open quote: {text}")
}
