//! All settings with their values and where those came from, to be shown.

use serde::Serialize;

use super::{Kind, SETTINGS, Source, StreamsConfig, clients, table};

/// A setting with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedSetting {
    /// Its name.
    pub name: String,
    /// Its value; hidden where it is a secret, none where nobody set it and it has no default.
    pub value: Option<String>,
    /// Its default, if it has one.
    pub default: Option<&'static str>,
    /// What its values are: `text`, `path`, `number` or `choice`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What a number counts: `ms` or `bytes`.
    pub unit: Option<&'static str>,
    /// Where its value came from, in words.
    pub source: String,
    /// Whether somebody set it.
    pub changed: bool,
}

/// What is shown in the place of a secret.
const HIDDEN: &str = "[hidden]";

impl StreamsConfig {
    /// Returns all settings of the library, then those that were set for clients and topics, by name.
    #[must_use]
    pub fn listing(&self) -> Vec<ListedSetting> {
        let own = SETTINGS.iter().map(|setting| {
            let given = self.get(setting.name);
            let (kind, unit) = kind(setting.kind);
            listed(setting.name, given, setting.default, (kind, unit))
        });
        let is_own = |name: &str| SETTINGS.iter().any(|setting| setting.name == name);
        let others = self.iter().filter(|(name, ..)| !is_own(name));
        let others = others.map(|(name, value, source)| {
            listed(name, Some((value, source.clone())), None, ("text", None))
        });
        own.chain(others).collect()
    }
}

fn listed(
    name: &str,
    given: Option<(&str, Source)>,
    default: Option<&'static str>,
    (kind, unit): (&'static str, Option<&'static str>),
) -> ListedSetting {
    let (value, source) = given.map_or((None, Source::Default), |(value, source)| {
        let is_secret = clients::is_secret(name) || table::is_secret(name);
        let shown = if is_secret { HIDDEN.to_owned() } else { without_credentials(value) };
        (Some(shown), source)
    });
    ListedSetting {
        name: name.to_owned(),
        value,
        default,
        kind,
        unit,
        changed: source != Source::Default,
        source: source.to_string(),
    }
}

/// Returns a value without the credentials of addresses in it: they are refused there, but not shown first.
fn without_credentials(value: &str) -> String {
    let hidden = |address: &str| {
        let (scheme, rest) = address.split_once("://")?;
        let authority = rest.find(['/', '?', '#']).map_or(rest, |end| rest.split_at(end).0);
        let at = authority.rfind('@')?;
        Some(format!("{scheme}://{HIDDEN}{}", rest.split_at(at).1))
    };
    let address = |address: &str| hidden(address).unwrap_or_else(|| address.to_owned());
    value.split(',').map(address).collect::<Vec<_>>().join(",")
}

fn kind(kind: Kind) -> (&'static str, Option<&'static str>) {
    match kind {
        Kind::Text | Kind::Secret => ("text", None),
        Kind::Path => ("path", None),
        Kind::Millis(..) => ("number", Some("ms")),
        Kind::Bytes(..) => ("number", Some("bytes")),
        Kind::Count(..) | Kind::Ratio => ("number", None),
        Kind::Choice(_) => ("choice", None),
    }
}
