//! A disk that is full: a limit on the size of files has the same effect, for one process.

use integration_tests::Cluster;
use integration_tests::admin::{FOREVER, create_topic};
use integration_tests::clients;
use rdkafka::producer::BaseRecord;

use crate::process::Service;

/// RocksDB's small files need about 60 KiB; the rows of this test need more in one file.
const FILE_KIB: usize = 80;
const WORDS: usize = 20_000;

#[test]
fn state_that_cannot_be_written_ends_the_run_by_name_and_nothing_is_lost() {
    // Its topics have fixed names: on a broker of its own.
    let cluster = Cluster::embedded(kappa_broker::ServerConfig::default());
    let bootstrap = cluster.bootstrap();
    create_topic(bootstrap, "lines", 1, &[FOREVER]);
    let producer = clients::producer(bootstrap, &[]);
    for number in 0..WORDS {
        let word = format!("word-{}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        clients::send(&producer, BaseRecord::<(), str>::to("lines").payload(&word).timestamp(1));
    }
    clients::drain(&producer);

    let state = tempfile::tempdir().unwrap();
    let service = Service::example("word_count", bootstrap, state.path());
    let arguments = ["run", "--until-caught-up", "--set", "commit.interval.ms=100"];
    let full = service.start_with_file_limit(FILE_KIB, &arguments).finish();
    assert_eq!(full.status, Some(70), "{full:?}");
    let directory = state.path().join("word-count").to_string_lossy().into_owned();
    assert!(full.stderr.contains(&directory) && full.stderr.contains("File too large"), "{full:?}");

    // There is room again.
    service.run(&arguments).succeeds();
    let counts = service.results("words");
    assert_eq!(counts.len(), WORDS);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).take(3).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
