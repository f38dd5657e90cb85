//! The broker, its users, and programs that are let in.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use bytes::Bytes;
use integration_tests::processes::{Outcome, Running};
use integration_tests::waiting::{Deadline, eventually};
use integration_tests::wire::Wire;
use integration_tests::{Registry, program};
use kafka_protocol::messages::alter_user_scram_credentials_request::ScramCredentialUpsertion;
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest,
};
use kafka_protocol::protocol::StrBytes;
use tempfile::TempDir;

/// Returns what `integration-tests/kafka/secured` tells.
pub(crate) fn told(name: &str) -> String {
    let variable = format!("KAPPA_TEST_SECURED_{name}");
    std::env::var(&variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run these tests with `make test-security`")
    })
}

/// A user of SCRAM-SHA-512, whose password is in a file.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) files: TempDir,
}

impl User {
    /// Has the broker know a user.
    pub(crate) fn create(name: &str, password: &str) -> Self {
        const ITERATIONS: u32 = 4096;
        let salt = b"a salt is random elsewhere";
        let mut salted = [0; 64];
        ring::pbkdf2::derive(
            ring::pbkdf2::PBKDF2_HMAC_SHA512,
            ITERATIONS.try_into().unwrap(),
            salt,
            password.as_bytes(),
            &mut salted,
        );
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let upsertion = ScramCredentialUpsertion::default()
            .with_name(text(name))
            .with_mechanism(SCRAM_SHA_512)
            .with_iterations(i32::try_from(ITERATIONS).unwrap())
            .with_salt(Bytes::from_static(salt))
            .with_salted_password(Bytes::copy_from_slice(&salted));
        let request = AlterUserScramCredentialsRequest::default().with_upsertions(vec![upsertion]);
        let mut wire = Wire::connect(&told("ADMIN"));
        let answer = wire.call(0, &request);
        assert_eq!(answer.results[0].error_code, 0, "{answer:?}");
        let asked = DescribeUserScramCredentialsRequest::default()
            .with_users(Some(vec![UserName::default().with_name(text(name))]));
        eventually("the user", Deadline::seconds(20), || {
            let answer = wire.call(0, &asked);
            answer.results.iter().all(|user| user.error_code == 0).then_some(())
        });
        let files = tempfile::tempdir().unwrap();
        // As an editor leaves it.
        let file = files.path().join("password");
        std::fs::write(&file, format!("{password}\n")).unwrap();
        std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
        Self { name: name.to_owned(), files }
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.files.path().join("password")
    }

    /// Returns the settings with which this user is let in.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("bootstrap.servers", told("BOOTSTRAP")),
            ("security.protocol", "SASL_SSL".to_owned()),
            ("ssl.ca.location", told("CA")),
            ("sasl.mechanism", "SCRAM-SHA-512".to_owned()),
            ("sasl.username", self.name.clone()),
            ("sasl.password.file", self.password_file().display().to_string()),
        ]
    }
}

/// Kafka's number of the mechanism.
const SCRAM_SHA_512: i8 = 2;

/// Settings as environment variables have them; the last of a name wins.
pub(crate) fn environment(settings: &[(&str, String)]) -> Vec<(String, String)> {
    let variable = |name: &str| format!("KAPPA_{}", name.to_uppercase().replace('.', "_"));
    settings.iter().map(|(name, value)| (variable(name), value.clone())).collect()
}

/// Returns a program with settings in its environment, as containers have them.
pub(crate) fn configured(name: &str, settings: &[(&str, String)]) -> Command {
    // Anybody's: what is secured here is the broker.
    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::start);
    let mut command = program(name);
    command.env("SCHEMA_REGISTRY_URL", REGISTRY.url()).env("KAPPA_AUTO_REGISTER_SCHEMAS", "true");
    command.envs(environment(settings));
    command
}

/// Runs a service to its end.
pub(crate) fn run(
    name: &str,
    arguments: &[&str],
    settings: &[(&str, String)],
    state: &Path,
) -> Outcome {
    let mut command = configured(name, settings);
    command.args(arguments).arg("--state-dir").arg(state);
    Running::start(command).finish()
}
