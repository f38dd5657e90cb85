//! What the process needs of its platform: memory, and time to close; and whether it gets the memory.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::arguments::Arguments;
use super::output::{print, print_json};
use super::{App, configuration};
use crate::config::{MemoryPlan, Settings};
use crate::error::Result;
use crate::runtime::CLOSE_MAX;
use crate::time::millis;

const MIB: u64 = 1 << 20;

/// What is printed as JSON.
#[derive(Serialize)]
struct Needs<'a> {
    memory: &'a MemoryPlan,
    close_ms: i64,
}

/// Shows what a process needs of its platform.
pub(super) fn platform(app: &App, arguments: &Arguments) -> Result<ExitCode> {
    let memory = &configuration::settings(app, arguments)?.memory();
    if arguments.json {
        return print_json(&Needs { memory, close_ms: millis(CLOSE_MAX) });
    }
    print(format!("{}time to close, at most: {} s\n", table(memory), CLOSE_MAX.as_secs()))
}

fn table(plan: &MemoryPlan) -> String {
    let width = plan.parts.iter().map(|part| part.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for part in &plan.parts {
        let _ = writeln!(text, "{:width$}  {:>6} MiB", part.name, part.bytes / MIB);
    }
    let limit = plan.limit_bytes.div_ceil(MIB);
    let _ = writeln!(text, "{:width$}  {limit:>6} MiB", "with a quarter more");
    for what in &plan.unbounded {
        let _ = writeln!(text, "not bounded: {what}");
    }
    text
}

/// Warns where the container may have less memory than the settings add up to: it would be killed.
pub(super) fn compare_with_limit(settings: &Settings) {
    let Ok(own) = std::fs::read_to_string("/proc/self/cgroup") else { return };
    let Some(limit) = limit(Path::new("/sys/fs/cgroup"), &own) else { return };
    let wanted = settings.memory().limit_bytes;
    if wanted > limit {
        tracing::warn!(
            "the settings add up to {} MiB of memory and the container has {}: it may be killed; \
             `config --platform` shows the parts",
            wanted.div_ceil(MIB),
            limit / MIB
        );
    }
}

/// Returns the lowest memory limit of a process's control groups (version 2), if there is one.
fn limit(root: &Path, own: &str) -> Option<u64> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group = root.join(path);
    let above = group.ancestors().take_while(|group| group.starts_with(root));
    let limits = above.filter_map(|group| {
        let text = std::fs::read_to_string(group.join("memory.max")).ok()?;
        // `max` is no limit.
        text.trim().parse::<u64>().ok()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::config::StreamsConfig;

    #[test]
    fn the_lowest_limit_of_the_groups_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("pods/pod1");
        std::fs::create_dir_all(&group).unwrap();
        let set = |at: &Path, value: &str| std::fs::write(at.join("memory.max"), value).unwrap();
        assert_eq!(limit(root.path(), "0::/pods/pod1\n"), None, "no limits at all");
        set(&group, "max\n");
        assert_eq!(limit(root.path(), "0::/pods/pod1\n"), None);
        set(&root.path().join("pods"), "1048576\n");
        assert_eq!(limit(root.path(), "0::/pods/pod1\n"), Some(1 << 20));
        set(&group, "4096\n");
        assert_eq!(limit(root.path(), "0::/pods/pod1\n"), Some(4096));
        assert_eq!(limit(root.path(), "1:memory:/pods/pod1\n"), None, "version 1");
    }

    #[test]
    fn a_line_for_each_part_and_the_limit_last() {
        let settings = StreamsConfig::new("app").resolve().unwrap();
        expect![[r#"
            rocksdb.block.cache.bytes             64 MiB
            rocksdb.write.buffer.bytes           128 MiB
            statestore.cache.max.bytes            10 MiB
            statestore.uncommitted.max.bytes      64 MiB
            input.buffer.max.bytes                64 MiB
            queues of consumers that restore      32 MiB
            queues of producers                   64 MiB
            program and threads                   48 MiB
            with a quarter more                  593 MiB
        "#]]
        .assert_eq(&table(&settings.memory()));
    }
}
