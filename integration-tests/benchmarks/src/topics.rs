//! The topics of one repetition: made before it, filled where it restores, deleted after it.

use integration_tests::admin::{self, FOREVER};
use integration_tests::waiting::block_on;

use crate::case::{Case, Contestant, Work};
use crate::input::{self, PARTITIONS};

/// Makes what a contestant finds there already.
pub(crate) fn create(case: Case, contestant: Contestant, work: &Work) {
    admin::create_topic(&work.bootstrap, &work.output(), PARTITIONS, &[FOREVER]);
    let changelog = work.changelog();
    match (case, contestant) {
        (Case::Restore, _) => {
            let compacted = ("cleanup.policy", "compact");
            admin::create_topic(&work.bootstrap, &changelog, PARTITIONS, &[compacted]);
            let count = 1_i64.to_be_bytes();
            input::fill(&work.bootstrap, &changelog, work.records, case.keys(), &count);
        }
        // The others make it themselves.
        (_, Contestant::Bare) => {
            admin::create_topic(&work.bootstrap, &changelog, PARTITIONS, &[FOREVER]);
        }
        _ => {}
    }
}

/// Deletes what a repetition has written, so that a long run does not fill the disk.
pub(crate) fn delete(work: &Work) {
    let names = [work.output(), work.changelog()];
    let names = names.each_ref().map(String::as_str);
    let client = admin::client(&work.bootstrap);
    // Not all contestants have made all of them, and what stays does no harm.
    let _ = block_on(client.delete_topics(&names, &admin::options()));
}
