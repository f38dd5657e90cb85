//! The schemas that a topology uses against those that are in a folder, where they are reviewed.

use std::fs;
use std::path::Path;

use crate::serde::Part;
use crate::topology::{TopicNames, Topology};

/// Returns the subjects of which a topology uses a schema that is no file
/// `<folder>/<topic>-<key|value>/<version>.*`, to be held against nothing in a test.
///
/// So a changelog or repartition topic that comes with a new store is not forgotten, and a file that
/// nobody writes by is found.
///
/// # Examples
///
/// ```
/// use kappa::prelude::*;
/// use kappa::schemas::{Formats, Registry};
/// use kappa::testing::unreleased_schemas;
///
/// # fn topology(_: &Formats) -> kappa::Result<Topology> {
/// #     let builder = StreamsBuilder::new();
/// #     builder.stream(&Topic::<String, i64>::new("a", Utf8, I64)).to(&Topic::new("b", Utf8, I64));
/// #     builder.build()
/// # }
/// # fn main() -> kappa::Result<()> {
/// let topology = topology(&Formats::avro(Registry::in_memory()))?;
/// assert!(unreleased_schemas(&topology, "app", "../../schemas").is_empty());
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn unreleased_schemas(
    topology: &Topology,
    application_id: &str,
    folder: impl AsRef<Path>,
) -> Vec<String> {
    let used = topology.schemas(&TopicNames::live(application_id));
    let subjects = used.into_iter().filter_map(|used| {
        let part = match used.part {
            Part::Key => "key",
            Part::Value => "value",
        };
        let subject = format!("{}-{part}", used.topic);
        let files = fs::read_dir(folder.as_ref().join(&subject)).ok();
        let mut texts =
            files.into_iter().flatten().flatten().map(|file| fs::read_to_string(file.path()));
        let is_released = texts.any(|text| text.is_ok_and(|text| *text == *used.schema.text));
        (!is_released).then_some(subject)
    });
    subjects.collect()
}
