//! An Apache Kafka that lets nobody in without TLS, a password and a rule.
//!
//! Three listeners: one as production has it, one whose certificate has expired, and one without TLS
//! where everybody may do everything, through which tests make users and rules.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use testcontainers::core::{ContainerPort, ContainerState, ExecCommand, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, CopyDataSource, Image, ImageExt, TestcontainersError};

use crate::certificates::Certificates;
use crate::{Arguments, Variables, on_loopback, settings_of_this_process};

const SECURE: ContainerPort = ContainerPort::Tcp(9092);
const EXPIRED: ContainerPort = ContainerPort::Tcp(9095);
const ADMIN: ContainerPort = ContainerPort::Tcp(9096);
const START_SCRIPT: &str = "/opt/kafka/start-secured.sh";
/// Where the broker finds its keys.
const SECRETS: &str = "/opt/kafka/secured";
/// The user of SASL PLAIN; those of SCRAM are made by tests.
const PLAIN_USER: &str = "plain-user";
const PLAIN_PASSWORD: &str = "plain-password";

/// The image with the settings of a broker that is secured.
#[derive(Debug)]
pub(crate) struct SecuredKafka {
    name: String,
    tag: String,
    settings: BTreeMap<String, String>,
}

/// Starts a broker; its certificate authority is left in a directory.
pub(crate) async fn start(
    arguments: &Arguments,
    directory: &Path,
) -> Result<(ContainerAsync<SecuredKafka>, Variables), String> {
    let certificates = Certificates::make().map_err(|error| format!("no certificates: {error}"))?;
    let ca = write(directory, "ca.pem", &certificates.authority)?;
    let stranger = write(directory, "other-ca.pem", &certificates.stranger)?;
    let image = SecuredKafka {
        name: arguments.image.clone(),
        tag: arguments.tag.clone(),
        settings: settings(),
    };
    let image = image
        .with_copy_to(format!("{SECRETS}/server.pem"), CopyDataSource::Data(certificates.server))
        .with_copy_to(format!("{SECRETS}/expired.pem"), CopyDataSource::Data(certificates.expired));
    let image = settings_of_this_process()
        .fold(image, |image, (name, value)| image.with_env_var(name, value))
        .with_host_config_modifier(|host| on_loopback(host, &[SECURE, EXPIRED, ADMIN]));
    let failed = |error| format!("cannot start {}:{}: {error}", arguments.image, arguments.tag);
    let container = image.start().await.map_err(failed)?;
    let mut variables = vec![
        ("KAPPA_TEST_SECURED_CA", ca.display().to_string()),
        ("KAPPA_TEST_SECURED_OTHER_CA", stranger.display().to_string()),
        ("KAPPA_TEST_SECURED_PLAIN_USER", PLAIN_USER.to_owned()),
        ("KAPPA_TEST_SECURED_PLAIN_PASSWORD", PLAIN_PASSWORD.to_owned()),
    ];
    for (variable, port) in [
        ("KAPPA_TEST_SECURED_BOOTSTRAP", SECURE),
        ("KAPPA_TEST_SECURED_EXPIRED", EXPIRED),
        ("KAPPA_TEST_SECURED_ADMIN", ADMIN),
    ] {
        let port = container.get_host_port_ipv4(port).await.map_err(failed)?;
        variables.push((variable, format!("127.0.0.1:{port}")));
    }
    Ok((container, variables))
}

fn write(directory: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let path = directory.join(name);
    let written = std::fs::write(&path, text);
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}

/// Returns the broker's settings, by the variables that the image makes them of.
fn settings() -> BTreeMap<String, String> {
    let module = "org.apache.kafka.common.security";
    let plain =
        format!("{module}.plain.PlainLoginModule required user_{PLAIN_USER}=\"{PLAIN_PASSWORD}\";");
    let scram = format!("{module}.scram.ScramLoginModule required;");
    let mut settings: BTreeMap<String, String> = [
        ("CLUSTER_ID", "5L6g3nShT-eMCtK--X86sw"),
        ("KAFKA_NODE_ID", "1"),
        ("KAFKA_PROCESS_ROLES", "broker,controller"),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9094"),
        ("KAFKA_INTER_BROKER_LISTENER_NAME", "BROKER"),
        (
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
            "SECURE:SASL_SSL,EXPIRED:SASL_SSL,ADMIN:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        ),
        (
            // What asks for no password is reached from inside the container only, but for the tests'.
            "KAFKA_LISTENERS",
            "SECURE://0.0.0.0:9092,EXPIRED://0.0.0.0:9095,ADMIN://0.0.0.0:9096,\
             BROKER://127.0.0.1:9093,CONTROLLER://127.0.0.1:9094",
        ),
        ("KAFKA_AUTHORIZER_CLASS_NAME", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        // Who came without a password, which only those listeners allow.
        ("KAFKA_SUPER_USERS", "User:ANONYMOUS"),
        ("KAFKA_SASL_ENABLED_MECHANISMS", "SCRAM-SHA-512,PLAIN"),
        ("KAFKA_SSL_KEYSTORE_TYPE", "PEM"),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
        ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
        ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
        ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    for (listener, keys) in [("SECURE", "server.pem"), ("EXPIRED", "expired.pem")] {
        let name = |rest: &str| format!("KAFKA_LISTENER_NAME_{listener}_{rest}");
        settings.insert(name("SSL_KEYSTORE_LOCATION"), format!("{SECRETS}/{keys}"));
        settings.insert(name("SSL_KEYSTORE_TYPE"), "PEM".to_owned());
        settings.insert(name("PLAIN_SASL_JAAS_CONFIG"), plain.clone());
        settings.insert(name("SCRAM___SHA___512_SASL_JAAS_CONFIG"), scram.clone());
    }
    settings
}

impl Image for SecuredKafka {
    fn name(&self) -> &str {
        &self.name
    }

    fn tag(&self) -> &str {
        &self.tag
    }

    /// None: the broker starts only when its ports are known.
    fn ready_conditions(&self) -> Vec<WaitFor> {
        Vec::new()
    }

    fn entrypoint(&self) -> Option<&str> {
        Some("bash")
    }

    fn env_vars(
        &self,
    ) -> impl IntoIterator<Item = (impl Into<Cow<'_, str>>, impl Into<Cow<'_, str>>)> {
        &self.settings
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<Cow<'_, str>>> {
        let wait = format!("while [ ! -f {START_SCRIPT} ]; do sleep 0.1; done");
        ["-c".to_owned(), format!("{wait}; exec bash {START_SCRIPT}")]
    }

    fn expose_ports(&self) -> &[ContainerPort] {
        &[SECURE, EXPIRED, ADMIN]
    }

    fn exec_after_start(
        &self,
        state: ContainerState,
    ) -> Result<Vec<ExecCommand>, TestcontainersError> {
        let port = |port| state.host_port_ipv4(port);
        let advertised = format!(
            "SECURE://127.0.0.1:{},EXPIRED://127.0.0.1:{},ADMIN://127.0.0.1:{},BROKER://localhost:9093",
            port(SECURE)?,
            port(EXPIRED)?,
            port(ADMIN)?
        );
        let script =
            format!("export KAFKA_ADVERTISED_LISTENERS={advertised}\nexec /etc/kafka/docker/run");
        // Moved to its place, so that it is whole when it is seen.
        let command =
            format!("echo '{script}' >{START_SCRIPT}.new; cp {START_SCRIPT}.new {START_SCRIPT}");
        let command = ["sh".to_owned(), "-c".to_owned(), command];
        let ready = vec![WaitFor::message_on_stdout("Kafka Server started")];
        Ok(vec![ExecCommand::new(command).with_container_ready_conditions(ready)])
    }
}
