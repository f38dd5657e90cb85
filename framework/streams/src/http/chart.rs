//! The topology as a drawing: SVG, made from the outline as tools read it, without any script.
//!
//! Rows from top to bottom: whatever is written to lies below what writes it. In a row each box stands
//! below the middle of what leads to it, as far as there is room.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::pages::escape;

#[derive(Deserialize)]
struct Outline {
    subtopologies: Vec<Subtopology>,
    global_tables: Vec<GlobalTable>,
}

#[derive(Deserialize)]
struct Subtopology {
    id: usize,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    kind: String,
    #[serde(default)]
    topics: Vec<String>,
    stores: Vec<String>,
    global_tables: Vec<String>,
    parents: Vec<String>,
}

#[derive(Deserialize)]
struct GlobalTable {
    store: String,
    topic: String,
}

/// What is drawn, and where.
#[derive(Default)]
struct Chart {
    boxes: Vec<Shape>,
    by_key: BTreeMap<(Kind, String), usize>,
    /// From, to, and whether it is a state that is used rather than records that go.
    lines: Vec<(usize, usize, bool)>,
}

struct Shape {
    kind: Kind,
    label: String,
    row: usize,
    /// The left edge.
    x: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Topic,
    Node,
    Store,
}

const ROW: usize = 64;
const HEIGHT: usize = 30;
const GAP: usize = 18;
const MARGIN: usize = 12;
/// Of a letter, about.
const LETTER: usize = 8;

/// Draws an outline; nothing where it cannot be read.
pub(super) fn draw(outline: &str) -> Option<String> {
    let outline: Outline = serde_json::from_str(outline).ok()?;
    let mut chart = Chart::of(&outline);
    chart.find_rows();
    chart.place();
    Some(chart.svg())
}

impl Chart {
    fn of(outline: &Outline) -> Self {
        let mut chart = Self::default();
        for table in &outline.global_tables {
            let topic = chart.shape(Kind::Topic, &table.topic);
            let store = chart.shape(Kind::Store, &table.store);
            chart.lines.push((topic, store, false));
        }
        for (part, node) in
            outline.subtopologies.iter().flat_map(|part| part.nodes.iter().map(move |n| (part, n)))
        {
            let this = chart.shape(Kind::Node, &node.name);
            if let Some(shape) = chart.boxes.get_mut(this) {
                shape.label = format!("{}: {}", part.id, node.name);
            }
            for parent in &node.parents {
                let parent = chart.shape(Kind::Node, parent);
                chart.lines.push((parent, this, false));
            }
            for topic in &node.topics {
                let topic = chart.shape(Kind::Topic, topic);
                let reads = node.kind == "source";
                chart.lines.push(if reads { (topic, this, false) } else { (this, topic, false) });
            }
            for store in &node.stores {
                let store = chart.shape(Kind::Store, store);
                chart.lines.push((this, store, true));
            }
            for table in &node.global_tables {
                let table = chart.shape(Kind::Store, table);
                chart.lines.push((table, this, true));
            }
        }
        chart
    }

    fn shape(&mut self, kind: Kind, name: &str) -> usize {
        let next = self.boxes.len();
        let at = *self.by_key.entry((kind, name.to_owned())).or_insert(next);
        if at == next {
            self.boxes.push(Shape { kind, label: name.to_owned(), row: 0, x: 0 });
        }
        at
    }

    /// Puts each box below what leads to it. A topic that is read by what writes it makes a circle, so
    /// there is an end to it.
    fn find_rows(&mut self) {
        for _ in 0..self.boxes.len() {
            let mut is_settled = true;
            for &(from, to, _) in &self.lines {
                let below = self.boxes.get(from).map_or(0, |shape| shape.row + 1);
                if let Some(shape) = self.boxes.get_mut(to).filter(|shape| shape.row < below) {
                    shape.row = below;
                    is_settled = false;
                }
            }
            if is_settled {
                return;
            }
        }
    }

    fn place(&mut self) {
        let rows = self.boxes.iter().map(|shape| shape.row).max().unwrap_or(0);
        for row in 0..=rows {
            let here = self.boxes.iter().enumerate().filter(|(_, shape)| shape.row == row);
            let mut wanted: Vec<(usize, usize)> =
                here.map(|(at, _)| (self.middle_of_sources(at), at)).collect();
            wanted.sort_unstable();
            let mut free = MARGIN;
            for (middle, at) in wanted {
                let Some(shape) = self.boxes.get_mut(at) else { continue };
                shape.x = middle.saturating_sub(shape.width() / 2).max(free);
                free = shape.x + shape.width() + GAP;
            }
        }
    }

    /// Returns the middle of what leads to a box from above.
    fn middle_of_sources(&self, at: usize) -> usize {
        let row = self.boxes.get(at).map_or(0, |shape| shape.row);
        let sources = self.lines.iter().filter(|(_, to, _)| *to == at);
        let sources = sources.filter_map(|(from, ..)| self.boxes.get(*from));
        let middles: Vec<usize> =
            sources.filter(|shape| shape.row < row).map(Shape::middle).collect();
        middles.iter().sum::<usize>() / middles.len().max(1)
    }

    fn svg(&self) -> String {
        let right = self.boxes.iter().map(|shape| shape.x + shape.width()).max().unwrap_or(0);
        let bottom = self.boxes.iter().map(|shape| shape.y() + HEIGHT).max().unwrap_or(0);
        let (width, height) = (right + MARGIN, bottom + MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"the topology\">\n<defs>\
             <marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker></defs>\n"
        );
        for &(from, to, is_state) in &self.lines {
            let (Some(from), Some(to)) = (self.boxes.get(from), self.boxes.get(to)) else {
                continue;
            };
            let class = if is_state { "state" } else { "flow" };
            let marker = if is_state { "" } else { " marker-end=\"url(#arrow)\"" };
            let (x1, y1, x2, y2) = (from.middle(), from.y() + HEIGHT, to.middle(), to.y());
            let _ = writeln!(
                svg,
                "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"{marker}/>"
            );
        }
        for shape in &self.boxes {
            shape.write(&mut svg);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

impl Shape {
    fn width(&self) -> usize {
        self.label.chars().count() * LETTER + 2 * GAP
    }

    fn middle(&self) -> usize {
        self.x + self.width() / 2
    }

    fn y(&self) -> usize {
        MARGIN + self.row * ROW
    }

    fn write(&self, svg: &mut String) {
        let (class, corner) = match self.kind {
            Kind::Topic => ("topic", 0),
            Kind::Node => ("node", 6),
            Kind::Store => ("store", HEIGHT / 2),
        };
        let (x, y, width) = (self.x, self.y(), self.width());
        let (middle, baseline) = (self.middle(), self.y() + HEIGHT / 2 + 4);
        let label = escape(&self.label);
        let _ = writeln!(
            svg,
            "<g class=\"{class}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" \
             rx=\"{corner}\"/><text x=\"{middle}\" y=\"{baseline}\">{label}</text></g>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTLINE: &str = r#"{
      "application": "a", "inputs": [], "outputs": [], "internal_topics": [],
      "global_tables": [{"store": "names", "topic": "airlines"}],
      "subtopologies": [{"id": 0, "stores": [], "tasks_as_partitions_of": [], "nodes": [
        {"name": "read", "kind": "source", "topics": ["in"], "stores": [], "global_tables": [],
         "parents": []},
        {"name": "count<1>", "kind": "processor", "stores": ["counts"],
         "global_tables": ["names"], "parents": ["read"]},
        {"name": "write", "kind": "sink", "topics": ["in"], "stores": [], "global_tables": [],
         "parents": ["count<1>"]}]}]}"#;

    #[test]
    fn everything_is_drawn_once_below_what_leads_to_it_and_a_circle_has_an_end() {
        let svg = draw(OUTLINE).unwrap();
        for label in ["airlines", "names", "in", "0: read", "0: count&lt;1&gt;", "counts"] {
            assert_eq!(svg.matches(&format!(">{label}</text>")).count(), 1, "{label}\n{svg}");
        }
        assert_eq!(svg.matches("<line class=\"state\"").count(), 2);
        assert_eq!(svg.matches("<line class=\"flow\"").count(), 5);
        assert!(!svg.contains("count<1>"), "names are escaped");
        assert_eq!(draw("{}"), None);
    }

    #[test]
    fn boxes_of_a_row_do_not_overlap() {
        let outline: Outline = serde_json::from_str(OUTLINE).unwrap();
        let mut chart = Chart::of(&outline);
        chart.find_rows();
        chart.place();
        for (at, one) in chart.boxes.iter().enumerate() {
            for other in chart.boxes.iter().skip(at + 1).filter(|other| other.row == one.row) {
                let apart = one.x + one.width() < other.x || other.x + other.width() < one.x;
                assert!(apart, "{} and {}", one.label, other.label);
            }
        }
    }
}
