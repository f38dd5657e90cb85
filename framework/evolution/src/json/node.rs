//! A schema as it is compared: what it asks for, keyword by keyword.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::{Regex, RegexBuilder};
use serde_json::{Number, Value};

use super::kinds::Kinds;

pub(super) type NodeId = usize;

/// How many bytes a pattern, or a name that is held against one, may have.
const PATTERN_BYTES_MAX: usize = 1000;
/// How large a pattern may become when it is compiled.
const PATTERN_SIZE_MAX: usize = 1 << 16;

/// What a schema asks for. What it does not mention it does not ask for.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// It takes nothing at all.
    pub(super) is_false: bool,
    pub(super) kinds: Option<Kinds>,
    /// What it takes, where it lists that; each by its canonical text.
    pub(super) values: Option<BTreeMap<String, Value>>,
    pub(super) numbers: Numbers,
    pub(super) strings: Strings,
    pub(super) arrays: Arrays,
    pub(super) objects: Objects,
    /// With what it refers to.
    pub(super) all_of: Vec<NodeId>,
    /// Of each of these groups one: `anyOf` and `oneOf`.
    pub(super) one_of: Vec<Vec<NodeId>>,
    pub(super) not: Option<NodeId>,
    /// What is not understood, by its keyword: equal ones ask for the same.
    pub(super) opaque: BTreeMap<String, Opaque>,
    pub(super) has_default: bool,
}

/// What is not understood, as a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opaque {
    pub(super) digest: u64,
    /// Whether it means something else if what it refers to does.
    pub(super) refers: bool,
}

#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) minimum: Option<Bound>,
    pub(super) maximum: Option<Bound>,
    pub(super) multiple_of: Option<Number>,
}

#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) value: Number,
    pub(super) is_exclusive: bool,
}

#[derive(Debug, Default)]
pub(super) struct Strings {
    pub(super) length_min: Option<u64>,
    pub(super) length_max: Option<u64>,
    pub(super) pattern: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Arrays {
    /// The first items.
    pub(super) prefix: Vec<NodeId>,
    /// All items after them.
    pub(super) rest: Option<NodeId>,
    pub(super) items_min: Option<u64>,
    pub(super) items_max: Option<u64>,
    pub(super) is_unique: bool,
    pub(super) contains: Option<Contains>,
}

/// How many of the items fit a schema.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contains {
    pub(super) schema: NodeId,
    pub(super) count_min: u64,
    pub(super) count_max: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) properties: BTreeMap<String, NodeId>,
    pub(super) patterns: Vec<(Pattern, NodeId)>,
    /// All that the two above do not name.
    pub(super) additional: Option<NodeId>,
    pub(super) names: Option<NodeId>,
    pub(super) required: BTreeSet<String>,
    pub(super) properties_min: Option<u64>,
    pub(super) properties_max: Option<u64>,
    pub(super) required_with: BTreeMap<String, BTreeSet<String>>,
    pub(super) schema_with: BTreeMap<String, NodeId>,
}

/// What is supposed of a name and the patterns that are not understood.
#[derive(Debug, Clone)]
pub(super) enum Guess<'a> {
    Nothing,
    Like(&'a str),
    Unlike(Vec<&'a str>),
}

impl Guess<'_> {
    fn of(&self, pattern: &Pattern) -> Option<bool> {
        match self {
            Self::Like(text) if *text == pattern.text => Some(true),
            Self::Unlike(texts) if texts.contains(&pattern.text.as_str()) => Some(false),
            _ => None,
        }
    }
}

impl Objects {
    /// Returns what surely holds for a property of this name.
    pub(super) fn surely(&self, name: &str, guess: &Guess<'_>) -> Vec<NodeId> {
        let mut found: Vec<NodeId> = self.properties.get(name).copied().into_iter().collect();
        let mut is_other = found.is_empty();
        for (pattern, node) in &self.patterns {
            match pattern.matches(name).or_else(|| guess.of(pattern)) {
                Some(true) => {
                    found.push(*node);
                    is_other = false;
                }
                Some(false) => {}
                None => is_other = false,
            }
        }
        found.extend(self.additional.filter(|_| is_other));
        found
    }

    /// Returns all that may hold for a property of this name, and what is so then.
    pub(super) fn perhaps(&self, name: &str) -> Vec<(NodeId, Guess<'_>)> {
        let mut found: Vec<(NodeId, Guess<'_>)> = Vec::new();
        found.extend(self.properties.get(name).map(|node| (*node, Guess::Nothing)));
        let mut unlike = Vec::new();
        let mut is_other = found.is_empty();
        for (pattern, node) in &self.patterns {
            match pattern.matches(name) {
                Some(true) => {
                    found.push((*node, Guess::Nothing));
                    is_other = false;
                }
                Some(false) => {}
                None => {
                    found.push((*node, Guess::Like(&pattern.text)));
                    unlike.push(pattern.text.as_str());
                }
            }
        }
        let other = self.additional.filter(|_| is_other);
        found.extend(other.map(|node| (node, Guess::Unlike(unlike))));
        found
    }
}

/// The pattern of names, by ECMA 262.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    /// None where it is of a kind that is not understood.
    regex: Option<Regex>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let is_small = text.len() <= PATTERN_BYTES_MAX;
        let regex = is_small.then(|| RegexBuilder::new(text).size_limit(PATTERN_SIZE_MAX).build());
        Self { text: text.to_owned(), regex: regex.and_then(Result::ok) }
    }

    fn matches(&self, name: &str) -> Option<bool> {
        let regex = self.regex.as_ref().filter(|_| name.len() <= PATTERN_BYTES_MAX);
        regex.map(|regex| regex.is_match(name))
    }
}
