"""Whether a container has settings that its program knows, and the files and secrets that they name."""

import json
import re

# What a program reads of OpenTelemetry's variables: docs/operations.md.
SIGNALS = ("", "METRICS_", "TRACES_")
OF_EACH = ("ENDPOINT", "PROTOCOL", "HEADERS", "TIMEOUT", "CERTIFICATE")
OF_SIGNALS = {f"OTEL_EXPORTER_OTLP_{signal}{what}" for signal in SIGNALS for what in OF_EACH}
TELEMETRY = OF_SIGNALS | {
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_METRICS_EXPORTER",
    "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_SDK_DISABLED", "OTEL_SEMCONV_STABILITY_OPT_IN", "OTEL_SERVICE_NAME",
    "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG",
}
OTHERS = {"POD_NAME", "RUST_LOG", "MALLOC_ARENA_MAX", "SCHEMA_REGISTRY_URL"}
LOG_FILTER = re.compile(r"([\w:]+=)?(off|error|warn|info|debug|trace)", re.IGNORECASE)
# How Strimzi names a cluster's address, `<cluster>-kafka-bootstrap.<namespace>`, and the ports of its listeners.
STRIMZI = "-kafka-bootstrap."
PLAIN_PORT, TLS_PORT = 9092, 9093


def broken(workload, container):
    try:
        given = workload.given(container)
    except LookupError as missing:
        return [str(missing)]
    done = workload.ask(container, "config", "--json")
    if done.returncode != 0:
        return [*files(workload, container, given), f"its settings: {done.stderr.strip()}"]
    found = json.loads(done.stdout)
    settings = {setting["name"]: setting["value"] for setting in found}
    names = {setting["name"] for setting in found if setting["changed"]}
    ours = {name for name in given if name.startswith("KAPPA_")}
    problems = [] if len(names) >= len(ours) else [f"only {sorted(names)} of {sorted(ours)} are settings"]
    problems += environment(given) + in_clear(found, given) + files(workload, container, given)
    problems += kafka(workload, container, given, settings)
    return problems + registry(workload, container, settings) + state(workload, container, settings)


def environment(given):
    """Nothing is said that nobody hears; what is put together is of what stands before."""
    problems, before = [], set()
    parts = {name: re.findall(r"\$\((\w+)\)", value) for name, (value, _) in given.items()}
    used = {part for found in parts.values() for part in found}
    for name, (value, _) in given.items():
        problems += [f"{name}: $({part}) does not stand before it" for part in parts[name] if part not in before]
        before.add(name)
        if not name.startswith("KAPPA_") and name not in TELEMETRY | OTHERS | used:
            problems.append(f"no program reads {name}")
        if name.endswith("_PROTOCOL") and name in TELEMETRY and value != "http/protobuf":
            problems.append(f"{name}: no program speaks {value}")
        if name == "RUST_LOG" and not all(LOG_FILTER.fullmatch(part.strip()) for part in value.split(",")):
            problems.append(f"RUST_LOG: {value!r} is not a log filter")
    return problems


def in_clear(settings, given):
    """What the program hides, nobody writes into a manifest."""
    variables = [setting["source"].rpartition(" ")[2] for setting in settings if setting["value"] == "[hidden]"]
    variables += [name for name in given if name in TELEMETRY and name.endswith("_HEADERS")]
    # Of the two the file is taken, and told.
    variables += [name for name in given if f"{name}_FILE" in given]
    return [f"{name}: a secret in clear" for name in variables if given[name][1] and not name.endswith("_FILE")]


def files(workload, container, given):
    """What is named is mounted; of a secret, that very file."""
    problems = []
    for name, (path, _) in given.items():
        if not path.startswith("/"):
            continue
        mount = workload.mount(container, path)
        if mount is None:
            problems.append(f"{path} is in no mounted volume")
            continue
        volume = workload.volume(mount["name"]) or {}
        if name != "KAPPA_STATE_DIR" and "secret" not in volume:
            problems.append(f"{name}: {path} is in no secret")
        if "secret" in volume and workload.secret_of(container, path) is None:
            problems.append(f"{name}: no key of secret {volume['secret'].get('secretName')} is mounted as {path}")
    return problems


def kafka(workload, container, given, settings):
    """It asks by TLS where it may, as its own user; of Strimzi's clusters we know how ports, users and secrets are named."""
    if workload.component == "registrar":
        return [] if "KAPPA_SASL_USERNAME" not in given else ["it registers schemas, and needs no user of Kafka"]
    problems = []
    protocol = settings.get("security.protocol", "PLAINTEXT").upper()
    strimzi = [server for server in settings["bootstrap.servers"].split(",") if STRIMZI in server]
    wanted = TLS_PORT if protocol.endswith("SSL") else PLAIN_PORT
    problems += [f"{protocol} is not spoken at {server}" for server in strimzi if not server.endswith(f":{wanted}")]
    if protocol.endswith("SSL") and strimzi:
        clusters = {server.partition(STRIMZI)[0] for server in strimzi}
        secret = workload.secret_of(container, settings.get("ssl.ca.location", ""))
        if secret not in {(f"{cluster}-cluster-ca-cert", "ca.crt") for cluster in clusters}:
            problems.append(f"the authority of {sorted(clusters)} is not in {secret}")
    if protocol.startswith("SASL"):
        problems += user(workload, container, given, settings, strimzi)
    elif workload.of_kind("KafkaUser"):
        problems.append(f"there are users of Kafka, and it speaks {protocol}")
    if int(settings["replication.factor"]) > 2 and "topic.min.insync.replicas" not in settings:
        problems.append("topic.min.insync.replicas is not said: one replica would do for what it writes")
    return problems


def user(workload, container, given, settings, strimzi):
    name = settings.get("sasl.username")
    secret = workload.secret_of(container, given.get("KAPPA_SASL_PASSWORD_FILE", ("", True))[0])
    if not strimzi:
        return [] if secret else ["the password of Kafka's user is in no secret"]
    problems = []
    own = workload.app if workload.component == "service" else f"{workload.app}-operator"
    users = [made["metadata"]["name"] for made in workload.of_kind("KafkaUser")]
    if users and name not in users:
        problems.append(f"Kafka's user {name} is none of {users}")
    if name != own:
        problems.append(f"Kafka's user {name} is not its own, {own}")
    if secret != (own, "password"):
        problems.append(f"the password of Kafka's user {own} is not in {secret}")
    return problems


def registry(workload, container, settings):
    """Where Kafka is asked by TLS, the schema registry is."""
    url = settings["schema.registry.url"]
    secured = settings.get("security.protocol", "").upper().endswith("SSL") or workload.of_kind("KafkaUser")
    if url is None or not secured or not workload.writes_by_schema(container):
        return []
    return [] if url.startswith("https://") else [f"{url} is asked without TLS"]


def state(workload, container, settings):
    """State is where it stays, or at least where there is room for it; never with temporary files."""
    if workload.component not in ("service", "replay"):
        return []
    path = settings["state.dir"]
    mount = workload.mount(container, path)
    if mount is None or mount["mountPath"] == "/tmp":
        return [f"its state is in {path}: that is no volume of its own"]
    if workload.component == "service":
        kept = [claim["metadata"]["name"] for claim in workload.document["spec"].get("volumeClaimTemplates", [])]
        return [] if mount["name"] in kept else [f"its state is in {path}: that does not outlive the pod"]
    limit = (workload.volume(mount["name"]) or {}).get("emptyDir", {}).get("sizeLimit")
    return [] if limit else [f"its state is in {path}, and may fill the node"]
