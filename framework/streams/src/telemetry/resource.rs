//! Who tells: the attributes that go with all metrics and traces.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;

use super::environment::{Environment, pairs};
use crate::config::Settings;
use crate::error::Result;

/// Returns the attributes of this process: its application is the service, unless the environment says
/// otherwise (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`).
///
/// # Errors
///
/// Where the environment's attributes are none.
pub(super) fn of(settings: &Settings, environment: &Environment) -> Result<Resource> {
    const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
    // Not by the SDK's own detector: that asks the process, whatever environment is given here.
    let given = match environment.get(ATTRIBUTES) {
        Some(text) => pairs(ATTRIBUTES, text)?,
        None => Vec::new(),
    };
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes([
            KeyValue::new("service.name", settings.application_id.clone()),
            KeyValue::new("service.instance.id", instance(settings, environment)),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .with_attributes(given.into_iter().map(|(name, value)| KeyValue::new(name, value)));
    Ok(match environment.get("OTEL_SERVICE_NAME") {
        Some(name) => resource.with_service_name(name.to_owned()).build(),
        None => resource.build(),
    })
}

/// Returns what tells this instance from others: its name in the group, its pod, or host and process.
fn instance(settings: &Settings, environment: &Environment) -> String {
    let main = settings.clients.for_client(&["consumer.", "main.consumer."]);
    if let Some(id) = main.get("group.instance.id") {
        return (*id).to_string();
    }
    if let Some(pod) = environment.get("POD_NAME") {
        return pod.to_owned();
    }
    let host = environment.get("HOSTNAME").map(str::to_owned);
    let host = host.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let host = host.as_deref().map_or("local", str::trim);
    format!("{host}-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StreamsConfig;

    fn told(variables: &[(&str, &str)]) -> Result<Vec<String>> {
        let settings = StreamsConfig::new("app").resolve().unwrap();
        let resource = of(&settings, &Environment::of(variables))?;
        let mut told: Vec<_> =
            resource.iter().map(|(name, value)| format!("{name}={value}")).collect();
        told.sort();
        Ok(told)
    }

    #[test]
    fn the_environment_that_is_given_names_the_attributes() {
        let attributes = "service.version=7, deployment.environment.name=a%2Cb,service.name=other,";
        let given = ("OTEL_RESOURCE_ATTRIBUTES", attributes);
        let host = ("HOSTNAME", "host");
        let all = told(&[given, host]).unwrap();
        for expected in
            ["service.version=7", "deployment.environment.name=a,b", "service.name=other"]
        {
            assert!(all.iter().any(|pair| pair == expected), "{expected} in {all:?}");
        }
        assert!(all.iter().any(|pair| pair.starts_with("service.instance.id=host-")), "{all:?}");
        assert!(all.iter().any(|pair| pair == "telemetry.sdk.language=rust"), "{all:?}");
        let named = told(&[given, ("OTEL_SERVICE_NAME", "named")]).unwrap();
        assert!(named.iter().any(|pair| pair == "service.name=named"), "{named:?}");
        assert!(told(&[]).unwrap().iter().any(|pair| pair == "service.name=app"));
    }

    #[test]
    fn attributes_that_are_none_are_told_at_the_start() {
        for wrong in ["production", "=production", "a=b,c"] {
            let error = told(&[("OTEL_RESOURCE_ATTRIBUTES", wrong)]).unwrap_err();
            assert!(error.is_config(), "{wrong}");
            assert!(error.to_string().contains("OTEL_RESOURCE_ATTRIBUTES"), "{error}");
        }
    }
}
