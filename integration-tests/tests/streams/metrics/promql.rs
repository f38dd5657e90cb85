//! The names in expressions of PromQL: as much of the language as it takes to find them.

use std::collections::{BTreeMap, BTreeSet};

/// Labels that Prometheus adds to what it reads, and buckets'.
const SCRAPED: [&str; 3] = ["job", "instance", "le"];

/// Returns the expressions of a Grafana dashboard: those of panels, and of variables.
pub(super) fn of_dashboard(dashboard: &serde_json::Value) -> Vec<String> {
    let mut found = Vec::new();
    let targets = dashboard["panels"].as_array().expect("panels").iter();
    for target in targets.filter_map(|panel| panel["targets"].as_array()).flatten() {
        found.push(target["expr"].as_str().expect("an expression").to_owned());
    }
    for variable in dashboard["templating"]["list"].as_array().expect("variables") {
        if let Some(query) = variable["definition"].as_str() {
            // `label_values(metric, label)`
            let query = query.trim_start_matches("label_values(").trim_end_matches(')');
            let (metric, label) = query.split_once(',').expect("a metric and a label");
            found.push(format!("max by ({}) ({metric})", label.trim()));
        }
    }
    found
}

/// Returns the expressions of alert rules: `expr: ...`, or a block that is indented further.
pub(super) fn of_alerts(yaml: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = yaml.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((indent, expression)) = line.split_once("expr: ") else { continue };
        if expression != "|" {
            found.push(expression.to_owned());
            continue;
        }
        let mut block = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with(&format!("{indent}  "))) {
            block.push(line.trim());
        }
        found.push(block.join(" "));
    }
    found
}

/// Checks that everything that an expression names is exported.
pub(super) fn check(
    expression: &str,
    exported: &BTreeMap<String, BTreeSet<String>>,
) -> Result<(), String> {
    let mut known: BTreeSet<&str> = SCRAPED.into();
    let mut metrics = 0;
    for (at, name) in words(expression).filter(|(_, word)| word.starts_with("kafka_stream_")) {
        let labels = exported.get(name).ok_or_else(|| format!("nothing exports {name}"))?;
        known.extend(labels.iter().map(String::as_str));
        metrics += 1;
        let Some(matchers) = expression[at + name.len()..].strip_prefix('{') else { continue };
        let matchers = matchers.split_once('}').ok_or("an open brace")?.0;
        for matcher in matchers.split(',') {
            let label = matcher.split(['=', '!']).next().unwrap_or_default().trim();
            if !labels.contains(label) && !SCRAPED.contains(&label) {
                return Err(format!("{name} has no label {label}"));
            }
        }
    }
    if metrics == 0 {
        return Err("no metric is named".to_owned());
    }
    for (at, _) in words(expression).filter(|(_, word)| matches!(*word, "by" | "on" | "ignoring")) {
        let (_, after) = expression[at..].split_once('(').ok_or("no labels")?;
        let (labels, _) = after.split_once(')').ok_or("an open bracket")?;
        if let Some(label) = labels.split(',').map(str::trim).find(|it| !known.contains(it)) {
            return Err(format!("no metric here has the label {label}"));
        }
    }
    Ok(())
}

/// Returns the words of an expression and where they stand; what is quoted is none.
fn words(expression: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let parts = expression.split('"').enumerate();
    let outside = parts.filter(|(at, _)| at % 2 == 0).map(|(_, part)| part);
    let start = expression.as_ptr() as usize;
    outside
        .flat_map(move |part| part.split(move |c: char| !is_word(c)))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - start, word))
}
