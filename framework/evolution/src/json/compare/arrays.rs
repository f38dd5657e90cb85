//! Arrays: their items one by one as far as they are listed, then all others.

use super::Compare;
use crate::json::facts::{Facts, Place};
use crate::json::kinds::Kinds;
use crate::json::node::Node;

impl Compare<'_> {
    pub(super) fn arrays(
        &mut self,
        facts: &Facts,
        (asked, node): (Place, &Node),
        path: &str,
    ) -> bool {
        if !facts.kinds.meets(Kinds::ARRAY) {
            return true;
        }
        let all = self.counts_of_items(facts, node, path);
        all & self.items(facts, (asked, node), path) & self.contains(facts, (asked, node), path)
    }

    /// What fits the writer's schema fits the reader's, so that there are as many; for at most so many
    /// it is the other way about.
    fn contains(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        let Some(own) = node.arrays.contains else { return true };
        let schema = asked.beside(own.schema);
        let known: Vec<_> = facts
            .nodes(self.documents)
            .filter_map(|(place, node)| Some((place, node.arrays.contains?)))
            .collect();
        let enough = own.count_min == 0
            || known.iter().any(|(place, other)| {
                let one = Facts::of(self.documents, [place.beside(other.schema)]);
                other.count_min >= own.count_min
                    && self.tries(|compare| compare.follows(&one, schema, path))
            });
        let few = own.count_max.is_none_or(|max| {
            let one = Facts::of(self.documents, [schema]);
            known.iter().any(|(place, other)| {
                let other_schema = place.beside(other.schema);
                other.count_max.is_some_and(|known| known <= max)
                    && self.tries(|compare| compare.follows(&one, other_schema, path))
            })
        });
        (enough && few)
            || self.asks_more(path, || {
                let max = own.count_max.map_or(String::new(), |max| format!(" and at most {max}"));
                format!("only arrays with at least {}{max} items of a kind", own.count_min)
            })
    }

    fn counts_of_items(&mut self, facts: &Facts, node: &Node, path: &str) -> bool {
        let asked = &node.arrays;
        let count = |value: &serde_json::Value| value.as_array().map(|items| items.len() as u64);
        let mut all = true;
        if let Some(min) = asked.items_min.filter(|min| *min > 0) {
            let well = facts.hold(
                self.documents,
                |node| node.arrays.items_min.is_some_and(|known| known >= min),
                |value| count(value).is_none_or(|count| count >= min),
            );
            all &= well || self.asks_more(path, || format!("no array of less than {min} items"));
        }
        if let Some(max) = asked.items_max {
            let documents = self.documents;
            let is_closed = |(place, node): (Place, &Node)| {
                let rest = node.arrays.rest.and_then(|rest| documents.node(place.beside(rest)));
                rest.is_some_and(|rest| rest.is_false) && node.arrays.prefix.len() as u64 <= max
            };
            let well = facts.nodes(documents).any(is_closed)
                || facts.hold(
                    documents,
                    |node| node.arrays.items_max.is_some_and(|known| known <= max),
                    |value| count(value).is_none_or(|count| count <= max),
                );
            all &= well || self.asks_more(path, || format!("no array of more than {max} items"));
        }
        if asked.is_unique {
            let well = facts.nodes(self.documents).any(|(_, node)| {
                node.arrays.is_unique || node.arrays.items_max.is_some_and(|known| known <= 1)
            });
            all &= well || self.asks_more(path, || "no item twice".to_owned());
        }
        all
    }

    fn items(&mut self, facts: &Facts, (asked, node): (Place, &Node), path: &str) -> bool {
        let arrays = &node.arrays;
        if arrays.prefix.is_empty() && arrays.rest.is_none() {
            return true;
        }
        let known = facts.nodes(self.documents).map(|(_, node)| node.arrays.prefix.len());
        let count = known.max().unwrap_or_default().max(arrays.prefix.len());
        let limits = facts.nodes(self.documents).filter_map(|(_, node)| node.arrays.items_max);
        let limit = limits.min().unwrap_or(u64::MAX);
        let mut all = true;
        for at in 0..count {
            if at as u64 >= limit || !self.step(facts.places.len()) {
                return all;
            }
            let item = facts.item(self.documents, at);
            // Without this item there are none after it.
            if item.is_impossible() {
                return all;
            }
            if let Some(schema) = arrays.prefix.get(at).copied().or(arrays.rest) {
                all &= self.follows(&item, asked.beside(schema), &format!("{path}[{at}]"));
            }
            if !all && self.quiet > 0 {
                return false;
            }
        }
        match arrays.rest {
            Some(rest) if (count as u64) < limit => {
                let others = facts.item(self.documents, usize::MAX);
                all & self.follows(&others, asked.beside(rest), &format!("{path}[]"))
            }
            _ => all,
        }
    }
}
