"""Whether what scales a service reads its lag, as its user, and moves state no more than need be."""

# Less lag than this is no reason to move state.
LAG_MIN = 1000
CALM_S = 300
# KEDA's names of Kafka's.
MECHANISMS = {"PLAIN": "plaintext", "SCRAM-SHA-256": "scram_sha256", "SCRAM-SHA-512": "scram_sha512"}


def broken(scaled, documents, service):
    """Returns what is wrong with how a service is scaled; `service` is its workload."""
    problems = []
    spec = scaled["spec"]
    if service is None or service.document["metadata"]["name"] != spec["scaleTargetRef"]["name"]:
        return [f"ScaledObject: there is no StatefulSet {spec['scaleTargetRef']['name']}"]
    if "replicas" in service.document["spec"]:
        problems.append("ScaledObject: the StatefulSet says its replicas too")
    if spec.get("minReplicaCount", 0) < 1:
        problems.append("ScaledObject: to zero, and state is restored before each first result")
    idle = [name for name in ("cooldownPeriod", "idleReplicaCount") if name in spec]
    problems += [f"ScaledObject: {name} does nothing where it never scales to zero" for name in idle]
    problems += slow(spec)
    partitions = inputs(documents)
    for trigger in spec["triggers"]:
        asked = trigger["metadata"]
        if asked["topic"] not in partitions:
            problems.append(f"ScaledObject: {asked['topic']} is none of {sorted(partitions)}, which its user may read")
        if asked["consumerGroup"] != service.app:
            problems.append(f"ScaledObject: {asked['consumerGroup']} is not the service's group")
        most = partitions.get(asked["topic"])
        if most is not None and spec["maxReplicaCount"] > most:
            problems.append(f"ScaledObject: {spec['maxReplicaCount']} replicas, and {asked['topic']} has {most} partitions")
        if int(asked.get("lagThreshold", "10")) < LAG_MIN:
            problems.append(f"ScaledObject: a lag of {asked.get('lagThreshold', '10')} is no reason to move state")
        if "activationLagThreshold" in asked:
            problems.append("ScaledObject: activationLagThreshold does nothing where it never scales to zero")
        problems += client(trigger, documents, service)
    return problems


def slow(spec):
    """In by one at a time, and not at once: each moves state."""
    rules = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {}).get("scaleDown", {})
    policies = rules.get("policies", [])
    calm = rules.get("stabilizationWindowSeconds", 0) >= CALM_S
    one = bool(policies) and all(policy["type"] == "Pods" and policy["value"] == 1 for policy in policies)
    return [] if calm and one else [f"ScaledObject: in by one pod at a time, and after {CALM_S} s at least: each moves state"]


def client(trigger, documents, service):
    """KEDA asks the same Kafka as the service, as the same user, whose secret it has."""
    settings = service.effective(service.containers[0])
    if settings is None:
        return []
    asked, problems = trigger["metadata"], []
    if asked["bootstrapServers"] != settings["bootstrap.servers"]:
        problems.append(f"ScaledObject: asks {asked['bootstrapServers']}, and the service asks {settings['bootstrap.servers']}")
    protocol = settings.get("security.protocol", "PLAINTEXT").upper()
    if (asked.get("tls", "disable") == "enable") != protocol.endswith("SSL"):
        problems.append(f"ScaledObject: tls is {asked.get('tls')!r}, and the service speaks {protocol}")
    mechanism = MECHANISMS.get(settings.get("sasl.mechanism", "")) if protocol.startswith("SASL") else "none"
    if asked.get("sasl", "none") != mechanism:
        problems.append(f"ScaledObject: sasl is {asked.get('sasl')!r}, and the service's mechanism is {mechanism}")
    if protocol == "PLAINTEXT":
        return problems
    name = trigger.get("authenticationRef", {}).get("name")
    found = [made for made in documents if made["kind"] == "TriggerAuthentication" and made["metadata"]["name"] == name]
    if not found:
        return [*problems, f"ScaledObject: there is no TriggerAuthentication {name}"]
    given = {it["parameter"]: (it["name"], it["key"]) for it in found[0]["spec"].get("secretTargetRef", [])}
    container = service.containers[0]
    for parameter, setting in (("password", "KAPPA_SASL_PASSWORD_FILE"), ("ca", "KAPPA_SSL_CA_LOCATION")):
        mounted = service.secret_of(container, service.environment(container).get(setting, ""))
        if given.get(parameter) != mounted:
            problems.append(f"TriggerAuthentication: {parameter} is {given.get(parameter)}, and the service has {mounted}")
    users = [it for it in found[0]["spec"].get("env", []) if it["parameter"] == "username"]
    if not users or users[0]["name"] != "KAPPA_SASL_USERNAME" or users[0].get("containerName") != container["name"]:
        problems.append("TriggerAuthentication: its user is not the service's")
    return problems


def inputs(documents):
    """Returns the topics that the service may read, with the partitions of its repartition topics: as many as theirs."""
    users = [made for made in documents if made["kind"] == "KafkaUser" and not made["metadata"]["name"].endswith("-operator")]
    rules = [rule for user in users for rule in user["spec"]["authorization"]["acls"] if "Read" in rule["operations"]]
    counts = [made["spec"]["partitions"] for made in documents if made["kind"] == "KafkaTopic"]
    widest = max(counts) if counts else None
    return {rule["resource"]["name"]: widest for rule in rules if rule["resource"]["type"] == "topic"}
