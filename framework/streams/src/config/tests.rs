use std::io::Write;
use std::time::Duration;

use super::*;

fn config() -> StreamsConfig {
    StreamsConfig::new("app")
}

#[test]
fn later_layers_win_and_the_program_only_gives_defaults() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "# a comment\ncommit.interval.ms = 200\npoll.ms: 5\n\nstate.dir=/var/\\")
        .unwrap();
    writeln!(file, "    lib").unwrap();
    let environment = [
        ("KAPPA_POLL_MS".to_owned(), "7".to_owned()),
        ("KAPPA_TEST_BOOTSTRAP".to_owned(), "ignored".to_owned()),
        ("PATH".to_owned(), "/bin".to_owned()),
    ];
    let settings = config()
        .with_file(file.path())
        .and_then(|config| config.with_environment(environment))
        .and_then(|config| config.with_argument("num.stream.threads", "3"))
        .and_then(|config| config.with_default("commit.interval.ms", "1"))
        .and_then(|config| config.resolve())
        .unwrap();
    assert_eq!(settings.commit_interval, Duration::from_millis(200));
    assert_eq!(settings.poll, Duration::from_millis(7));
    assert_eq!(settings.threads, 3);
    assert_eq!(settings.state_dir, Path::new("/var/lib"));
    assert_eq!(settings.partition_skew_max, None);
}

#[test]
fn every_default_is_within_its_own_range() {
    let settings = config().resolve().unwrap();
    assert_eq!(settings.cache_bytes_max, 10 << 20);
    assert_eq!(settings.task_idle, TaskIdle::For(Duration::ZERO));
    for (index, setting) in SETTINGS.iter().enumerate().skip(1) {
        assert!(SETTINGS[index - 1].name < setting.name, "{} is out of order", setting.name);
    }
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_one_and_its_source() {
    let variable = ("KAPPA_COMMIT_INTERVALL_MS".to_owned(), "5".to_owned());
    let error = config().with_environment([variable]).unwrap_err().to_string();
    assert_eq!(
        error,
        "unknown setting `commit.intervall.ms` (from environment variable \
         KAPPA_COMMIT_INTERVALL_MS): did you mean `commit.interval.ms`?"
    );
    let error = config().with_argument("qqq", "1").unwrap_err().to_string();
    assert_eq!(error, "unknown setting `qqq` (from the command line)");
    for (wrong, nearest) in [
        ("consumer.fetch.min.byte", "consumer.fetch.min.bytes"),
        ("producer.batch.sise", "producer.batch.size"),
        ("sasl.pasword", "sasl.password"),
    ] {
        let error = config().with_argument(wrong, "1").unwrap_err().to_string();
        assert!(error.ends_with(&format!("did you mean `{nearest}`?")), "{error}");
    }
    let error = config().with_argument("consumer.no.such.setting", "1").unwrap_err().to_string();
    assert_eq!(error, "unknown setting `consumer.no.such.setting` (from the command line)");
}

#[test]
fn no_value_is_ever_shown_that_may_be_a_secret() {
    let config = config().with_argument("sasl.password", "hunter2").unwrap();
    let config = config.with_argument("producer.ssl.key.password", "hunter2").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!format!("{:?}", config.resolve().unwrap()).contains("hunter2"));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "sasl.password hunter2").unwrap();
    let error = StreamsConfig::new("app").with_file(file.path()).unwrap_err().to_string();
    assert!(error.contains("`sasl.password`") && !error.contains("hunter2"), "{error}");
}

#[test]
fn values_out_of_range_say_range_and_source() {
    let refuse = |name: &str, value: &str| {
        let config = config().with_argument(name, value).unwrap();
        config.resolve().unwrap_err().to_string()
    };
    assert_eq!(
        refuse("commit.interval.ms", "-5"),
        "setting commit.interval.ms: `-5` is not a whole number of milliseconds from 1 to 86400000 \
         (from the command line)"
    );
    assert!(refuse("num.stream.threads", "many").contains("`many` is not"));
    assert!(refuse("state.dir", " ").contains("is empty"));
    assert!(refuse("processing.guarantee", "exactly_once_v2").contains("none of at_least_once"));
    assert!(refuse("application.id", "../up").contains("must not begin"));
    assert!(refuse("consumer.enable.auto.commit", "true").contains("decided by the engine"));
}

#[test]
fn files_that_are_wrong_say_where() {
    let error = config().with_file(Path::new("/absent.properties")).unwrap_err();
    assert!(error.to_string().contains("/absent.properties"), "{error}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "poll.ms=1\nnonsense").unwrap();
    let error = config().with_file(file.path()).unwrap_err().to_string();
    assert!(error.ends_with(":2: expected `name=value`, found `nonsense`"), "{error}");
}

#[test]
fn client_settings_pass_by_prefix_and_java_names_are_translated() {
    let given = [
        ("bootstrap.servers", "kafka:9092"),
        ("session.timeout.ms", "9000"),
        ("consumer.fetch.max.wait.ms", "10"),
        ("main.consumer.fetch.min.bytes", "2"),
        ("consumer.fetch.min.bytes", "1"),
        ("producer.buffer.memory", "2048"),
        ("producer.max.block.ms", "1"),
        ("sasl.username", "me"),
    ];
    let config = given
        .iter()
        .fold(config(), |config, (name, value)| config.with_argument(name, value).unwrap());
    let clients = config.resolve().unwrap().clients;
    let main = clients.for_client(&["consumer.", "main.consumer."]);
    assert_eq!(main["bootstrap.servers"], "kafka:9092");
    assert_eq!(main["session.timeout.ms"], "9000");
    assert_eq!(main["fetch.wait.max.ms"], "10");
    assert_eq!(main["fetch.min.bytes"], "2");
    let restore = clients.for_client(&["consumer.", "restore.consumer."]);
    assert_eq!(restore["fetch.min.bytes"], "1");
    assert!(!restore.contains_key("session.timeout.ms"));
    let producer = clients.for_client(&["producer."]);
    assert_eq!(producer["queue.buffering.max.kbytes"], "2");
    assert_eq!(producer["sasl.username"], "me");
    assert!(!producer.contains_key("max.block.ms"));
}

#[test]
fn environment_names_follow_the_official_image() {
    let name = |variable: &str| environment::setting(variable);
    assert_eq!(name("KAPPA_BOOTSTRAP_SERVERS").as_deref(), Some("bootstrap.servers"));
    assert_eq!(name("KAPPA_DEFAULT_DSL_STORE").as_deref(), Some("default.dsl.store"));
    assert_eq!(name("KAPPA_A__B___C").as_deref(), Some("a_b-c"));
    assert_eq!(name("KAPPA_ORACLE_DIR"), None);
    assert_eq!(name("HOME"), None);
}

#[test]
fn variables_that_kubernetes_makes_for_services_set_nothing() {
    let service = [
        ("KAPPA_BROKER_SERVICE_HOST", "10.0.0.1"),
        ("KAPPA_BROKER_SERVICE_PORT", "9092"),
        ("KAPPA_BROKER_SERVICE_PORT_KAFKA_TLS", "9092"),
        ("KAPPA_BROKER_PORT", "tcp://10.0.0.1:9092"),
        ("KAPPA_BROKER_PORT_9092_TCP", "tcp://10.0.0.1:9092"),
        ("KAPPA_X_PORT_9092_TCP_ADDR", "10.0.0.1"),
        ("KAPPA_X_PORT_53_UDP_PROTO", "udp"),
        ("KAPPA_SERVICE_HOST", "10.0.0.1"),
        ("KAPPA_PORT", "tcp://10.0.0.1:9092"),
    ];
    let variables = service.map(|(name, value)| (name.to_owned(), value.to_owned()));
    config().with_environment(variables).unwrap();
    for (name, value) in [("KAPPA_BROKER_PORT", "9092"), ("KAPPA_X_PORT_TCP", "1")] {
        let variable = (name.to_owned(), value.to_owned());
        let error = config().with_environment([variable]).unwrap_err().to_string();
        assert!(error.contains(&format!("from environment variable {name}")), "{error}");
    }
}

#[test]
fn secrets_come_from_files_and_stay_hidden() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "hunter2").unwrap();
    let path = file.path().to_str().unwrap();
    let variable = ("KAPPA_SASL_PASSWORD_FILE".to_owned(), path.to_owned());
    let config = config().with_environment([variable]).unwrap();
    let clients = config.resolve().unwrap().clients;
    assert_eq!(clients.for_client(&[])["sasl.password"], "hunter2");
    let listing = config.listing();
    let listed = listing.iter().find(|listed| listed.name == "sasl.password").unwrap();
    assert_eq!(listed.value.as_deref(), Some("[hidden]"));
    let expected = format!("{path}, named by environment variable KAPPA_SASL_PASSWORD_FILE");
    assert_eq!(listed.source, expected);
    assert!(!format!("{listing:?}").contains("hunter2"));

    let absent = config.clone().with_argument("producer.ssl.key.password.file", "/absent");
    let error = absent.unwrap_err().to_string();
    assert!(error.contains("producer.ssl.key.password.file, /absent (from the command"), "{error}");
    // What librdkafka reads itself, and what is no secret.
    assert!(config.clone().with_argument("sasl.oauthbearer.assertion.file", "/absent").is_ok());
    assert!(config.with_argument("client.id.file", "/absent").is_err());
}

#[test]
fn the_registry_is_set_by_its_own_names_and_by_the_environment() {
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let config = config()
        .with_environment([
            variable("KAPPA_SCHEMA_REGISTRY_URL", "http://a:1, http://b:2/"),
            variable("SCHEMA_REGISTRY_URL", "http://other:3"),
            variable("KAPPA_SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO", "ann:hunter2"),
            variable("KAPPA_VALUE_SUBJECT_NAME_STRATEGY", "RecordNameStrategy"),
            variable("KAPPA_AUTO_REGISTER_SCHEMAS", "true"),
        ])
        .unwrap();
    let registry = config.resolve().unwrap().schema_registry;
    assert_eq!(registry.urls, ["http://a:1", "http://b:2"]);
    assert_eq!(registry.value_strategy, SubjectNameStrategy::RecordName);
    assert_eq!(registry.key_strategy, SubjectNameStrategy::TopicName);
    assert!(registry.auto_register && !registry.use_latest);
    assert!(!format!("{registry:?} {:?}", config.listing()).contains("hunter2"));

    let other = StreamsConfig::new("app")
        .with_environment([variable("SCHEMA_REGISTRY_URL", "http://other:3")])
        .unwrap();
    assert_eq!(other.resolve().unwrap().schema_registry.urls, ["http://other:3"]);
    for (name, value, expected) in [
        ("schema.registry.url", "localhost:8081", "must begin with http:// or https://"),
        ("schema.registry.url", "http://u:p@a:1", "schema.registry.basic.auth.user.info"),
        ("schema.registry.ssl.key.location", "/k", "go together"),
        ("schema.registry.bearer.auth.token", "t", "one of them"),
        ("key.subject.name.strategy", "Mine", "is none of"),
    ] {
        let config = config.clone().with_argument(name, value).unwrap();
        let error = config.resolve().unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains("u:p@"), "{error}");
        assert!(!format!("{:?}", config.listing()).contains("u:p@"), "nor in what is listed");
    }
}

#[test]
fn a_secret_of_the_registry_may_stand_in_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "hunter2").unwrap();
    let path = file.path().to_str().unwrap();
    let config = config().with_argument("schema.registry.bearer.auth.token.file", path).unwrap();
    let registry = config.resolve().unwrap().schema_registry;
    assert_eq!(registry.bearer_token.as_deref(), Some("hunter2"));
    assert!(!format!("{registry:?} {:?}", config.listing()).contains("hunter2"));
}

#[test]
fn a_file_that_has_no_secret_is_refused_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let refuse = |name: &str, bytes: Option<&[u8]>| {
        let path = directory.path().join(name);
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::create_dir(&path).unwrap(),
        }
        let config = config().with_argument("sasl.password.file", path.to_str().unwrap());
        let report = config.unwrap_err().report();
        assert!(report.contains("sasl.password.file") && report.contains(name), "{report}");
        assert!(!report.contains("hunter2"), "{report}");
        report
    };
    assert!(refuse("empty", Some(b"\r\n\n")).contains("is empty"));
    assert!(refuse("directory", None).contains("cannot read"));
    let huge = "hunter2".repeat(10_000);
    assert!(refuse("huge", Some(huge.as_bytes())).contains("longer than 64 KiB"));
    assert!(refuse("binary", Some(b"hunter2\xff")).contains("cannot read"));
    assert!(refuse("zero", Some(b"hunter2\0x")).contains("a byte of zero"));
    let endless = config().with_argument("sasl.password.file", "/dev/zero").unwrap_err();
    assert!(endless.to_string().contains("longer than 64 KiB"), "{endless}");
}

#[test]
fn settings_of_internal_topics_have_a_prefix() {
    let config = config().with_argument("topic.segment.bytes", "1048576").unwrap();
    assert_eq!(config.resolve().unwrap().topic_settings["segment.bytes"], "1048576");
    let error = config.with_argument("topic.segment.byte", "1").unwrap_err().to_string();
    assert!(error.ends_with("did you mean `topic.segment.bytes`?"), "{error}");
    assert!(topics::NAMES.is_sorted());
}

#[test]
fn a_listing_has_every_setting_with_unit_and_source() {
    let config = config().with_default("poll.ms", "5").unwrap();
    let config = config.with_argument("consumer.fetch.min.bytes", "1").unwrap();
    let listing = config.listing();
    assert_eq!(listing.len(), SETTINGS.len() + 1);
    let find = |name: &str| listing.iter().find(|listed| listed.name == name).unwrap();
    let poll = find("poll.ms");
    assert_eq!((poll.value.as_deref(), poll.default), (Some("5"), Some("100")));
    assert_eq!((poll.kind, poll.unit, poll.changed), ("number", Some("ms"), true));
    assert_eq!(poll.source, "the program's default");
    assert_eq!(find("consumer.fetch.min.bytes").source, "the command line");
    assert!(!find("commit.interval.ms").changed);
    assert_eq!(find("max.partition.skew.ms").value, None);
}
