//! Describing and altering settings: `DescribeConfigs`, `AlterConfigs`, `IncrementalAlterConfigs`.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, alter_configs_response,
    incremental_alter_configs_request as incremental, incremental_alter_configs_response,
};
use kafka_protocol::protocol::StrBytes;

use crate::broker::{Broker, NODE_ID};
use crate::error::{Refusal, outcome};
use crate::topics::settings::{self, Kind, SETTINGS, Setting, TopicConfig};

// The kinds of things that have settings.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

// Where a value comes from.
const FROM_TOPIC: i8 = 1;
const FROM_BROKER_START: i8 = 4;
const FROM_DEFAULT: i8 = 5;

impl Broker {
    pub(crate) fn describe_configs(&self, body: DescribeConfigsRequest) -> DescribeConfigsResponse {
        let with_synonyms = body.include_synonyms;
        // Named again it would be described again: small requests must not have huge answers.
        let mut seen = BTreeSet::new();
        let is_first = |resource: &DescribeConfigsResource| {
            seen.insert((resource.resource_type, resource.resource_name.clone()))
        };
        let resources: Vec<_> = body.resources.into_iter().filter(is_first).collect();
        let results = resources.into_iter().map(|resource| {
            let described = self.describe_resource(&resource, with_synonyms);
            let (code, message) = outcome(&described);
            DescribeConfigsResult::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name)
                .with_configs(described.unwrap_or_default())
        });
        DescribeConfigsResponse::default().with_results(results.collect())
    }

    fn describe_resource(
        &self,
        resource: &DescribeConfigsResource,
        with_synonyms: bool,
    ) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
        let mut entries = match resource.resource_type {
            TOPIC => {
                let config = &self.topic_config(&resource.resource_name)?;
                SETTINGS.iter().map(|setting| describe(setting, config, with_synonyms)).collect()
            }
            BROKER => self.describe_broker(&resource.resource_name)?,
            other => return Err(unsupported(other)),
        };
        if let Some(keys) = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty()) {
            entries.retain(|entry: &DescribeConfigsResourceResult| keys.contains(&entry.name));
        }
        Ok(entries)
    }

    fn describe_broker(&self, name: &str) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
        if name.is_empty() {
            // The defaults of all brokers, of which none are set.
            return Ok(Vec::new());
        }
        check_broker(name)?;
        let config = &self.config;
        let delay = config.groups.initial_rebalance_delay_ms.to_string();
        let rows = [
            ("auto.create.topics.enable", config.auto_create_topics.to_string()),
            ("broker.id", NODE_ID.to_string()),
            ("default.replication.factor", "1".to_owned()),
            ("group.initial.rebalance.delay.ms", delay),
            ("node.id", NODE_ID.to_string()),
            ("num.partitions", config.default_partitions.to_string()),
        ];
        let row = |(name, value)| {
            DescribeConfigsResourceResult::default()
                .with_name(StrBytes::from_static_str(name))
                .with_value(Some(StrBytes::from_string(value)))
                .with_read_only(true)
                .with_config_source(FROM_BROKER_START)
        };
        Ok(rows.into_iter().map(row).collect())
    }

    pub(crate) fn alter_configs(&mut self, body: AlterConfigsRequest) -> AlterConfigsResponse {
        let names = body.resources.iter().map(|it| (it.resource_type, &it.resource_name));
        let twice = named_twice(names);
        let mut responses = Vec::with_capacity(body.resources.len());
        for resource in body.resources {
            let (kind, name) = (resource.resource_type, resource.resource_name);
            let values = resource.configs.into_iter();
            let replace = |_: &BTreeMap<String, String>| {
                values.map(|it| Ok((it.name.to_string(), value_of(&it.name, it.value)?))).collect()
            };
            let altered = check_once(&twice, kind, &name)
                .and_then(|()| self.alter(kind, &name, body.validate_only, replace));
            let (code, message) = outcome(&altered);
            let response = alter_configs_response::AlterConfigsResourceResponse::default()
                .with_error_code(code)
                .with_error_message(message);
            responses.push(response.with_resource_type(kind).with_resource_name(name));
        }
        AlterConfigsResponse::default().with_responses(responses)
    }

    pub(crate) fn incremental_alter_configs(
        &mut self,
        body: IncrementalAlterConfigsRequest,
    ) -> IncrementalAlterConfigsResponse {
        let names = body.resources.iter().map(|it| (it.resource_type, &it.resource_name));
        let twice = named_twice(names);
        let mut responses = Vec::with_capacity(body.resources.len());
        for resource in body.resources {
            let (kind, name) = (resource.resource_type, resource.resource_name);
            let edit = |current: &BTreeMap<String, String>| {
                check_keys(&resource.configs)?;
                let mut edited = current.clone();
                resource.configs.iter().try_for_each(|change| apply(&mut edited, change))?;
                Ok(edited)
            };
            let altered = check_once(&twice, kind, &name)
                .and_then(|()| self.alter(kind, &name, body.validate_only, edit));
            let (code, message) = outcome(&altered);
            let response =
                incremental_alter_configs_response::AlterConfigsResourceResponse::default()
                    .with_error_code(code)
                    .with_error_message(message);
            responses.push(response.with_resource_type(kind).with_resource_name(name));
        }
        IncrementalAlterConfigsResponse::default().with_responses(responses)
    }

    fn alter(
        &mut self,
        kind: i8,
        name: &str,
        validate_only: bool,
        edit: impl FnOnce(&BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal>,
    ) -> Result<(), Refusal> {
        match kind {
            TOPIC => {
                let config = TopicConfig::new(edit(self.topic_config(name)?.overrides())?)?;
                if !validate_only {
                    self.topics.configure(name, config);
                }
                Ok(())
            }
            BROKER => {
                let message = "the settings of this broker are fixed when it starts";
                Err(Refusal::new(ResponseError::InvalidRequest, message))
            }
            other => Err(unsupported(other)),
        }
    }

    fn topic_config(&self, name: &str) -> Result<&TopicConfig, Refusal> {
        crate::topics::name::check(name)?;
        let topic = self.topics.get(name).ok_or_else(Refusal::unknown_partition)?;
        Ok(&topic.config)
    }
}

fn describe(
    setting: &Setting,
    config: &TopicConfig,
    with_synonyms: bool,
) -> DescribeConfigsResourceResult {
    let name = StrBytes::from_static_str(setting.name);
    let default = StrBytes::from_static_str(setting.default);
    let own = config.overrides().get(setting.name).cloned().map(StrBytes::from_string);
    let synonym = |name, value, source| {
        let synonym = DescribeConfigsSynonym::default().with_name(name).with_source(source);
        synonym.with_value(Some(value))
    };
    let mut synonyms = Vec::new();
    if with_synonyms {
        synonyms.extend(own.clone().map(|own| synonym(name.clone(), own, FROM_TOPIC)));
        synonyms.extend(setting.synonym.map(|broker| {
            synonym(StrBytes::from_static_str(broker), default.clone(), FROM_DEFAULT)
        }));
    }
    DescribeConfigsResourceResult::default()
        .with_name(name)
        .with_config_source(if own.is_some() { FROM_TOPIC } else { FROM_DEFAULT })
        .with_value(Some(own.unwrap_or(default)))
        .with_synonyms(synonyms)
}

/// Applies one incremental change.
fn apply(
    configs: &mut BTreeMap<String, String>,
    change: &incremental::AlterableConfig,
) -> Result<(), Refusal> {
    let setting = settings::find(&change.name)?;
    let name = setting.name.to_owned();
    let value = || value_of(&name, change.value.clone());
    let current = || configs.get(setting.name).map_or(setting.default, String::as_str);
    let changed = match change.config_operation {
        0 => value()?,
        1 => {
            configs.remove(setting.name);
            return Ok(());
        }
        2 | 3 if !matches!(setting.kind, Kind::Words(_) | Kind::Text) => {
            let message = format!("Can't append to or subtract from {name}: it is no list");
            return Err(Refusal::new(ResponseError::InvalidConfig, message));
        }
        2 => {
            let value = value()?;
            let added: Vec<_> = settings::list(&value).collect();
            let kept = settings::list(current()).filter(|word| !added.contains(word));
            kept.chain(added.iter().copied()).collect::<Vec<_>>().join(",")
        }
        3 => {
            let value = value()?;
            let gone: Vec<_> = settings::list(&value).collect();
            let kept = settings::list(current()).filter(|word| !gone.contains(word));
            kept.collect::<Vec<_>>().join(",")
        }
        other => {
            let message = format!("Unknown operation type {other}");
            return Err(Refusal::new(ResponseError::UnknownServerError, message));
        }
    };
    configs.insert(name, changed);
    Ok(())
}

fn value_of(name: &str, value: Option<StrBytes>) -> Result<String, Refusal> {
    let message = format!("Null value not supported for : {name}");
    let value = value.ok_or_else(|| Refusal::new(ResponseError::InvalidRequest, message))?;
    Ok(value.to_string())
}

fn named_twice<'a>(names: impl Iterator<Item = (i8, &'a StrBytes)>) -> BTreeSet<(i8, String)> {
    let mut seen = BTreeSet::new();
    let repeated = names.filter(|name| !seen.insert(*name));
    repeated.map(|(kind, name)| (kind, name.to_string())).collect()
}

fn check_once(twice: &BTreeSet<(i8, String)>, kind: i8, name: &str) -> Result<(), Refusal> {
    if twice.contains(&(kind, name.to_owned())) {
        let message = format!("{name} is named more than once");
        return Err(Refusal::new(ResponseError::InvalidRequest, message));
    }
    Ok(())
}

fn check_keys(changes: &[incremental::AlterableConfig]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    match changes.iter().find(|change| !seen.insert(&change.name)) {
        None => Ok(()),
        Some(change) => {
            let name = change.name.as_str();
            let message = format!("Error due to duplicate config keys: {name}");
            Err(Refusal::new(ResponseError::InvalidRequest, message))
        }
    }
}

fn check_broker(name: &str) -> Result<(), Refusal> {
    if name == NODE_ID.to_string() {
        return Ok(());
    }
    let message =
        format!("Unexpected broker id, expected {NODE_ID} or empty string, but received {name}");
    Err(Refusal::new(ResponseError::InvalidRequest, message))
}

fn unsupported(kind: i8) -> Refusal {
    let message = format!("settings of resource type {kind} are not served");
    Refusal::new(ResponseError::InvalidRequest, message)
}

#[cfg(test)]
mod tests;
