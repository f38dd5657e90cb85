//! Pages for people: plain HTML, no script, every name escaped.

use std::fmt::Write;

use super::{Surface, chart};
use crate::runtime::ThreadState;
use crate::runtime::health::{Probe, Vitals, grouped};

/// How the pages look, in light and dark.
pub(super) const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8886; --accent: #06c }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse } th, td { padding: .3rem .9rem .3rem 0; text-align: left }
tr { border-bottom: 1px solid var(--line) } td.number { text-align: right }
pre, .chart { overflow: auto; border: 1px solid var(--line); padding: .7rem; font-size: 13px }
.yes { color: #080 } .no { color: #c22 } a { color: var(--accent) }
svg text { font: 13px ui-monospace, monospace; text-anchor: middle; fill: currentColor }
svg rect { fill: none; stroke: currentColor } svg .topic rect { fill: #06c2 }
svg .store rect { fill: #0a02 } svg line { stroke: currentColor; opacity: .6 }
svg .state { stroke-dasharray: 4 3 } svg marker path { fill: currentColor }
";

/// Returns the first page: how the application is, and what else there is to read.
pub(super) fn index(surface: &Surface) -> String {
    let vitals = (surface.vitals)();
    let mut page = head(&surface.application, "<meta http-equiv=\"refresh\" content=\"5\">");
    let _ = writeln!(page, "<p>{}</p>", escape(&vitals.state.to_string()));
    page.push_str("<h2>Health</h2>\n<table>\n");
    for (probe, path) in [
        (Probe::Startup, "/health/startup"),
        (Probe::Ready, "/health/ready"),
        (Probe::Live, "/health/live"),
    ] {
        let answer = vitals.answer(probe, &surface.limits);
        let class = if answer.is_yes { "yes" } else { "no" };
        let _ = writeln!(
            page,
            "<tr><td><a href=\"{path}\">{path}</a></td><td class=\"{class}\">{}</td><td>{}</td></tr>",
            answer.status,
            escape(&answer.reasons.join("; "))
        );
    }
    page.push_str("</table>\n");
    write_threads(&mut page, &vitals);
    write_progress(&mut page, &vitals);
    page.push_str(
        "<h2>More</h2>\n<p><a href=\"/topology\">The topology</a> (as <a \
         href=\"/topology?format=text\">text</a>, <a href=\"/topology?format=mermaid\">Mermaid</a>, \
         <a href=\"/topology?format=json\">JSON</a>), <a href=\"/metrics\">metrics</a> for \
         Prometheus.</p>\n</body></html>\n",
    );
    page
}

fn write_threads(page: &mut String, vitals: &Vitals) {
    page.push_str("<h2>Threads</h2>\n");
    if vitals.threads.is_empty() {
        let _ = writeln!(page, "<p>None: {}.</p>", escape(&vitals.stage.to_string()));
        return;
    }
    page.push_str(
        "<table>\n<tr><th>Thread</th><th>State</th><th>Tasks</th><th>To restore</th><th>Last \
         seen</th></tr>\n",
    );
    for thread in &vitals.threads {
        let tasks: Vec<String> = thread.tasks.iter().map(ToString::to_string).collect();
        let restoring = thread.state == ThreadState::PartitionsAssigned;
        let left = thread.to_restore.filter(|_| restoring);
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}</td><td \
             class=\"number\">{} ms ago</td></tr>",
            thread.number,
            thread.state,
            escape(&tasks.join(", ")),
            left.map_or_else(String::new, |records| format!("{} records", grouped(records))),
            grouped(u64::try_from(thread.silent_for.as_millis()).unwrap_or(u64::MAX)),
        );
    }
    page.push_str("</table>\n");
}

fn write_progress(page: &mut String, vitals: &Vitals) {
    page.push_str("<h2>Since the start</h2>\n<table>\n");
    for (name, value) in &vitals.progress {
        let (name, value) = (name.replace('_', " "), grouped(*value));
        let _ =
            writeln!(page, "<tr><td>{}</td><td class=\"number\">{value}</td></tr>", escape(&name));
    }
    page.push_str("</table>\n");
}

/// Returns the page that shows the topology.
pub(super) fn topology(surface: &Surface) -> String {
    let views = &surface.topology;
    let mut page = head(&surface.application, "");
    page.push_str(
        "<p><a href=\"/\">Back</a>. As <a href=\"/topology?format=text\">text</a>, <a \
         href=\"/topology?format=mermaid\">Mermaid</a>, <a \
         href=\"/topology?format=json\">JSON</a>.</p>\n<h2>Topology</h2>\n<p>Blue: topics. Green: \
         stores. Before the name of a node: its sub-topology.</p>\n",
    );
    if let Some(drawing) = chart::draw(&views.json) {
        let _ = writeln!(page, "<div class=\"chart\">{drawing}</div>");
    }
    let text = escape(&views.text);
    let _ = writeln!(page, "<h2>In words</h2>\n<pre>{text}</pre>\n</body></html>");
    page
}

fn head(application: &str, more: &str) -> String {
    let name = escape(application);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">{more}<meta \
         name=\"viewport\" content=\"width=device-width\"><title>{name}</title><link \
         rel=\"stylesheet\" href=\"/style.css\"></head>\n<body>\n<h1>{name}</h1>\n"
    )
}

/// Returns a text as it may stand in HTML, in attributes too.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_taken_for_a_tag() {
        assert_eq!(
            escape("<a href='x' b=\"y\">&"),
            "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;"
        );
    }
}
