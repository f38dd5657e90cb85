//! Objects: the properties that either side names, those that patterns name, and all others.

use std::collections::BTreeSet;

use super::{Check, Compare};
use crate::json::facts::{Facts, Place};
use crate::json::kinds::Kinds;
use crate::json::node::{Guess, Node, NodeId};

impl<'a> Compare<'a> {
    pub(super) fn objects(
        &mut self,
        facts: &Facts,
        (asked, node): (Place, &Node),
        path: &str,
    ) -> bool {
        if !facts.kinds.meets(Kinds::OBJECT) {
            return true;
        }
        let checks: &[Check<'a>] = &[
            Self::required,
            Self::counts_of_properties,
            Self::properties,
            Self::others,
            Self::names,
            Self::dependents,
        ];
        self.every(checks, facts, (asked, node), path)
    }

    fn requires(&self, facts: &Facts, name: &str) -> bool {
        facts.hold(
            self.documents,
            |node| node.objects.required.contains(name),
            |value| value.as_object().is_none_or(|members| members.contains_key(name)),
        )
    }

    fn required(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        let mut all = true;
        for name in &node.objects.required {
            if !self.step(facts.places.len()) {
                return false;
            }
            let own = node.objects.properties.get(name).map(|own| asked.beside(*own));
            let own = own.map(|own| Facts::of(self.documents, [own]));
            let has_default =
                own.is_some_and(|own| own.nodes(self.documents).any(|(_, node)| node.has_default));
            if has_default || self.requires(facts, name) {
                continue;
            }
            all = self.found(&within(path, name), |compare| {
                let (writing, reading) = (compare.writing, compare.reading);
                format!("{reading} requires it and gives it no default, and {writing} does not require it")
            });
        }
        all
    }

    fn counts_of_properties(
        &mut self,
        facts: &Facts,
        (_, node): (Place, &Node),
        path: &str,
    ) -> bool {
        let asked = &node.objects;
        let count = |value: &serde_json::Value| value.as_object().map(|all| all.len() as u64);
        let mut all = true;
        if let Some(min) = asked.properties_min.filter(|min| *min > 0) {
            let well = facts.hold(
                self.documents,
                |node| {
                    let known = &node.objects;
                    known.properties_min.is_some_and(|known| known >= min)
                        || known.required.len() as u64 >= min
                },
                |value| count(value).is_none_or(|count| count >= min),
            );
            all &=
                well || self.asks_more(path, || format!("no object of less than {min} properties"));
        }
        if let Some(max) = asked.properties_max {
            let well = facts.hold(
                self.documents,
                |node| node.objects.properties_max.is_some_and(|known| known <= max),
                |value| count(value).is_none_or(|count| count <= max),
            );
            all &=
                well || self.asks_more(path, || format!("no object of more than {max} properties"));
        }
        all
    }

    /// Every property that one of both names.
    fn properties(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        let own = &node.objects;
        if own.properties.is_empty() && own.patterns.is_empty() && own.additional.is_none() {
            return true;
        }
        let mut names: BTreeSet<&str> = own.properties.keys().map(String::as_str).collect();
        for (_, known) in facts.nodes(self.documents) {
            names.extend(known.objects.properties.keys().map(String::as_str));
        }
        let patterns: usize =
            facts.nodes(self.documents).map(|(_, node)| node.objects.patterns.len()).sum();
        let mut all = true;
        for name in names {
            if !self.step(facts.places.len() + patterns + own.patterns.len()) {
                return false;
            }
            for (schema, guess) in own.perhaps(name) {
                let known = facts.property(self.documents, name, &guess);
                if !known.is_impossible() {
                    all &= self.property((facts, &known), (asked, node), (name, schema), path);
                }
            }
            if !all && self.quiet > 0 {
                return false;
            }
        }
        all
    }

    fn property(
        &mut self,
        (facts, known): (&Facts, &Facts),
        (asked, node): (Place, &Node),
        (name, schema): (&str, NodeId),
        path: &str,
    ) -> bool {
        let schema = asked.beside(schema);
        let path = within(path, name);
        let is_named = |node: &Node| node.objects.properties.contains_key(name);
        let is_open = known.places.is_empty();
        if is_open
            && self.quiet == 0
            && !self.tries(|compare| compare.follows(known, schema, &path))
        {
            return self.found(&path, |compare| {
                let (writing, reading) = (compare.writing, compare.reading);
                let kinds = Facts::of(compare.documents, [schema]).kinds;
                format!(
                    "{writing} does not say what it is and lets it be anything, and {reading} only \
                     takes some {kinds}: was it closed, it could be added"
                )
            });
        }
        let is_closed = self.documents.node(schema).is_some_and(|schema| schema.is_false);
        if is_closed
            && !is_named(node)
            && facts.nodes(self.documents).any(|(_, node)| is_named(node))
        {
            return self.found(&path, |compare| {
                let (writing, reading) = (compare.writing, compare.reading);
                format!("{writing} has it, and {reading} neither has it nor lets others be added")
            });
        }
        self.follows(known, schema, &path)
    }

    /// Properties that neither names: by the patterns of either, and beside them.
    fn others(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        let own = &node.objects;
        let documents = self.documents;
        let beside = Facts::of(
            documents,
            facts.nodes(documents).filter_map(|(place, node)| {
                node.objects.additional.map(|additional| place.beside(additional))
            }),
        );
        let texts: BTreeSet<&str> = facts
            .nodes(documents)
            .flat_map(|(_, node)| node.objects.patterns.iter().map(|(of, _)| of.text.as_str()))
            .collect();
        if !self.step(texts.len() * facts.places.len()) {
            return false;
        }
        let patterns: Vec<(&str, Facts)> =
            texts.into_iter().map(|text| (text, facts.properties_like(documents, text))).collect();
        let mut all = true;
        let own_patterns = own.patterns.iter().map(|(pattern, node)| (Some(&pattern.text), *node));
        for (pattern, schema) in own_patterns.chain(own.additional.map(|node| (None, node))) {
            if !self.step(1 + patterns.len()) {
                return false;
            }
            let schema = asked.beside(schema);
            let path = match pattern {
                Some(pattern) => within(path, &format!("/{pattern}/")),
                None => within(path, "*"),
            };
            let same = patterns.iter().find(|(text, _)| Some(*text) == pattern.map(String::as_str));
            if let Some((_, known)) = same {
                all &= self.follows(known, schema, &path);
                continue;
            }
            all &= self.beside(&beside, schema, &path);
            for (text, known) in &patterns {
                let is_own = own.patterns.iter().any(|(pattern, _)| pattern.text == *text);
                // What an own pattern names is none of the others.
                if pattern.is_some() || !is_own {
                    all &= self.follows(known, schema, &path);
                }
            }
            if !all && self.quiet > 0 {
                return false;
            }
        }
        all
    }

    fn beside(&mut self, known: &Facts, schema: Place, path: &str) -> bool {
        if !known.places.is_empty() || self.quiet > 0 {
            return self.follows(known, schema, path);
        }
        if self.tries(|compare| compare.follows(known, schema, path)) {
            return true;
        }
        self.found(path, |compare| {
            let (writing, reading) = (compare.writing, compare.reading);
            let kinds = Facts::of(compare.documents, [schema]).kinds;
            format!(
                "{writing} lets any properties be added, and {reading} only takes {kinds} there"
            )
        })
    }

    fn names(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        let Some(names) = node.objects.names else { return true };
        let known = facts
            .nodes(self.documents)
            .filter_map(|(place, node)| node.objects.names.map(|names| place.beside(names)));
        let known = Facts::of(self.documents, known).of_kinds(Kinds::STRING);
        self.follows(&known, asked.beside(names), &within(path, "(name)"))
    }

    /// What a property brings along.
    fn dependents(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        let documents = self.documents;
        let mut all = true;
        for (name, asked_for) in &node.objects.required_with {
            if !self.step(facts.places.len())
                || facts.property(documents, name, &Guess::Nothing).is_impossible()
            {
                continue;
            }
            let brings = |other: &str| {
                let with = |node: &Node| {
                    let others = node.objects.required_with.get(name);
                    others.is_some_and(|others| others.contains(other))
                };
                other == name || facts.nodes(documents).any(|(_, node)| with(node))
            };
            let lacking: Vec<_> = asked_for
                .iter()
                .filter(|other| !brings(other) && !self.requires(facts, other))
                .map(|other| format!("`{other}`"))
                .collect();
            if !lacking.is_empty() {
                let lacking = lacking.join(", ");
                all = self.found(&within(path, name), |compare| {
                    let (writing, reading) = (compare.writing, compare.reading);
                    format!("{reading} requires {lacking} with it, and {writing} does not")
                });
            }
        }
        for (name, schema) in &node.objects.schema_with {
            if facts.property(documents, name, &Guess::Nothing).is_impossible() {
                continue;
            }
            let mut with = facts.clone();
            for (place, node) in facts.nodes(documents) {
                if let Some(known) = node.objects.schema_with.get(name) {
                    with = with.and(documents, place.beside(*known));
                }
            }
            all &= self.follows(&with, asked.beside(*schema), path);
        }
        all
    }
}

fn within(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
