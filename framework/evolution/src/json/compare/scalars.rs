//! Listed values, numbers and strings.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::Compare;
use crate::json::decimal;
use crate::json::facts::{Facts, Place};
use crate::json::kinds::Kinds;
use crate::json::node::{Bound, Node};

/// How many values are listed in words.
const LISTED_MAX: usize = 5;

impl Compare<'_> {
    pub(super) fn is_whole(&self, facts: &Facts) -> bool {
        let one = Number::from(1);
        facts.nodes(self.documents).any(|(_, node)| {
            node.numbers.multiple_of.as_ref().is_some_and(|of| decimal::is_multiple(of, &one))
        })
    }

    /// What the reader lists must have all that the writer may write.
    pub(super) fn values(&mut self, facts: &Facts, (_, node): (Place, &Node), path: &str) -> bool {
        let Some(asked) = &node.values else { return true };
        let small = [Value::Null, Value::Bool(false), Value::Bool(true)];
        let known = match facts.values(self.documents) {
            Some(values) => Some(values),
            None if facts.kinds.is_within(Kinds::NULL.or(Kinds::BOOLEAN)) => {
                Some(small.iter().filter(|value| Kinds::of(value).is_within(facts.kinds)).collect())
            }
            None => None,
        };
        let (writing, reading) = (self.writing, self.reading);
        let Some(known) = known else {
            return self.found(path, |_| {
                let asked = listed(asked.values());
                format!(
                    "it may be any {} in {writing}, and {reading} only takes {asked}",
                    facts.kinds
                )
            });
        };
        let gone: Vec<&Value> = known
            .into_iter()
            .filter(|value| !asked.contains_key(&decimal::canonical(value)))
            .collect();
        if gone.is_empty() {
            return true;
        }
        self.found(path, |_| {
            format!("it may be {} in {writing}, which {reading} does not take", listed(gone))
        })
    }

    pub(super) fn numbers(&mut self, facts: &Facts, (_, node): (Place, &Node), path: &str) -> bool {
        if !facts.kinds.meets(Kinds::NUMBER) {
            return true;
        }
        let asked = &node.numbers;
        let mut all = true;
        if let Some(bound) = &asked.minimum {
            let tight = |known: Option<&Bound>| known.is_some_and(|b| is_tighter(b, bound, false));
            let well = facts.hold(
                self.documents,
                |node| tight(node.numbers.minimum.as_ref()),
                |value| fits(value, bound, Ordering::Greater),
            );
            all &= well || self.narrower(path, "no number below", bound);
        }
        if let Some(bound) = &asked.maximum {
            let tight = |known: Option<&Bound>| known.is_some_and(|b| is_tighter(b, bound, true));
            let well = facts.hold(
                self.documents,
                |node| tight(node.numbers.maximum.as_ref()),
                |value| fits(value, bound, Ordering::Less),
            );
            all &= well || self.narrower(path, "no number above", bound);
        }
        if let Some(of) = &asked.multiple_of {
            let is_one = *of == Number::from(1) && facts.kinds.and(Kinds::NUMBER) == Kinds::INTEGER;
            let well = is_one
                || facts.hold(
                    self.documents,
                    |node| {
                        let known = node.numbers.multiple_of.as_ref();
                        known.is_some_and(|known| decimal::is_multiple(known, of))
                    },
                    |value| value.as_number().is_none_or(|number| decimal::is_multiple(number, of)),
                );
            all &= well || self.asks_more(path, || format!("only multiples of {of}"));
        }
        all
    }

    fn narrower(&mut self, path: &str, what: &str, bound: &Bound) -> bool {
        let value = &bound.value;
        let itself = if bound.is_exclusive { ", nor that one" } else { "" };
        self.asks_more(path, || format!("{what} {value}{itself}"))
    }

    /// Tells that the reader takes less.
    pub(super) fn asks_more(&mut self, path: &str, what: impl FnOnce() -> String) -> bool {
        self.found(path, |compare| {
            let (writing, reading) = (compare.writing, compare.reading);
            format!("{reading} takes {}, and {writing} does not ask for that", what())
        })
    }

    pub(super) fn strings(&mut self, facts: &Facts, (_, node): (Place, &Node), path: &str) -> bool {
        if !facts.kinds.meets(Kinds::STRING) {
            return true;
        }
        let asked = &node.strings;
        let length = |value: &Value| value.as_str().map(|text| text.chars().count() as u64);
        let mut all = true;
        if let Some(min) = asked.length_min.filter(|min| *min > 0) {
            let well = facts.hold(
                self.documents,
                |node| node.strings.length_min.is_some_and(|known| known >= min),
                |value| length(value).is_none_or(|length| length >= min),
            );
            all &= well || self.asks_more(path, || format!("no text shorter than {min}"));
        }
        if let Some(max) = asked.length_max {
            let well = facts.hold(
                self.documents,
                |node| node.strings.length_max.is_some_and(|known| known <= max),
                |value| length(value).is_none_or(|length| length <= max),
            );
            all &= well || self.asks_more(path, || format!("no text longer than {max}"));
        }
        if let Some(pattern) = &asked.pattern {
            let mut known = facts.nodes(self.documents);
            let well = known.any(|(_, node)| node.strings.pattern.as_ref() == Some(pattern));
            all &= well || self.asks_more(path, || format!("only text like `{pattern}`"));
        }
        all
    }
}

/// Returns whether all that keeps within one bound keeps within another.
fn is_tighter(known: &Bound, asked: &Bound, is_upper: bool) -> bool {
    match decimal::compare(&known.value, &asked.value) {
        Ordering::Equal => known.is_exclusive || !asked.is_exclusive,
        order => (order == Ordering::Less) == is_upper,
    }
}

fn fits(value: &Value, bound: &Bound, side: Ordering) -> bool {
    value.as_number().is_none_or(|number| match decimal::compare(number, &bound.value) {
        Ordering::Equal => !bound.is_exclusive,
        order => order == side,
    })
}

fn listed<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let mut values = values.into_iter();
    let mut names: Vec<_> =
        values.by_ref().take(LISTED_MAX).map(|value| format!("`{value}`")).collect();
    match values.count() {
        0 if names.is_empty() => names.push("nothing".to_owned()),
        0 => {}
        more => names.push(format!("{more} more")),
    }
    names.join(", ")
}
