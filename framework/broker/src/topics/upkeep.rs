//! What is to go from the logs: where it is too old or too much, and where it is superseded.

use crate::log::PartitionLog;
use crate::topics::Topics;
use crate::topics::settings::TopicSettings;

/// A partition, by topic and index.
pub(crate) type PartitionName = (String, i32);

impl Topics {
    /// Returns whether anything was appended or set since this was last asked.
    pub(crate) fn take_disturbed(&mut self) -> bool {
        std::mem::take(&mut self.is_disturbed)
    }

    /// Returns the partitions whose beginning is to go, and up to where.
    pub(crate) fn expired(&mut self, stamp: i64) -> Vec<(PartitionName, i64)> {
        let mut expired = Vec::new();
        for (name, index, settings, log) in self.logs_mut() {
            if has_retention(settings) {
                log.cut_segments(settings);
                let until = log.expired(stamp, settings);
                if until > log.start_offset() {
                    expired.push(((name.to_owned(), index), until));
                }
            }
        }
        expired
    }

    /// Returns whether records may have to go some time.
    pub(crate) fn is_any_to_expire(&mut self) -> bool {
        self.logs_mut().any(|(_, _, settings, log)| {
            has_retention(settings) && log.start_offset() < log.end_offset()
        })
    }

    /// Returns the partition that a cleaning would gain most from, if it is worth while in any.
    pub(crate) fn dirtiest(&mut self, stamp: i64) -> Option<PartitionName> {
        let mut dirtiest = None;
        let mut ratio = 0.0;
        for (name, index, settings, log) in self.logs_mut() {
            if settings.is_compacted {
                log.cut_segments(settings);
                let cleanable = log.cleanable(stamp, settings);
                if cleanable.is_due(settings) && cleanable.dirty_ratio > ratio {
                    ratio = cleanable.dirty_ratio;
                    dirtiest = Some((name.to_owned(), index));
                }
            }
        }
        dirtiest
    }

    /// Returns whether there may be something to clean some time, even if nothing comes.
    pub(crate) fn is_any_dirty(&mut self) -> bool {
        self.logs_mut().any(|(_, _, settings, log)| settings.is_compacted && log.is_dirty())
    }

    /// Takes note of the memory of a log that was cleaned.
    pub(crate) fn exchange(&mut self, before: u64, after: u64) {
        self.room.exchange(before, after);
    }

    fn logs_mut(&mut self) -> impl Iterator<Item = (&str, i32, &TopicSettings, &mut PartitionLog)> {
        self.by_name.iter_mut().flat_map(|(name, topic)| {
            let settings = topic.config.settings();
            let logs = (0..).zip(&mut topic.partitions);
            logs.map(move |(index, log)| (name.as_str(), index, settings, log))
        })
    }
}

fn has_retention(settings: &TopicSettings) -> bool {
    settings.is_deletable && (settings.retention_ms >= 0 || settings.retention_bytes >= 0)
}
