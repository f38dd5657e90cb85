//! Who tells: the attributes that go with all metrics and traces.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{
    EnvResourceDetector, ResourceDetector, TelemetryResourceDetector,
};

use super::environment::Environment;
use crate::config::Settings;

/// Returns the attributes of this process: its application is the service, unless the environment says
/// otherwise (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`).
pub(super) fn of(settings: &Settings, environment: &Environment) -> Resource {
    let detectors: [Box<dyn ResourceDetector>; 2] =
        [Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())];
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", settings.application_id.clone()),
            KeyValue::new("service.instance.id", instance(settings, environment)),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .with_detectors(&detectors);
    match environment.get("OTEL_SERVICE_NAME") {
        Some(name) => resource.with_service_name(name.to_owned()).build(),
        None => resource.build(),
    }
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
