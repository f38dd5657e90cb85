//! The HTTP surface of an application: probes, metrics and the topology, read-only.
