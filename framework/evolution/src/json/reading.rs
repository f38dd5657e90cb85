//! From JSON to nodes: every schema once, and every `$ref` to the node it means.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

use super::decimal;
use super::document::{Resource, anchors};
use super::kinds::Kinds;
use super::node::{Bound, Contains, Node, NodeId, Opaque, Pattern};
use crate::Malformed;

/// How many schemas a document may come to, with all it refers to.
const NODES_MAX: usize = 200_000;

/// What a `$ref` that leads nowhere is kept as.
const MISSING: &str = "$ref";

/// A condition, of which nothing is understood but that it is the same.
const CONDITION: [&str; 3] = ["if", "then", "else"];

/// A document that is being read.
pub(super) struct Reading<'a> {
    resources: &'a [Resource],
    anchors: Vec<HashMap<String, &'a Value>>,
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    pub(super) missing: Vec<String>,
    /// Nodes by the address of their JSON.
    known: HashMap<usize, NodeId>,
    /// References that are not followed yet: from which node of which document to what.
    open: Vec<(NodeId, usize, String)>,
    /// Whether a `$ref` has nothing beside it, as up to draft 7.
    is_lonely: bool,
}

impl<'a> Reading<'a> {
    /// # Errors
    ///
    /// Where there is too much of it.
    pub(super) fn read(resources: &'a [Resource]) -> Result<Self, Malformed> {
        let draft = resources.first().and_then(|own| own.value.get("$schema")?.as_str());
        let old = ["draft-03", "draft-04", "draft-06", "draft-07"];
        let mut reading = Self {
            resources,
            anchors: resources.iter().map(anchors).collect(),
            nodes: Vec::new(),
            root: 0,
            missing: Vec::new(),
            known: HashMap::new(),
            open: Vec::new(),
            is_lonely: draft.is_some_and(|draft| old.iter().any(|old| draft.contains(old))),
        };
        if let Some(own) = resources.first() {
            reading.root = reading.node(&own.value, 0)?;
        }
        while let Some((from, resource, to)) = reading.open.pop() {
            let target = match reading.find(resource, &to) {
                Some((resource, value)) => Some(reading.node(value, resource)?),
                None => None,
            };
            if let Some(target) = target {
                if let Some(node) = reading.nodes.get_mut(from) {
                    node.all_of.push(target);
                }
                continue;
            }
            if let Some(node) = reading.nodes.get_mut(from) {
                let value = Value::from(to.as_str());
                node.opaque.insert(MISSING.to_owned(), opaque(&value));
            }
            if !reading.missing.contains(&to) {
                reading.missing.push(to);
            }
        }
        Ok(reading)
    }

    /// Reads a schema unless it is known. Goes as deep as the JSON, which its parser has limited.
    fn node(&mut self, value: &'a Value, resource: usize) -> Result<NodeId, Malformed> {
        let address = std::ptr::from_ref(value).addr();
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        let id = self.nodes.len();
        if id >= NODES_MAX {
            return Err(Malformed::new(format!("it has more than {NODES_MAX} schemas")));
        }
        self.nodes.push(Node::default());
        self.known.insert(address, id);
        let mut node = Node::default();
        match value {
            Value::Bool(takes) => node.is_false = !takes,
            Value::Object(members) => self.keywords(members, resource, (&mut node, id))?,
            other => _ = node.opaque.insert("schema".to_owned(), opaque(other)),
        }
        if let Some(place) = self.nodes.get_mut(id) {
            *place = node;
        }
        Ok(id)
    }

    fn keywords(
        &mut self,
        members: &'a Map<String, Value>,
        resource: usize,
        (node, id): (&mut Node, NodeId),
    ) -> Result<(), Malformed> {
        let reference = members.get("$ref").and_then(Value::as_str);
        if let Some(to) = reference {
            self.open.push((id, resource, to.to_owned()));
        }
        node.has_default = members.contains_key("default");
        if reference.is_some() && self.is_lonely {
            return Ok(());
        }
        let mut rest: Vec<(&'a String, &'a Value)> = Vec::new();
        for (keyword, value) in members {
            let is_followed = keyword == "$ref" && reference.is_some();
            if !is_followed && !simple(node, keyword, value) {
                rest.push((keyword, value));
            }
        }
        for (keyword, value) in rest {
            let is_known = self.applicator(node, (keyword, value), members, resource)?;
            if !is_known && is_telling(keyword) {
                node.opaque.insert(keyword.clone(), opaque(value));
            }
        }
        bounds(node, members);
        if members.contains_key("if") {
            let all = CONDITION.iter().filter_map(|keyword| members.get(*keyword).cloned());
            node.opaque.insert("if".to_owned(), opaque(&Value::Array(all.collect())));
        }
        self.unevaluated(node, members, resource)
    }

    /// Reads what has schemas in it; returns whether it was understood.
    fn applicator(
        &mut self,
        node: &mut Node,
        (keyword, value): (&'a str, &'a Value),
        members: &'a Map<String, Value>,
        resource: usize,
    ) -> Result<bool, Malformed> {
        match (keyword, value) {
            ("properties", Value::Object(all)) => {
                node.objects.properties = self.named(all, resource)?;
            }
            ("patternProperties", Value::Object(all)) => {
                for (text, value) in all {
                    let schema = self.node(value, resource)?;
                    node.objects.patterns.push((Pattern::new(text), schema));
                }
            }
            ("additionalProperties", Value::Object(_) | Value::Bool(_)) => {
                node.objects.additional = Some(self.node(value, resource)?);
            }
            ("propertyNames", Value::Object(_) | Value::Bool(_)) => {
                node.objects.names = Some(self.node(value, resource)?);
            }
            ("dependencies" | "dependentSchemas" | "dependentRequired", Value::Object(all)) => {
                for (name, value) in all {
                    match strings(value) {
                        Some(names) => {
                            let names = names.map(str::to_owned);
                            node.objects.required_with.insert(name.clone(), names.collect());
                        }
                        None => {
                            let schema = self.node(value, resource)?;
                            node.objects.schema_with.insert(name.clone(), schema);
                        }
                    }
                }
            }
            ("prefixItems", Value::Array(all)) => {
                node.arrays.prefix = self.list(all, resource)?;
            }
            ("items", Value::Array(all)) => {
                node.arrays.prefix = self.list(all, resource)?;
                if let Some(rest) = members.get("additionalItems") {
                    node.arrays.rest = Some(self.node(rest, resource)?);
                }
            }
            ("items", Value::Object(_) | Value::Bool(_)) => {
                node.arrays.rest = Some(self.node(value, resource)?);
            }
            // Without a list of items it says nothing; else it was read with them.
            ("additionalItems", _) => {}
            ("contains", Value::Object(_) | Value::Bool(_)) => {
                let count = |keyword: &str| members.get(keyword).and_then(count);
                let (count_min, count_max) =
                    (count("minContains").unwrap_or(1), count("maxContains"));
                let schema = self.node(value, resource)?;
                node.arrays.contains = Some(Contains { schema, count_min, count_max });
            }
            ("allOf", Value::Array(all)) => {
                let all = self.list(all, resource)?;
                node.all_of.extend(all);
            }
            ("anyOf" | "oneOf", Value::Array(all)) => {
                let all = self.list(all, resource)?;
                node.one_of.push(all);
            }
            ("not", Value::Object(_) | Value::Bool(_)) => {
                node.not = Some(self.node(value, resource)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn named(
        &mut self,
        all: &'a Map<String, Value>,
        resource: usize,
    ) -> Result<BTreeMap<String, NodeId>, Malformed> {
        all.iter().map(|(name, value)| Ok((name.clone(), self.node(value, resource)?))).collect()
    }

    fn list(&mut self, all: &'a [Value], resource: usize) -> Result<Vec<NodeId>, Malformed> {
        all.iter().map(|value| self.node(value, resource)).collect()
    }
}

impl<'a> Reading<'a> {
    /// What holds for all that nothing else has spoken of. Beside schemas that may have spoken it is
    /// not understood, and the whole must stay as it is.
    fn unevaluated(
        &mut self,
        node: &mut Node,
        members: &'a Map<String, Value>,
        resource: usize,
    ) -> Result<(), Malformed> {
        let speaks = |keyword: &&str| members.contains_key(*keyword);
        let may_have_spoken = APPLICATORS.iter().any(speaks);
        for (keyword, others) in [
            ("unevaluatedProperties", &["additionalProperties"][..]),
            ("unevaluatedItems", &["items", "contains"]),
        ] {
            let Some(value) = members.get(keyword) else { continue };
            let is_list = members.get("items").is_some_and(Value::is_array);
            if may_have_spoken || (others.iter().any(speaks) && is_list) {
                let refers = members.values().any(refers);
                let digest = digest(members);
                node.opaque.insert(keyword.to_owned(), Opaque { digest, refers });
            } else if others.iter().any(speaks) {
                // All was spoken of.
            } else if keyword == "unevaluatedItems" {
                node.arrays.rest = Some(self.node(value, resource)?);
            } else {
                node.objects.additional = Some(self.node(value, resource)?);
            }
        }
        Ok(())
    }

    /// Finds what a `$ref` means, and in which document.
    fn find(&self, resource: usize, to: &str) -> Option<(usize, &'a Value)> {
        let (document, fragment) = to.split_once('#').unwrap_or((to, ""));
        let anchor = |at: usize, name: &str| self.anchors.get(at)?.get(name).copied();
        let root = |at: usize| self.resources.get(at).map(|resource| &*resource.value);
        let (at, base) = if document.is_empty() {
            (resource, root(resource)?)
        } else if let Some(inner) = anchor(resource, document) {
            (resource, inner)
        } else {
            let named = |other: &Resource| {
                other.name == document
                    || other.value.get("$id").and_then(Value::as_str) == Some(document)
            };
            let others = self.resources.iter().enumerate();
            let at = others.skip(1).find(|(_, other)| named(other)).map(|(at, _)| at)?;
            (at, root(at)?)
        };
        if fragment.is_empty() {
            return Some((at, base));
        }
        let found = match fragment.starts_with('/') {
            true => base.pointer(&decoded(fragment)),
            false => anchor(at, &format!("#{fragment}")),
        };
        found.map(|value| (at, value))
    }
}

/// What may have spoken of properties and items in another schema.
const APPLICATORS: [&str; 11] = [
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "$dynamicRef",
    "dependentSchemas",
    "dependencies",
];

/// Keywords by which values are refused; others are annotations, or nobody's.
fn is_telling(keyword: &str) -> bool {
    const TELLING: [&str; 30] = [
        "type",
        "enum",
        "multipleOf",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "maxProperties",
        "minProperties",
        "required",
        "properties",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "dependencies",
        "dependentSchemas",
        "dependentRequired",
        "prefixItems",
        "items",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "contains",
        "$ref",
        "$dynamicRef",
        "$recursiveRef",
        "disallow",
    ];
    TELLING.contains(&keyword)
}

/// Reads what has no schema in it; returns whether it was understood.
fn simple(node: &mut Node, keyword: &str, value: &Value) -> bool {
    match keyword {
        "type" => match kinds(value) {
            Some(kinds) => node.kinds = Some(kinds),
            None => return false,
        },
        "const" => only(node, std::slice::from_ref(value)),
        "enum" => match value {
            Value::Array(values) => only(node, values),
            _ => return false,
        },
        "multipleOf" => match value {
            Value::Number(number) => node.numbers.multiple_of = Some(number.clone()),
            _ => return false,
        },
        "pattern" => match value {
            Value::String(pattern) => node.strings.pattern = Some(pattern.clone()),
            _ => return false,
        },
        "uniqueItems" => match value {
            Value::Bool(is_unique) => node.arrays.is_unique = *is_unique,
            _ => return false,
        },
        "required" => match strings(value) {
            Some(names) => node.objects.required.extend(names.map(str::to_owned)),
            // Draft 3 said it of the property, and nothing reads it so any more.
            None => return value.is_boolean(),
        },
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            let Some(count) = count(value) else { return false };
            let place = match keyword {
                "minLength" => &mut node.strings.length_min,
                "maxLength" => &mut node.strings.length_max,
                "minItems" => &mut node.arrays.items_min,
                "maxItems" => &mut node.arrays.items_max,
                "minProperties" => &mut node.objects.properties_min,
                _ => &mut node.objects.properties_max,
            };
            *place = Some(count);
        }
        _ => return false,
    }
    true
}

/// Reads a count, which may be written as `2.0`.
fn count(value: &Value) -> Option<u64> {
    let whole = |number: &f64| number.fract() == 0.0 && (0.0..9e15).contains(number);
    let written = || value.as_f64().filter(whole).map(|number| format!("{number:.0}"));
    value.as_u64().or_else(|| written()?.parse().ok())
}

/// Takes these values only, of those that it took.
fn only(node: &mut Node, values: &[Value]) {
    let listed = values.iter().map(|value| (decimal::canonical(value), value.clone()));
    let before = node.values.take();
    let takes = |name: &String| before.as_ref().is_none_or(|before| before.contains_key(name));
    node.values = Some(listed.filter(|(name, _)| takes(name)).collect());
}

fn kinds(value: &Value) -> Option<Kinds> {
    match value {
        Value::String(name) => Kinds::named(name),
        Value::Array(names) => {
            let mut named = names.iter().map(|name| name.as_str().and_then(Kinds::named));
            named.try_fold(Kinds::NONE, |all, kind| Some(all.or(kind?)))
        }
        _ => None,
    }
}

fn strings(value: &Value) -> Option<impl Iterator<Item = &str>> {
    let values = value.as_array().filter(|values| values.iter().all(Value::is_string))?;
    Some(values.iter().filter_map(Value::as_str))
}

/// Reads the bounds of numbers, exclusive ones in the ways of draft 4 and of later ones.
fn bounds(node: &mut Node, members: &Map<String, Value>) {
    let number = |keyword: &str| members.get(keyword).and_then(Value::as_number).cloned();
    let bound = |inclusive: &str, exclusive: &str, tighter: std::cmp::Ordering| {
        let is_exclusive = members.get(exclusive).and_then(Value::as_bool).unwrap_or_default();
        let plain = number(inclusive).map(|value| Bound { value, is_exclusive });
        let beyond = number(exclusive).map(|value| Bound { value, is_exclusive: true });
        match (plain, beyond) {
            (Some(plain), Some(beyond)) => {
                let order = decimal::compare(&plain.value, &beyond.value);
                Some(if order == tighter { plain } else { beyond })
            }
            (plain, beyond) => plain.or(beyond),
        }
    };
    node.numbers.minimum = bound("minimum", "exclusiveMinimum", std::cmp::Ordering::Greater);
    node.numbers.maximum = bound("maximum", "exclusiveMaximum", std::cmp::Ordering::Less);
    for keyword in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
        let strange = |value: &&Value| !value.is_number() && !value.is_boolean();
        if let Some(value) = members.get(keyword).filter(strange) {
            node.opaque.insert(keyword.to_owned(), opaque(value));
        }
    }
}

fn opaque(value: &Value) -> Opaque {
    Opaque { digest: digest(value), refers: refers(value) }
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn refers(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(refers),
        Value::Object(members) => {
            let is_reference = |name: &String| name.starts_with('$') && name.ends_with("ef");
            members.iter().any(|(name, value)| is_reference(name) || refers(value))
        }
        _ => false,
    }
}

/// Decodes a fragment of a URI: `%25` is `%`.
fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
