"""Manifests made wrong on purpose, one thing at a time: each must be refused, and for that thing."""

import copy

from invariants import template_of


def survivors(rendered, check):
    """Returns how many mutations were tried, and those that nothing refused."""
    tried, missed = 0, []
    for overlay, documents in rendered.items():
        for name, mutate, expected in ALL:
            mutated = copy.deepcopy(documents)
            if not mutate(mutated):
                continue
            tried += 1
            problems = check(mutated)
            if not any(expected in problem for problem in problems):
                missed.append(f"{overlay}: {name} is not refused for it: {problems}")
    names = {name for name, _, _ in ALL}
    if tried < len(names):
        missed.append(f"only {tried} mutations had something to change")
    return tried, missed


def of_kind(documents, kind):
    return [document for document in documents if document["kind"] == kind]


WORKLOADS = ("StatefulSet", "Job", "CronJob")


def pods(documents, kinds=WORKLOADS):
    return [template_of(document)["spec"] for document in documents if document["kind"] in kinds]


def each_container(change, kinds=WORKLOADS):
    def mutate(documents):
        containers = [container for pod in pods(documents, kinds) for container in pod["containers"]]
        for container in containers:
            change(container)
        return bool(containers)
    return mutate


def each_pod(change):
    def mutate(documents):
        for pod in pods(documents):
            change(pod)
        return bool(pods(documents))
    return mutate


def each(kind, change):
    def mutate(documents):
        found = of_kind(documents, kind)
        for document in found:
            change(document)
        return bool(found)
    return mutate


def without(kind):
    def mutate(documents):
        found = of_kind(documents, kind)
        documents[:] = [document for document in documents if document["kind"] != kind]
        return bool(found)
    return mutate


def privileged(documents):
    """Returns the documents with containers that may do everything."""
    mutated = copy.deepcopy(documents)
    each_container(lambda container: container["securityContext"].update(privileged=True))(mutated)
    return mutated


def probe(name, path):
    return each_container(lambda container: container[name]["httpGet"].update(path=path), ("StatefulSet",))


def variable(name, value):
    return each_container(lambda container: container.setdefault("env", []).append({"name": name, "value": value}))


def container_set(*path, value):
    def change(container):
        for part in path[:-1]:
            container = container[part]
        container[path[-1]] = value
    return each_container(change)


def without_budget(documents):
    has = bool(of_kind(documents, "StatefulSet"))
    return without("PodDisruptionBudget")(documents) and has


def readable_secrets(documents):
    volumes = [volume for pod in pods(documents) for volume in pod.get("volumes", []) if "secret" in volume]
    for volume in volumes:
        volume["secret"].pop("defaultMode")
    return bool(volumes)


def as_job(made):
    made.update(kind="Job", spec=made["spec"]["jobTemplate"]["spec"])


def small(container):
    container["resources"] = {"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}


ALL = [
    ("a wrong path of the live probe", probe("livenessProbe", "/health/alive"), "has no /health/alive"),
    ("a wrong path of the ready probe", probe("readinessProbe", "/ready"), "has no /ready"),
    ("a wrong path of the startup probe", probe("startupProbe", "/healthz"), "has no /healthz"),
    ("a probe without a port", each_container(
        lambda container: container["readinessProbe"]["httpGet"].update(port="metrics"), ("StatefulSet",)), "is not where it listens"),
    ("a startup probe with less patience than the program", each_container(
        lambda container: container["startupProbe"].update(failureThreshold=60), ("StatefulSet",)), "startupProbe: waits 300 s"),
    ("no live probe", each_container(lambda container: container.pop("livenessProbe"), ("StatefulSet",)), "no livenessProbe"),
    ("no limit", each_container(lambda container: container["resources"].pop("limits")), "no memory limit"),
    ("a limit below what the settings add up to", each_container(small, ("StatefulSet",)), "and the settings add up to"),
    ("a cache that the limit has no room for", variable("KAPPA_ROCKSDB_BLOCK_CACHE_BYTES", "4294967296"), "and the settings add up to"),
    ("an unknown setting", variable("KAPPA_COMIT_INTERVAL_MS", "1000"), "unknown setting `comit.interval.ms`"),
    ("a setting out of its range", variable("KAPPA_POLL_MS", "0"), "poll.ms"),
    ("a secret that is not mounted", variable("KAPPA_SSL_KEY_LOCATION", "/etc/kappa/none/key"), "is in no mounted volume"),
    ("a secret that everybody may read", readable_secrets, "is for everybody"),
    ("a short grace period", each_pod(lambda pod: pod.update(terminationGracePeriodSeconds=20)), "grace period of 20 s"),
    ("no grace period", each_pod(lambda pod: pod.pop("terminationGracePeriodSeconds")), "grace period of 30 s"),
    ("no PodDisruptionBudget", without_budget, "no PodDisruptionBudget"),
    ("a PodDisruptionBudget for two", each("PodDisruptionBudget", lambda made: made["spec"].update(maxUnavailable=2)), "more than one"),
    ("a privileged container", container_set("securityContext", "privileged", value=True), "privileged is True"),
    ("a writable root", container_set("securityContext", "readOnlyRootFilesystem", value=False), "readOnlyRootFilesystem"),
    ("capabilities", container_set("securityContext", "capabilities", value={"add": ["NET_ADMIN"]}), "capabilities"),
    ("a token", each_pod(lambda pod: pod.pop("automountServiceAccountToken")), "token"),
    ("the host's network", each_pod(lambda pod: pod.update(hostNetwork=True)), "of its host"),
    ("no NetworkPolicy", without("NetworkPolicy"), "no NetworkPolicy"),
    ("a field that does not exist", each_pod(lambda pod: pod.update(restartPolice="Always")), "restartPolice"),
    ("a CronJob that is not suspended", each("CronJob", lambda made: made["spec"].update(suspend=False)), "starts by itself"),
    ("a Job beside the service", each("CronJob", as_job), "the next release cannot change it"),
    ("a command that the program does not have", container_set("args", value=["schemas", "--registre"]), "does not know"),
    ("nobody who registers schemas", without("CronJob"), "nothing registers its schemas"),
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
     "has no /metric "),
    ("a user that nobody made", each("KafkaUser", lambda made: made["metadata"].update(name="other")), "is none of"),
    ("an operation that Kafka does not know", each("KafkaUser", lambda made: made["spec"]["authorization"]["acls"][0].update(
        operations=["Peek"])), "Peek"),
]
