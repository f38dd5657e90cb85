"""How manifests are made wrong, one thing at a time."""

import copy

from workload import template_of


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


def of_service(mutate):
    """Only where the service is: a replay is of its own."""
    return lambda documents: bool(of_kind(documents, "StatefulSet")) and mutate(documents)


def readable_secrets(documents):
    volumes = [volume for pod in pods(documents) for volume in pod.get("volumes", []) if "secret" in volume]
    for volume in volumes:
        volume["secret"].pop("defaultMode")
    return bool(volumes)


def as_job(made):
    made.update(kind="Job", spec=made["spec"]["jobTemplate"]["spec"])


def settings(**values):
    """Of what runs: there may be another ConfigMap."""
    def mutate(documents):
        found = of_kind(documents, "ConfigMap")
        for made in found:
            made["data"].update(values)
        return bool(found)
    return mutate


def service(change):
    """Changes the container of the service."""
    return each_container(change, ("StatefulSet",))


def secured(mutate):
    """Only where Kafka is asked by TLS and as a user."""
    def only(documents):
        volumes = [volume["name"] for pod in pods(documents) for volume in pod.get("volumes", [])]
        return "kafka-user" in volumes and mutate(documents)
    return only


def of_component(component, change):
    """Changes the CronJobs of a component: what makes their pods."""
    def mutate(documents):
        found = [made for made in of_kind(documents, "CronJob") if component_of(made) == component]
        for made in found:
            change(made["spec"]["jobTemplate"]["spec"])
        return bool(found)
    return mutate


def component_of(made):
    return made["metadata"]["labels"]["app.kubernetes.io/component"]


def called_by(*arguments):
    return lambda job: job["template"]["spec"]["containers"][0].update(args=list(arguments))


def without_port(port):
    def mutate(documents):
        changed = False
        for policy in of_kind(documents, "NetworkPolicy"):
            rules = policy["spec"]["egress"]
            policy["spec"]["egress"] = [rule for rule in rules if all(it["port"] != port for it in rule["ports"])]
            changed = changed or len(rules) > len(policy["spec"]["egress"])
        return changed
    return mutate


def variable_of(name, value):
    """Changes a variable that stands in the manifest itself."""
    def mutate(documents):
        containers = [container for pod in pods(documents) for container in pod["containers"]]
        found = [it for container in containers for it in container.get("env", []) if it["name"] == name]
        for it in found:
            it["value"] = value
        return bool(found)
    return mutate


def secret_volume(name, change):
    def mutate(documents):
        found = [volume for pod in pods(documents) for volume in pod.get("volumes", []) if volume["name"] == name]
        for volume in found:
            change(volume["secret"])
        return bool(found)
    return mutate


def scaled(change):
    return each("ScaledObject", lambda made: change(made["spec"]))


def lag(**values):
    return scaled(lambda spec: spec["triggers"][0]["metadata"].update(values))


def small(container):
    container["resources"] = {"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}


def of_map(part, name):
    """Takes a setting out of the ConfigMaps that have a part of a name."""
    def mutate(documents):
        found = [made for made in of_kind(documents, "ConfigMap") if part in made["metadata"]["name"]]
        for made in found:
            made["data"].pop(name, None)
        return bool(found)
    return mutate


def either_port(*ports):
    def mutate(documents):
        found = of_kind(documents, "NetworkPolicy")
        for port in ports:
            without_port(port)(documents)
        return bool(found)
    return mutate
