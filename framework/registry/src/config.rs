//! What can be set on a registry's core: every setting with its default, unit and reason.

use crate::model::Level;

/// The settings of a registry's core.
///
/// Confluent's registry has the default level as `schema.compatibility.level`; the limits keep a
/// runaway test from taking the machine with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryConfig {
    /// `schema.compatibility.level`: what new versions must keep to where nothing is configured.
    pub compatibility: Level,
    /// Subjects that have versions or settings; one more is refused.
    pub subjects_max: usize,
    /// Versions of one subject, the deleted ones included; one more is refused.
    pub versions_per_subject_max: usize,
    /// Versions of all subjects together; one more is refused.
    pub versions_max: usize,
    /// Bytes of one schema's text; a larger one is refused.
    pub schema_bytes_max: usize,
    /// Bytes of a subject's name.
    pub subject_bytes_max: usize,
    /// References that a schema may come to, its own and those of what it refers to.
    pub references_max: usize,
    /// How many schemas may refer to each other in a row.
    pub references_depth_max: usize,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            compatibility: Level::Backward,
            subjects_max: 10_000,
            versions_per_subject_max: 1_000,
            versions_max: 50_000,
            schema_bytes_max: 1 << 20,
            subject_bytes_max: 1_024,
            references_max: 200,
            references_depth_max: 50,
        }
    }
}
