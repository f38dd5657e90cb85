"""What must hold between a manifest and the program that it starts, and between manifests."""

import re

import network
import probes
import scaling
import settings
from workload import Workload, selects, template_of

MIB = 1 << 20
# By component: what makes its pods, and how their program is called.
CALLS = {
    "service": ("StatefulSet", ["run"]),
    "replay": ("CronJob", ["replay", "--version"]),
    "operator": ("CronJob", ["reset", "--yes"]),
    "registrar": ("CronJob", ["schemas", "--register"]),
}
# Settings belong where they are checked, and a service does not end.
NOT_HERE = ("--bootstrap-servers", "--config", "--http", "--set", "--state-dir", "--until-caught-up", "--local-state", "--dry-run")
WITH_STATE = ("service", "replay")
# No pod is replaced in less time; after much more, tasks of one that died would wait for too long.
SESSION_S = (30, 300)
# Statuses that no retry mends: docs/operations.md.
FINAL = {"replay": {64, 70}, "operator": {64}, "registrar": set()}


def broken(documents, program):
    workloads = [Workload(document, documents, program) for document in documents if template_of(document)]
    if not workloads:
        return ["nothing runs"]
    problems = []
    for workload in workloads:
        name = f"{workload.kind} {workload.document['metadata']['name']}"
        problems += [f"{name}: {problem}" for problem in of_workload(workload)]
    known = [workload for workload in workloads if program.knows(workload.app)]
    problems += network.broken(known, documents)
    service = next((workload for workload in known if workload.kind == "StatefulSet"), None)
    for document in documents:
        if document["kind"] == "ScaledObject":
            problems += scaling.broken(document, documents, service)
        if document["kind"] == "KafkaTopic":
            problems += in_sync(document, known)
    return problems


def of_workload(workload):
    if not workload.program.knows(workload.app):
        return [f"there is no program {workload.app!r} (label app.kubernetes.io/name)"]
    problems = rights(workload) + policies(workload) + start(workload)
    for container in workload.containers:
        problems += command(workload, container)
        problems += settings.broken(workload, container)
        problems += memory(workload, container)
        if workload.component in WITH_STATE:
            problems += probes.broken(workload, container)
    if workload.kind == "StatefulSet":
        problems += service_of(workload) + membership(workload) + claims(workload) + spread(workload)
    if workload.job is not None:
        problems += retries(workload)
    return problems + grace(workload)


def start(workload):
    """Nothing but the service starts where all is applied, and the next release can be applied over it."""
    kind = CALLS.get(workload.component, (None, None))[0]
    if kind is None:
        return [f"component {workload.component!r} is none of {sorted(CALLS)}"]
    if workload.kind == "Job":
        return ["a Job: the next release cannot change it, and it runs once"]
    if workload.kind != kind:
        return [f"a {workload.component} is a {kind}"]
    if kind == "CronJob" and workload.document["spec"].get("suspend") is not True:
        return ["it starts by itself: it is not suspended"]
    return []


def command(workload, container):
    """Help is what a program gives for a command that it knows, with arguments that it knows."""
    if container.get("command"):
        return ["a command of its own: the image has one"]
    arguments = container.get("args", [])
    done = workload.program.ask(workload.app, [*arguments, "--help"], {})
    if done.returncode != 0:
        return [f"{workload.app} does not know {' '.join(arguments)}: {done.stderr.strip()}"]
    wanted = CALLS.get(workload.component, (None, []))[1]
    problems = []
    if arguments[:len(wanted)] != wanted:
        problems.append(f"a {workload.component} is called by {' '.join(wanted)}, not by {' '.join(arguments)!r}")
    misplaced = [flag for flag in arguments if flag.split("=")[0] in NOT_HERE or flag.startswith("-b")]
    return problems + [f"{flag} does not belong into its arguments" for flag in misplaced]


def rights(workload):
    problems = []
    pod = workload.pod.get("securityContext", {})
    if workload.pod.get("automountServiceAccountToken") is not False:
        problems.append("has a token of its service account")
    if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault" or not pod.get("runAsNonRoot"):
        problems.append("the pod's security context lets it do too much")
    if not pod.get("fsGroup") or pod["fsGroup"] != pod.get("runAsGroup"):
        problems.append(f"fsGroup is {pod.get('fsGroup')}: volumes are not its own")
    if any(workload.pod.get(field) for field in ("hostNetwork", "hostPID", "hostIPC")):
        problems.append("shares something of its host")
    secrets = [volume for volume in workload.pod.get("volumes", []) if "secret" in volume]
    problems += [f"the secret {volume['name']} is for everybody" for volume in secrets
                 if volume["secret"].get("defaultMode", 0o644) & 0o007]
    for container in workload.all_containers:
        given = container.get("securityContext", {})
        wanted = {"allowPrivilegeEscalation": False, "privileged": False, "readOnlyRootFilesystem": True}
        wrong = [name for name, value in wanted.items() if given.get(name) is not value]
        if given.get("capabilities") != {"drop": ["ALL"]}:
            wrong.append("capabilities")
        problems += [f"security context of {container['name']}: {name} is {given.get(name)!r}" for name in wrong]
    return problems


def policies(workload):
    chosen = [made for made in workload.of_kind("NetworkPolicy") if workload.chosen_by(made)]
    both = any(set(made["spec"].get("policyTypes", [])) == {"Ingress", "Egress"} for made in chosen)
    return [] if both else ["no NetworkPolicy of its pods, for both ways"]


def memory(workload, container):
    resources = container.get("resources", {})
    limit = resources.get("limits", {}).get("memory")
    if limit is None:
        return ["no memory limit"]
    problems = []
    if resources.get("requests", {}).get("memory") != limit:
        problems.append("memory: the request is not the limit: the node may not have it")
    if "cpu" not in resources.get("requests", {}):
        problems.append("no CPU request")
    needs = workload.needs(container)
    if needs is not None and workload.component in WITH_STATE:
        needed = needs["memory"]["limit_bytes"]
        if size(limit) < needed:
            problems.append(f"memory: the limit is {limit}, and the settings add up to {-(-needed // MIB)}Mi")
    return problems


def grace(workload):
    needs = workload.needs(workload.containers[0])
    if needs is None:
        return []
    close_s = needs["close_ms"] / 1000
    grace_s = workload.pod.get("terminationGracePeriodSeconds", 30)
    return [] if grace_s > close_s else [f"grace period of {grace_s} s, and closing may take {close_s:.0f} s"]


def service_of(workload):
    problems = []
    name = workload.document["spec"]["serviceName"]
    services = [made for made in workload.of_kind("Service") if made["metadata"]["name"] == name]
    if not services or services[0]["spec"].get("clusterIP") != "None" or not selects(services[0]["spec"]["selector"], workload.labels):
        problems.append(f"there is no headless Service {name} of its pods")
    budgets = workload.of_kind("PodDisruptionBudget")
    budgets = [made for made in budgets if selects(made["spec"]["selector"]["matchLabels"], workload.labels)]
    if not budgets:
        problems.append("no PodDisruptionBudget of its pods")
    problems += ["PodDisruptionBudget: more than one at a time" for made in budgets if made["spec"].get("maxUnavailable") != 1]
    components = [template_of(made)["metadata"]["labels"].get("app.kubernetes.io/component") for made in workload.of_kind("CronJob")]
    if "registrar" not in components:
        problems.append("nothing registers its schemas")
    if workload.document["spec"].get("podManagementPolicy") != "Parallel":
        problems.append("pods start one after another")
    return problems


def membership(workload):
    """A pod that is replaced finds its tasks again, if its group waits for that long."""
    problems = []
    container = workload.containers[0]
    ids = [made for made in container.get("env", []) if made["name"] == "KAPPA_GROUP_INSTANCE_ID"]
    if not ids or ids[0].get("value") != "$(POD_NAME)":
        problems.append("no static membership by the pod's name")
    waits_s = session_s(workload)
    if waits_s is not None and not SESSION_S[0] <= waits_s <= SESSION_S[1]:
        problems.append(f"session.timeout.ms: {waits_s:g} s, and it takes {SESSION_S[0]} s to {SESSION_S[1]} s to replace a pod")
    return problems


def session_s(workload):
    found = workload.effective(workload.containers[0]) or {}
    names = ("main.consumer.session.timeout.ms", "consumer.session.timeout.ms", "session.timeout.ms")
    said = [found[name] for name in names if name in found]
    return int(said[0]) / 1000 if said else None


def claims(workload):
    kept = workload.document["spec"].get("persistentVolumeClaimRetentionPolicy", {})
    wrong = [name for name in ("whenScaled", "whenDeleted") if kept.get(name) != "Retain"]
    return [f"state is gone {name}" for name in wrong]


def spread(workload):
    """Over zones and nodes, its own pods."""
    problems, keys = [], set()
    for constraint in workload.pod.get("topologySpreadConstraints", []):
        keys.add(constraint["topologyKey"])
        if constraint.get("labelSelector", {}).get("matchLabels") != workload.document["spec"]["selector"]["matchLabels"]:
            problems.append(f"spread over {constraint['topologyKey']}: counts other pods than its own")
    missing = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"} - keys
    return problems + [f"not spread over {key}" for key in sorted(missing)]


def retries(workload):
    """What no retry mends ends a Job; what time mends is tried for long enough."""
    problems = []
    if workload.pod.get("restartPolicy") != "Never":
        problems.append("restartPolicy: a retry is a pod of its own, whose log is kept")
    rules = workload.job.get("podFailurePolicy", {}).get("rules", [])
    ends = set()
    for rule in rules:
        codes = rule.get("onExitCodes", {})
        if rule["action"] == "FailJob" and codes.get("operator") == "In":
            ends |= set(codes["values"])
    missing = FINAL.get(workload.component, set()) - ends
    problems += [f"podFailurePolicy: it is tried again after status {code}" for code in sorted(missing)]
    if workload.component == "operator":
        # Ten seconds, twenty, ...
        waits_s = 10 * (2 ** workload.job.get("backoffLimit", 6) - 1)
        if waits_s <= max(session_s(workload) or 0, 45):
            problems.append(f"backoffLimit: {waits_s} s of retries, and static members stay in the group for longer")
        if 70 in ends:
            problems.append("podFailurePolicy: it gives up at status 70, as while the group has members")
    return problems


def in_sync(topic, workloads):
    """No topic takes a record that one broker has alone."""
    said = topic["spec"].get("config", {}).get("min.insync.replicas")
    known = [workload.effective(workload.containers[0]) for workload in workloads]
    wanted = {found.get("topic.min.insync.replicas") for found in known if found}
    if topic["spec"].get("replicas", 1) > 1 and {said} != wanted:
        return [f"KafkaTopic {topic['metadata']['name']}: min.insync.replicas is {said}, and the settings say {sorted(wanted, key=str)}"]
    return []


def size(quantity):
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi)?", quantity).groups()
    return int(number) * {None: 1, "Ki": 1 << 10, "Mi": MIB, "Gi": 1 << 30}[unit]
