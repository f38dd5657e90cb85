//! What is known of a value: the schemas that it fits, all at once.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::JsonDocument;
use super::kinds::Kinds;
use super::node::{Guess, Node, NodeId};

/// A node of one of the two documents that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) is_reader: bool,
    pub(super) node: NodeId,
}

impl Place {
    /// Returns another node of the same document.
    pub(super) fn beside(self, node: NodeId) -> Self {
        Self { node, ..self }
    }
}

/// The two documents that are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Documents<'a> {
    pub(super) writer: &'a JsonDocument,
    pub(super) reader: &'a JsonDocument,
}

impl<'a> Documents<'a> {
    pub(super) fn node(self, place: Place) -> Option<&'a Node> {
        let document = if place.is_reader { self.reader } else { self.writer };
        document.node(place.node)
    }
}

/// What is known of a value: it is of one of these kinds, and fits all of these schemas.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Facts {
    pub(super) places: Vec<Place>,
    pub(super) kinds: Kinds,
}

impl Facts {
    /// Gathers what follows from some schemas: those of their `allOf` and `$ref` too.
    pub(super) fn of(documents: Documents<'_>, places: impl IntoIterator<Item = Place>) -> Self {
        let mut all = BTreeSet::new();
        let mut open: Vec<Place> = places.into_iter().collect();
        let mut kinds = Kinds::ALL;
        while let Some(place) = open.pop() {
            let Some(node) = documents.node(place).filter(|_| all.insert(place)) else { continue };
            if node.is_false {
                kinds = Kinds::NONE;
            }
            kinds = kinds.and(node.kinds.unwrap_or(Kinds::ALL));
            if let Some(values) = &node.values {
                let listed = values.values().map(Kinds::of);
                kinds = kinds.and(listed.fold(Kinds::NONE, Kinds::or));
            }
            open.extend(node.all_of.iter().map(|node| place.beside(*node)));
        }
        Self { places: all.into_iter().collect(), kinds }
    }

    /// Adds a schema.
    pub(super) fn and(&self, documents: Documents<'_>, place: Place) -> Self {
        let more = Self::of(documents, self.places.iter().copied().chain([place]));
        Self { kinds: more.kinds.and(self.kinds), ..more }
    }

    /// Returns the same of fewer kinds.
    pub(super) fn of_kinds(&self, kinds: Kinds) -> Self {
        Self { kinds: self.kinds.and(kinds), places: self.places.clone() }
    }

    /// Returns whether no value is so.
    pub(super) fn is_impossible(&self) -> bool {
        self.kinds == Kinds::NONE
    }

    pub(super) fn nodes<'a>(
        &self,
        documents: Documents<'a>,
    ) -> impl Iterator<Item = (Place, &'a Node)> {
        self.places.iter().filter_map(move |place| Some((*place, documents.node(*place)?)))
    }

    /// Returns the values it can be, where they are listed.
    pub(super) fn values<'a>(&self, documents: Documents<'a>) -> Option<Vec<&'a Value>> {
        let lists = self.nodes(documents).filter_map(|(_, node)| node.values.as_ref());
        let shortest = lists.min_by_key(|values| values.len())?;
        Some(shortest.values().filter(|value| Kinds::of(value).is_within(self.kinds)).collect())
    }

    /// Returns whether something follows from one of the schemas, or is so for each value that it
    /// can be.
    pub(super) fn hold(
        &self,
        documents: Documents<'_>,
        mut of_node: impl FnMut(&Node) -> bool,
        of_value: impl Fn(&Value) -> bool,
    ) -> bool {
        self.nodes(documents).any(|(_, node)| of_node(node))
            || self.values(documents).is_some_and(|values| values.into_iter().all(of_value))
    }

    /// Returns what is known of a property, whether or not it is named.
    pub(super) fn property(&self, documents: Documents<'_>, name: &str, guess: &Guess<'_>) -> Self {
        let places = self.nodes(documents).flat_map(|(place, node)| {
            node.objects.surely(name, guess).into_iter().map(move |node| place.beside(node))
        });
        Self::of(documents, places)
    }

    /// Returns what is known of properties that nobody names and that a pattern is like.
    pub(super) fn properties_like(&self, documents: Documents<'_>, pattern: &str) -> Self {
        let places = self.nodes(documents).filter_map(|(place, node)| {
            let objects = &node.objects;
            let same = objects.patterns.iter().find(|(own, _)| own.text == pattern);
            // Another pattern may be like the same names.
            let others = objects.additional.filter(|_| objects.patterns.is_empty());
            same.map(|(_, node)| *node).or(others).map(|node| place.beside(node))
        });
        Self::of(documents, places)
    }

    /// Returns what is known of an item.
    pub(super) fn item(&self, documents: Documents<'_>, at: usize) -> Self {
        let places = self.nodes(documents).filter_map(|(place, node)| {
            let node = node.arrays.prefix.get(at).copied().or(node.arrays.rest);
            node.map(|node| place.beside(node))
        });
        Self::of(documents, places)
    }

    /// Returns the first choice that none is taken of.
    pub(super) fn choice<'a>(&self, documents: Documents<'a>) -> Option<(Place, &'a [NodeId])> {
        let is_open = |place: Place, group: &[NodeId]| {
            !group.iter().any(|node| self.places.contains(&place.beside(*node)))
        };
        self.nodes(documents).find_map(|(place, node)| {
            let open = node.one_of.iter().find(|group| is_open(place, group));
            open.map(|group| (place, group.as_slice()))
        })
    }
}
