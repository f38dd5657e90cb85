//! Whether what a reader's schema asks for follows from what a writer's asks for.
//!
//! Pairs of (what is known, what is asked for) are taken as well while they are looked at, so that
//! schemas that contain themselves come to an end. Such a belief that proves wrong takes with it
//! what was believed because of it.

mod arrays;
mod objects;
mod scalars;

use std::collections::HashSet;

use super::document::JsonDocument;
use super::facts::{Documents, Facts, Place};
use super::kinds::Kinds;
use super::node::{Node, NodeId};
use crate::{BREACHES_MAX, Breach};

/// How deep schemas may go into each other while they are compared.
const DEPTH_MAX: usize = 150;

/// How many steps a comparison may take, a step being about one schema against another.
const STEPS_MAX: usize = 2_000_000;

/// Returns what a reader would not take of what a writer may write, each under the name that it goes
/// by in words: "version 1".
///
/// # Examples
///
/// ```
/// use kappa_evolution::json::{JsonDocument, unreadable};
///
/// let old = r#"{"type": "object", "properties": {"gate": {"type": ["string", "null"]}}}"#;
/// let new = r#"{"type": "object", "properties": {"gate": {"type": "string"}}}"#;
/// let (old, new) = (JsonDocument::parse(old, &[])?, JsonDocument::parse(new, &[])?);
/// assert!(unreadable(("version 2", &new), ("version 1", &old)).is_empty());
/// let breaches = unreadable(("version 1", &old), ("version 2", &new));
/// assert_eq!(
///     breaches[0].to_string(),
///     "field `gate`: it may be null or string in version 1, and version 2 only takes string",
/// );
/// # Ok::<(), kappa_evolution::Malformed>(())
/// ```
#[must_use]
pub fn unreadable(writer: (&str, &JsonDocument), reader: (&str, &JsonDocument)) -> Vec<Breach> {
    let documents = Documents { writer: writer.1, reader: reader.1 };
    if documents.writer.says_the_same(documents.reader) {
        return Vec::new();
    }
    let mut compare = Compare {
        documents,
        writing: writer.0,
        reading: reader.0,
        defines_the_same: documents.writer.defines_the_same(documents.reader),
        believed: HashSet::new(),
        order: Vec::new(),
        refuted: HashSet::new(),
        told: HashSet::new(),
        quiet: 0,
        depth: 0,
        steps: 0,
        breaches: Vec::new(),
    };
    let root = Place { is_reader: false, node: documents.writer.root() };
    let facts = Facts::of(documents, [root]);
    let asked = Place { is_reader: true, node: documents.reader.root() };
    compare.follows(&facts, asked, "");
    compare.breaches.truncate(BREACHES_MAX);
    compare.breaches
}

type Pair = (Facts, Place);
/// Looks at one thing that a reader's schema asks for.
type Check<'a> = fn(&mut Compare<'a>, &Facts, (Place, &Node), &str) -> bool;

struct Compare<'a> {
    documents: Documents<'a>,
    writing: &'a str,
    reading: &'a str,
    defines_the_same: bool,
    believed: HashSet<Pair>,
    /// What is believed, in the order in which it came to be.
    order: Vec<Pair>,
    refuted: HashSet<Pair>,
    /// What was refuted and told.
    told: HashSet<Pair>,
    /// Above zero, something is only tried.
    quiet: usize,
    depth: usize,
    steps: usize,
    breaches: Vec<Breach>,
}

impl<'a> Compare<'a> {
    /// Tells of a breach, unless something is only tried.
    fn found(&mut self, path: &str, why: impl FnOnce(&Self) -> String) -> bool {
        if self.quiet == 0 {
            let why = why(self);
            self.breaches.push(Breach { path: path.to_owned(), why });
        }
        false
    }

    /// Returns whether there are steps left; tells once if there are none.
    fn step(&mut self, count: usize) -> bool {
        let before = self.steps;
        self.steps = self.steps.saturating_add(count);
        if before <= STEPS_MAX && self.steps > STEPS_MAX {
            let why = format!("it takes more than {STEPS_MAX} steps to compare: not all was");
            self.breaches.push(Breach { path: String::new(), why });
        }
        self.steps <= STEPS_MAX && self.breaches.len() < BREACHES_MAX
    }

    /// Returns whether something follows, and tells nothing.
    fn tries(&mut self, check: impl FnOnce(&mut Self) -> bool) -> bool {
        self.quiet += 1;
        let holds = check(self);
        self.quiet -= 1;
        holds
    }

    /// Returns whether all values of which the facts are known fit a schema.
    fn follows(&mut self, facts: &Facts, asked: Place, path: &str) -> bool {
        if !self.step(1 + facts.places.len()) {
            return false;
        }
        if facts.is_impossible() || facts.places.contains(&asked) {
            return true;
        }
        let Some(node) = self.documents.node(asked) else { return true };
        if self.depth >= DEPTH_MAX {
            return self.found(path, |_| {
                format!("it goes deeper than {DEPTH_MAX} schemas and was not compared further")
            });
        }
        let pair = (facts.clone(), asked);
        if self.believed.contains(&pair) {
            return true;
        }
        let seen = if self.quiet > 0 { &self.refuted } else { &self.told };
        if seen.contains(&pair) {
            return false;
        }
        let mark = self.order.len();
        self.order.push(pair.clone());
        self.believed.insert(pair.clone());
        self.depth += 1;
        let follows = self.by_choices(facts, (asked, node), path);
        self.depth -= 1;
        if !follows {
            for wrong in self.order.drain(mark..) {
                self.believed.remove(&wrong);
            }
            if self.quiet == 0 {
                self.told.insert(pair.clone());
            }
            self.refuted.insert(pair);
        }
        follows
    }

    /// Of a value that fits one of several schemas, each of these is looked at.
    fn by_choices(&mut self, facts: &Facts, asked: (Place, &Node), path: &str) -> bool {
        let Some((place, group)) = facts.choice(self.documents) else {
            return self.at_once(facts, asked, path);
        };
        if self.tries(|compare| compare.at_once(facts, asked, path)) {
            return true;
        }
        let mut all = true;
        for branch in group {
            let one = facts.and(self.documents, place.beside(*branch));
            // The pair is another one, so that this comes to an end with the choices.
            all &= self.follows(&one, asked.0, path);
            if !all && self.quiet > 0 {
                return false;
            }
        }
        all
    }

    fn at_once(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        if node.is_false {
            return self.found(path, |compare| {
                let (writing, reading) = (compare.writing, compare.reading);
                format!("it may be {} in {writing}, and {reading} takes nothing", facts.kinds)
            });
        }
        let checks: &[Check<'a>] = &[
            Self::kinds,
            Self::values,
            Self::numbers,
            Self::strings,
            Self::arrays,
            Self::objects,
            Self::opaque,
            Self::schemas,
        ];
        self.every(checks, facts, (asked, node), path)
    }

    /// Makes all checks, or those up to the first that finds something, where nobody is told of it.
    fn every(
        &mut self,
        checks: &[Check<'a>],
        facts: &Facts,
        asked: (Place, &Node),
        path: &str,
    ) -> bool {
        let mut all = true;
        for check in checks {
            all &= check(self, facts, asked, path);
            if !all && self.quiet > 0 {
                return false;
            }
        }
        all
    }

    /// What is not understood follows from the same.
    fn opaque(&mut self, facts: &Facts, (_, node): (Place, &Node), path: &str) -> bool {
        let mut all = true;
        for (keyword, asked) in &node.opaque {
            let is_same = !asked.refers || self.defines_the_same;
            let mut known = facts.nodes(self.documents);
            if is_same && known.any(|(_, node)| node.opaque.get(keyword) == Some(asked)) {
                continue;
            }
            all = self.found(path, |compare| {
                let (writing, reading) = (compare.writing, compare.reading);
                format!(
                    "`{keyword}` is not the same in {writing} and {reading}: what follows from it \
                     cannot be told"
                )
            });
        }
        all
    }

    fn schemas(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        let mut all = true;
        for one in &node.all_of {
            all &= self.follows(facts, asked.beside(*one), path);
        }
        for group in &node.one_of {
            all &= self.one_of(facts, asked, group, path);
        }
        if let Some(not) = node.not {
            all &= self.excluded(facts, asked.beside(not), path);
        }
        all
    }

    /// Of each kind that a value may be, one of the schemas must take all.
    fn one_of(&mut self, facts: &Facts, asked: Place, group: &[NodeId], path: &str) -> bool {
        if let [only] = group {
            return self.follows(facts, asked.beside(*only), path);
        }
        let whole = |compare: &mut Self, facts: &Facts| {
            group.iter().any(|one| compare.follows(facts, asked.beside(*one), path))
        };
        if self.tries(|compare| whole(compare, facts)) {
            return true;
        }
        let mut all = true;
        for kind in facts.kinds.each() {
            let one = facts.of_kinds(kind);
            if (one != *facts) && self.tries(|compare| whole(compare, &one)) {
                continue;
            }
            all = false;
            // Where one alternative alone is of the kind, its own words tell more.
            let mut alike = group
                .iter()
                .filter(|node| Facts::of(self.documents, [asked.beside(**node)]).kinds.meets(kind));
            match (alike.next(), alike.next()) {
                (Some(only), None) if self.quiet == 0 => {
                    _ = self.follows(&one, asked.beside(*only), path);
                }
                _ => {
                    _ = self.found(path, |compare| {
                        let (writing, reading) = (compare.writing, compare.reading);
                        format!(
                            "it may be {kind} in {writing}, and of the {} alternatives of {reading} \
                             none takes all of these",
                            group.len()
                        )
                    });
                }
            }
        }
        all
    }

    /// Nothing that is known may fit what is excluded.
    fn excluded(&mut self, facts: &Facts, not: Place, path: &str) -> bool {
        let out = Facts::of(self.documents, [not]);
        if !out.kinds.meets(facts.kinds) {
            return true;
        }
        // Whatever fits it fits something that is excluded already.
        let nodes: Vec<Place> = facts
            .nodes(self.documents)
            .filter_map(|(place, node)| node.not.map(|not| place.beside(not)))
            .collect();
        let both = out.of_kinds(facts.kinds);
        if nodes.into_iter().any(|known| self.tries(|compare| compare.follows(&both, known, path)))
        {
            return true;
        }
        self.found(path, |compare| {
            let (writing, reading) = (compare.writing, compare.reading);
            format!("{reading} excludes by `not` what may be there in {writing}")
        })
    }

    fn kinds(&mut self, facts: &Facts, (_, node): (Place, &Node), path: &str) -> bool {
        let asked = node.kinds.unwrap_or(Kinds::ALL);
        // A number that is a multiple of a whole one is whole.
        let known = match self.is_whole(facts) {
            true => facts.kinds.without_fractions(),
            false => facts.kinds,
        };
        if known.is_within(asked) {
            return true;
        }
        self.found(path, |compare| {
            let (writing, reading) = (compare.writing, compare.reading);
            format!("it may be {} in {writing}, and {reading} only takes {asked}", facts.kinds)
        })
    }
}

#[cfg(test)]
mod tests;
