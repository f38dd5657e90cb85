//! Offsets from a CSV file, one partition a line: `topic,partition,offset`, as Kafka's own tools write it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::ids::{Offset, TopicPartition};

/// Offsets by partition, with the lines they stand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetsFile {
    name: Arc<str>,
    rows: BTreeMap<TopicPartition, (usize, Offset)>,
}

impl OffsetsFile {
    /// Reads a file's text; its name is for messages. Empty lines and lines with `#` in front are passed
    /// over.
    ///
    /// # Errors
    ///
    /// Where a line is malformed or a partition comes twice; the message names the line.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let mut rows = BTreeMap::new();
        for (line, row) in text.lines().enumerate().map(|(at, row)| (at + 1, row.trim())) {
            if row.is_empty() || row.starts_with('#') {
                continue;
            }
            let Some((partition, offset)) = parse_row(row) else {
                return Err(Error::config(format!(
                    "{name}:{line}: expected `topic,partition,offset`, found `{row}`"
                )));
            };
            if let Some((first, _)) = rows.insert(partition.clone(), (line, offset)) {
                return Err(Error::config(format!(
                    "{name}:{line}: {partition} is on line {first} already"
                )));
            }
        }
        if rows.is_empty() {
            let message = format!("{name}: no line `topic,partition,offset`");
            return Err(Error::config(message));
        }
        Ok(Self { name: name.into(), rows })
    }

    /// Refuses partitions that are none of these.
    pub(super) fn check(&self, inputs: &[TopicPartition]) -> Result<()> {
        let stranger = self.rows.iter().find(|(partition, _)| !inputs.contains(partition));
        stranger.map_or(Ok(()), |(partition, (line, _))| {
            Err(Error::config(format!(
                "{}:{line}: {partition} is no partition of an input of this application",
                self.name
            )))
        })
    }

    pub(super) fn offset(&self, partition: &TopicPartition) -> Option<Offset> {
        self.rows.get(partition).map(|(_, offset)| *offset)
    }
}

/// Topics have no commas and no quotes in their names; Kafka's tools may put them in quotes.
fn parse_row(row: &str) -> Option<(TopicPartition, Offset)> {
    let mut columns = row.split(',').map(str::trim);
    let (topic, partition, offset) = (columns.next()?, columns.next()?, columns.next()?);
    let topic = topic.trim_matches('"');
    let partition = partition.parse().ok().filter(|partition: &i32| *partition >= 0)?;
    let offset = offset.parse().ok().filter(|offset: &i64| *offset >= 0)?;
    let is_whole = columns.next().is_none() && !topic.is_empty();
    is_whole.then(|| (TopicPartition::new(topic, partition), Offset(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_kafkas_tools_write_them() {
        let text = "# a comment\nin,0,5\n\n\"in\", 1 ,7\n";
        let file = OffsetsFile::parse("plan.csv", text).unwrap();
        assert_eq!(file.offset(&TopicPartition::new("in", 0)), Some(Offset(5)));
        assert_eq!(file.offset(&TopicPartition::new("in", 1)), Some(Offset(7)));
        assert_eq!(file.offset(&TopicPartition::new("in", 2)), None);
    }

    #[test]
    fn what_is_wrong_names_the_line() {
        for wrong in ["in,0", "in,0,5,6", "in,zero,5", "in,0,-1", ",0,5", "in,-1,0"] {
            let error = OffsetsFile::parse("f.csv", &format!("in,7,1\n{wrong}")).unwrap_err();
            let expected = format!("f.csv:2: expected `topic,partition,offset`, found `{wrong}`");
            assert_eq!(error.to_string(), expected);
            assert!(error.is_config());
        }
        let twice = OffsetsFile::parse("f.csv", "in,0,5\nin,0,6").unwrap_err().to_string();
        assert_eq!(twice, "f.csv:2: in-0 is on line 1 already");
        assert!(OffsetsFile::parse("f.csv", "\n").is_err());
        let file = OffsetsFile::parse("f.csv", "in,0,5\nout,0,5").unwrap();
        let stranger = file.check(&[TopicPartition::new("in", 0)]).unwrap_err().to_string();
        assert_eq!(stranger, "f.csv:2: out-0 is no partition of an input of this application");
    }
}
