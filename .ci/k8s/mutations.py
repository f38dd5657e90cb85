"""Manifests made wrong on purpose, one thing at a time: each must be refused, and for that thing."""

import copy

from mutating import (
    as_job, called_by, container_set, each, each_container, each_pod, either_port, lag, of_component, of_map, of_service, probe,
    readable_secrets, scaled, secret_volume, secured, service, settings, small, variable, variable_of, without,
    without_port,
)


def survivors(rendered, check):
    """Returns how many mutations were tried on overlays, and those that nothing refused."""
    tried, missed = 0, []
    unused = {name for name, _, _ in ALL}
    for overlay, documents in rendered:
        for name, mutate, expected in ALL:
            mutated = copy.deepcopy(documents)
            if not mutate(mutated):
                continue
            tried += 1
            unused.discard(name)
            problems = check(mutated)
            if not any(expected in problem for problem in problems):
                missed.append(f"{overlay}: {name} is not refused for it: {problems}")
    missed += [f"{name}: there is nothing to change for it" for name in sorted(unused)]
    return tried, missed


ALL = [
    ("a wrong path of the live probe", probe("livenessProbe", "/health/alive"), "livenessProbe: asks /health/alive"),
    ("a wrong path of the ready probe", probe("readinessProbe", "/ready"), "readinessProbe: asks /ready"),
    ("a wrong path of the startup probe", probe("startupProbe", "/healthz"), "startupProbe: asks /healthz"),
    ("a probe without a port", each_container(
        lambda container: container["readinessProbe"]["httpGet"].update(port="metrics"), ("StatefulSet",)), "is not where it listens"),
    ("a startup probe with less patience than the program", each_container(
        lambda container: container["startupProbe"].update(failureThreshold=60), ("StatefulSet",)), "startupProbe: waits 300 s"),
    ("no live probe", each_container(lambda container: container.pop("livenessProbe"), ("StatefulSet",)), "no livenessProbe"),
    ("no limit", each_container(lambda container: container["resources"].pop("limits")), "no memory limit"),
    ("a limit below what the settings add up to", each_container(small, ("StatefulSet",)), "and the settings add up to"),
    ("a cache that the limit has no room for",
     variable("KAPPA_ROCKSDB_BLOCK_CACHE_BYTES", "4294967296"), "and the settings add up to"),
    ("an unknown setting", variable("KAPPA_COMIT_INTERVAL_MS", "1000"), "unknown setting `comit.interval.ms`"),
    ("a setting out of its range", variable("KAPPA_POLL_MS", "0"), "poll.ms"),
    ("a secret that is not mounted", variable("KAPPA_SSL_KEY_LOCATION", "/etc/kappa/none/key"), "is in no mounted volume"),
    ("a secret that everybody may read", readable_secrets, "is for everybody"),
    ("a short grace period", each_pod(lambda pod: pod.update(terminationGracePeriodSeconds=20)), "grace period of 20 s"),
    ("no grace period", each_pod(lambda pod: pod.pop("terminationGracePeriodSeconds")), "grace period of 30 s"),
    ("no PodDisruptionBudget", of_service(without("PodDisruptionBudget")), "no PodDisruptionBudget"),
    ("a PodDisruptionBudget for two",
     each("PodDisruptionBudget", lambda made: made["spec"].update(maxUnavailable=2)), "more than one"),
    ("a privileged container", container_set("securityContext", "privileged", value=True), "privileged is True"),
    ("a writable root", container_set("securityContext", "readOnlyRootFilesystem", value=False), "readOnlyRootFilesystem"),
    ("capabilities", container_set("securityContext", "capabilities", value={"add": ["NET_ADMIN"]}), "capabilities"),
    ("a token", each_pod(lambda pod: pod.pop("automountServiceAccountToken")), "token"),
    ("the host's network", each_pod(lambda pod: pod.update(hostNetwork=True)), "of its host"),
    ("no NetworkPolicy", without("NetworkPolicy"), "no NetworkPolicy"),
    ("a field that does not exist", each_pod(lambda pod: pod.update(restartPolice="Always")), "restartPolice"),
    ("a CronJob that is not suspended", each("CronJob", lambda made: made["spec"].update(suspend=False)), "starts by itself"),
    ("a Job in the place of a CronJob", each("CronJob", as_job), "the next release cannot change it"),
    ("a command that the program does not have", container_set("args", value=["schemas", "--registre"]), "does not know"),
    ("nobody who registers schemas", of_service(without("CronJob")), "nothing registers its schemas"),
    ("no Service", without("Service"), "no headless Service"),
    ("no ConfigMap", without("ConfigMap"), "there is no ConfigMap"),
    ("a dynamic member", each_container(
        lambda container: container.update(env=[it for it in container["env"] if it["name"] != "KAPPA_GROUP_INSTANCE_ID"]),
        ("StatefulSet",)), "no static membership"),
    ("scaling to zero", each("ScaledObject", lambda made: made["spec"].update(minReplicaCount=0)), "to zero"),
    ("more replicas than partitions", each("ScaledObject", lambda made: made["spec"].update(maxReplicaCount=400)), "partitions"),
    ("scaling by another group", each("ScaledObject", lambda made: made["spec"]["triggers"][0]["metadata"].update(
        consumerGroup="other")), "is not the service's group"),
    ("a wrong path of metrics", each("ServiceMonitor", lambda made: made["spec"]["endpoints"][0].update(path="/metric")),
     "ServiceMonitor: asks /metric at"),
    ("a user that nobody made", each("KafkaUser", lambda made: made["metadata"].update(name="other")), "is none of"),
    ("an operation that Kafka does not know", each("KafkaUser", lambda made: made["spec"]["authorization"]["acls"][0].update(
        operations=["Peek"])), "Peek"),
    # Probes and who asks for metrics.
    ("a live probe that asks whether it is ready", probe("livenessProbe", "/health/ready"), "livenessProbe: asks /health/ready"),
    ("a live probe that asks for metrics", probe("livenessProbe", "/metrics"), "livenessProbe: asks /metrics"),
    ("a ready probe that asks whether it lives", probe("readinessProbe", "/health/live"), "readinessProbe: asks /health/live"),
    ("a startup probe of three failures",
     service(lambda it: it["startupProbe"].update(failureThreshold=3)), "startupProbe: waits 15 s"),
    ("a program that waits for longer than its probe",
     of_service(settings(KAPPA_TASK_TIMEOUT_MS="3600000")), "the program waits 3600 s"),
    ("a live probe without patience",
     service(lambda it: it["livenessProbe"].update(periodSeconds=1, failureThreshold=1)), "waits 1 s only"),
    ("another port of HTTP", settings(KAPPA_HTTP_LISTEN="0.0.0.0:8081"), "nobody reaches that"),
    ("HTTP for this machine only", settings(KAPPA_HTTP_LISTEN="127.0.0.1:8080"), "nobody reaches that"),
    ("TLS, and probes without", secured(settings(
        KAPPA_HTTP_TLS_CERTIFICATE_FILE="/etc/kappa/kafka-ca/ca.crt", KAPPA_HTTP_TLS_KEY_FILE="/etc/kappa/kafka-user/password")),
     "asks by HTTP, and it speaks HTTPS"),
    ("a token that Prometheus does not bring", secured(settings(KAPPA_HTTP_BEARER_TOKEN_FILE="/etc/kappa/kafka-user/password")),
     "brings no token"),
    ("a scrape that lasts for longer than until the next", each(
        "ServiceMonitor", lambda made: made["spec"]["endpoints"][0].update(scrapeTimeout="60s")), "until it asks again"),
    ("nobody who asks a service for metrics", without("ServiceMonitor"), "no ServiceMonitor"),
    ("a replay of which other metrics are asked", each(
        "PodMonitor", lambda made: made["spec"]["podMetricsEndpoints"][0].update(path="/")), "PodMonitor: asks /"),
    ("a monitor of others",
     each("PodMonitor", lambda made: made["spec"]["selector"]["matchLabels"].update(a="b")), "selects something else"),
    # What is called.
    ("a command misspelt", container_set("args", value=["rnu"]), "does not know rnu"),
    ("no command", each_container(lambda it: it.pop("args")), "is called by"),
    ("a service that ends",
     service(lambda it: it.update(args=["run", "--until-caught-up"])), "--until-caught-up does not belong"),
    ("a setting among arguments", service(lambda it: it["args"].append("--http=off")), "--http=off does not belong"),
    ("a replay that runs", of_component("replay", called_by("run")), "a replay is called by replay --version"),
    ("a replay with an argument misspelt",
     of_component("replay", called_by("replay", "--verison", "x")), "does not know replay --verison"),
    ("a reset that only shows", of_component("operator", called_by("reset")), "is called by reset --yes"),
    ("a program in the place of the image's", container_set("command", value=["/bin/sh"]), "the image has one"),
    # Jobs.
    ("a reset that does not wait for static members",
     of_component("operator", lambda job: job.update(backoffLimit=0)), "static members stay"),
    ("a reset that gives up where there are members", of_component(
        "operator", lambda job: job["podFailurePolicy"]["rules"][0]["onExitCodes"].update(values=[64, 70])), "it gives up at status 70"),
    ("a replay that is tried again in vain",
     of_component("replay", lambda job: job.pop("podFailurePolicy")), "tried again after status 70"),
    ("a replay that loses the log of what failed", of_component(
        "replay", lambda job: job["template"]["spec"].update(restartPolicy="OnFailure")), "restartPolicy: a retry"),
    # State.
    ("state among temporary files", settings(KAPPA_STATE_DIR="/tmp"), "its state is in /tmp"),
    ("state that is deleted when scaled in", each("StatefulSet", lambda made: made["spec"][
        "persistentVolumeClaimRetentionPolicy"].update(whenScaled="Delete")), "state is gone whenScaled"),
    ("state that may fill the node", of_component("replay", lambda job: next(
        it for it in job["template"]["spec"]["volumes"] if it["name"] == "state").update(emptyDir={})), "may fill the node"),
    ("a volume of somebody else's", each_pod(lambda pod: pod["securityContext"].pop("fsGroup")), "fsGroup is None"),
    ("one replica for what a replay writes",
     of_map("replay", "KAPPA_TOPIC_MIN_INSYNC_REPLICAS"), "topic.min.insync.replicas is not said"),
    ("one replica for an output",
     each("KafkaTopic", lambda made: made["spec"]["config"].pop("min.insync.replicas")), "min.insync.replicas is None"),
    # The network.
    ("no way to Kafka", either_port(9092, 9093), "is not open, and is needed"),
    ("no way to names", without_port(53), "kube-system UDP 53 is not open"),
    ("no way to the schema registry", without_port(8081), "schema-registry TCP 8081 is not open"),
    ("no way to the collector", without_port(4318), "monitoring TCP 4318 is not open"),
    ("all ways out", each("NetworkPolicy", lambda made: made["spec"].update(egress=[{}])), "opens everything"),
    ("all ways in", each("NetworkPolicy", lambda made: made["spec"].update(ingress=[{}])), "opens everything"),
    ("a way that nothing needs", each("NetworkPolicy", lambda made: made["spec"]["egress"][1]["ports"].append(
        {"port": 4317, "protocol": "TCP"})), "TCP 4317 is open, and nothing needs it"),
    ("every address", each("NetworkPolicy", lambda made: made["spec"]["egress"][1]["to"].append(
        {"ipBlock": {"cidr": "0.0.0.0/0"}})), "neither namespaces by their names"),
    ("every namespace", each("NetworkPolicy", lambda made: made["spec"]["egress"][1].update(
        to=[{"namespaceSelector": {}}])), "neither namespaces by their names"),
    ("no way in for metrics", each("NetworkPolicy", lambda made: made["spec"].pop("ingress")), "may not ask for metrics"),
    ("a registry elsewhere",
     settings(KAPPA_SCHEMA_REGISTRY_URL="https://schema-registry.schema-registry:9999"), "TCP 9999 is not open"),
    # Kafka, its users, and other secrets.
    ("Kafka's port without TLS",
     secured(settings(KAPPA_BOOTSTRAP_SERVERS="kafka-kafka-bootstrap.kafka:9092")), "SASL_SSL is not spoken at"),
    ("no TLS at the port that has it",
     variable_of("KAPPA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"), "SASL_PLAINTEXT is not spoken at"),
    ("a schema registry without TLS", secured(settings(
        KAPPA_SCHEMA_REGISTRY_URL="http://schema-registry.schema-registry:8081")), "is asked without TLS"),
    ("another's password", secret_volume("kafka-user", lambda it: it.update(secretName="nix")), "the password of Kafka's user"),
    ("another's name", variable_of("KAPPA_SASL_USERNAME", "nix"), "is not its own"),
    ("another cluster's authority", secret_volume("kafka-ca", lambda it: it.update(secretName="nix")), "the authority of"),
    ("a file that the secret does not have",
     variable_of("KAPPA_SASL_PASSWORD_FILE", "/etc/kappa/kafka-user/pass"), "is mounted as"),
    ("an authority that the secret does not have",
     variable_of("KAPPA_SSL_CA_LOCATION", "/etc/kappa/kafka-ca/ca"), "is mounted as"),
    ("a password in a ConfigMap", settings(KAPPA_SASL_PASSWORD="hunter2hunter2"), "KAPPA_SASL_PASSWORD: a secret in clear"),
    ("a password in a manifest", variable("KAPPA_SASL_PASSWORD", "hunter2hunter2"), "KAPPA_SASL_PASSWORD: a secret in clear"),
    ("a token in a ConfigMap", settings(OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer x"), "OTLP_HEADERS: a secret in clear"),
    ("an init container that may do everything", each_pod(lambda pod: pod.update(
        initContainers=[{"name": "first", "image": "x:1", "securityContext": {"privileged": True}}])), "security context of first"),
    # What is said and not heard.
    ("a variable of telemetry misspelt",
     settings(OTEL_EXPORTER_OTLP_ENDPOINTT="x"), "no program reads OTEL_EXPORTER_OTLP_ENDPOINTT"),
    ("telemetry that is not spoken", settings(OTEL_EXPORTER_OTLP_PROTOCOL="grpc"), "no program speaks grpc"),
    ("telemetry at another port",
     variable_of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel-collector.monitoring:4317"), "TCP 4317 is not open"),
    ("a variable that nobody reads", variable("LOG_LEVEL", "debug"), "no program reads LOG_LEVEL"),
    ("a log filter that is none", settings(RUST_LOG="wa rn=,,"), "is not a log filter"),
    ("a part that stands behind", each_container(lambda it: it["env"].reverse()), "does not stand before it"),
    # The group, and its places.
    ("a session too short for a new pod",
     of_service(settings(KAPPA_MAIN_CONSUMER_SESSION_TIMEOUT_MS="6000")), "session.timeout.ms: 6 s"),
    ("pods counted with others",
     each("StatefulSet", lambda made: made["spec"]["template"]["spec"]["topologySpreadConstraints"][0].update(
        labelSelector={"matchLabels": {"a": "b"}})), "counts other pods than its own"),
    ("pods of one zone",
     each("StatefulSet", lambda made: made["spec"]["template"]["spec"]["topologySpreadConstraints"].pop(0)), "not spread over"),
    # Scaling.
    ("scaling without a password", without("TriggerAuthentication"), "there is no TriggerAuthentication"),
    ("scaling with another's password", each("TriggerAuthentication", lambda made: made["spec"]["secretTargetRef"][0].update(
        name="nix")), "TriggerAuthentication: password is"),
    ("scaling as another",
     each("TriggerAuthentication", lambda made: made["spec"]["env"][0].update(name="POD_NAME")), "its user is not the service's"),
    ("scaling without TLS", lag(tls="disable"), "ScaledObject: tls is 'disable'"),
    ("scaling by another mechanism", lag(sasl="scram_sha256"), "ScaledObject: sasl is 'scram_sha256'"),
    ("scaling by another cluster", lag(bootstrapServers="other:9093"), "ScaledObject: asks other:9093"),
    ("scaling by one record", lag(lagThreshold="1"), "no reason to move state"),
    ("scaling that moves all state at once", scaled(lambda spec: spec.pop("advanced")), "in by one pod at a time"),
    ("patience that is none", scaled(lambda spec: spec.update(cooldownPeriod=900)), "cooldownPeriod does nothing"),
    ("a threshold that is none", lag(activationLagThreshold="1"), "activationLagThreshold does nothing"),
]
