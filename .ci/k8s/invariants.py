"""What must hold between a manifest and the program that it starts, and between manifests."""

import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import time

MIB = 1 << 20
# Long enough for a busy machine; no check waits for it where all is well.
PATIENCE_S = 60
COMMANDS_WITH_STATE = ("run", "replay")


class Program:
    """The built programs, asked what they know; every question once."""

    def __init__(self, folder):
        self.folder, self.answers = folder, {}
        # Stands in for every secret that is mounted.
        self.secret = tempfile.NamedTemporaryFile("w")
        self.secret.write("secret")
        self.secret.flush()

    def path(self, app):
        return os.path.join(self.folder, app)

    def knows(self, app):
        return os.access(self.path(app), os.X_OK)

    def ask(self, app, arguments, settings):
        key = (app, tuple(arguments), tuple(sorted(settings.items())))
        if key not in self.answers:
            done = subprocess.run([self.path(app), *arguments], capture_output=True, text=True, env=clean(settings))
            self.answers[key] = done
        return self.answers[key]

    def output(self, app, arguments, settings):
        done = self.ask(app, arguments, settings)
        if done.returncode != 0:
            raise SystemExit(f"k8s-check: {app} {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def serves(self, app, path):
        """Returns whether the program answers at a path, whatever it says; it needs no Kafka for that."""
        key = (app, "http")
        if key not in self.answers:
            self.answers[key] = Surface(self.path(app))
        return self.answers[key].has(path)


class Surface:
    """What a program answers by HTTP. Started for each path: it is not to be left behind."""

    def __init__(self, program):
        self.program, self.known = program, {}

    def has(self, path):
        if path not in self.known:
            self.known[path] = self.status(path) != 404
        return self.known[path]

    def status(self, path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with tempfile.TemporaryDirectory() as state:
            settings = {
                "KAPPA_HTTP_LISTEN": f"127.0.0.1:{port}", "KAPPA_STATE_DIR": state,
                # Nobody is there.
                "KAPPA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            }
            process = subprocess.Popen([self.program, "run", "--format", "json"], env=clean(settings), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            try:
                return self.get(process, port, path)
            finally:
                process.kill()
                process.communicate()

    def get(self, process, port, path):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if process.poll() is not None:
                raise SystemExit(f"k8s-check: {self.program} run: {process.stderr.read()}")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            except OSError:
                time.sleep(0.05)
            finally:
                connection.close()
        raise SystemExit(f"k8s-check: {self.program} does not answer by HTTP")


def clean(settings):
    """The environment of a container: none of this machine's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KAPPA_", "OTEL_", "SCHEMA_REGISTRY_"))}
    return {**kept, **settings}


def broken(documents, program):
    problems = []
    for document in documents:
        if template_of(document):
            workload = Workload(document, documents, program)
            problems += [f"{document['kind']} {document['metadata']['name']}: {problem}" for problem in workload.broken()]
        if document["kind"] == "ScaledObject":
            problems += scaling(document, documents)
    if not any(map(template_of, documents)):
        problems.append("nothing runs")
    return problems


def template_of(document):
    """Returns what a workload makes pods of; nothing where a document is none."""
    spec = document.get("spec", {})
    return spec.get("jobTemplate", {}).get("spec", spec).get("template")


class Workload:
    """A StatefulSet, a Job or a CronJob, with what belongs to it."""

    def __init__(self, document, documents, program):
        self.document, self.documents, self.program = document, documents, program
        self.kind = document["kind"]
        self.template = template_of(document)
        self.pod = self.template["spec"]
        self.labels = self.template["metadata"].get("labels", {})
        self.app = self.labels.get("app.kubernetes.io/name", "")
        self.containers = self.pod["containers"]

    def broken(self):
        if not self.program.knows(self.app):
            return [f"there is no program {self.app!r} (label app.kubernetes.io/name)"]
        problems = self.rights() + self.network() + self.start()
        for container in self.containers:
            problems += self.command(container)
            problems += self.settings(container)
            problems += self.memory(container)
            if self.kind == "StatefulSet":
                problems += self.probes(container)
        if self.kind == "StatefulSet":
            problems += self.service()
        return problems + self.grace()

    def start(self):
        """Nothing but the service starts where all is applied, and the next release can be applied over it."""
        if self.kind == "CronJob" and self.document["spec"].get("suspend") is not True:
            return ["it starts by itself: it is not suspended"]
        if self.kind == "Job" and self.of_kind("StatefulSet"):
            return ["a Job beside the service: the next release cannot change it"]
        return []

    def command(self, container):
        """Help is what a program gives for a command that it knows, with arguments that it knows."""
        arguments = container.get("args", [])
        done = self.program.ask(self.app, [*arguments, "--help"], {})
        return [] if done.returncode == 0 else [f"{self.app} does not know {' '.join(arguments)}: {done.stderr.strip()}"]

    def rights(self):
        problems = []
        pod = self.pod.get("securityContext", {})
        if self.pod.get("automountServiceAccountToken") is not False:
            problems.append("has a token of its service account")
        if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault" or not pod.get("runAsNonRoot"):
            problems.append("the pod's security context lets it do too much")
        if any(self.pod.get(field) for field in ("hostNetwork", "hostPID", "hostIPC")):
            problems.append("shares something of its host")
        secrets = [volume for volume in self.pod.get("volumes", []) if "secret" in volume]
        problems += [f"the secret {volume['name']} is for everybody" for volume in secrets
                     if volume["secret"].get("defaultMode", 0o644) & 0o007]
        for container in self.containers:
            rights = container.get("securityContext", {})
            wanted = {"allowPrivilegeEscalation": False, "privileged": False, "readOnlyRootFilesystem": True}
            wrong = [name for name, value in wanted.items() if rights.get(name) is not value]
            if rights.get("capabilities") != {"drop": ["ALL"]}:
                wrong.append("capabilities")
            problems += [f"security context: {name} is {rights.get(name)!r}" for name in wrong]
        return problems

    def environment(self, container):
        """Returns the settings that the container has, as its program would see them."""
        settings = {}
        for source in container.get("envFrom", []):
            name = source["configMapRef"]["name"]
            maps = [made for made in self.documents if made["kind"] == "ConfigMap" and made["metadata"]["name"] == name]
            if not maps:
                raise LookupError(f"there is no ConfigMap {name}")
            settings.update(maps[0]["data"])
        for variable in container.get("env", []):
            settings[variable["name"]] = variable.get("value", f"of-{self.app}")
        return settings

    def settings(self, container):
        """Has the program check its settings; files that are mounted stand in for."""
        try:
            settings = self.environment(container)
        except LookupError as missing:
            return [str(missing)]
        problems = []
        mounts = [mount["mountPath"] + "/" for mount in container.get("volumeMounts", [])]
        paths = [value for value in settings.values() if value.startswith("/")]
        problems += [f"{path} is in no mounted volume" for path in paths if not (path + "/").startswith(tuple(mounts))]
        done = self.program.ask(self.app, ["config", "--json"], self.with_secrets(settings))
        if done.returncode != 0:
            return [*problems, f"its settings: {done.stderr.strip()}"]
        names = {setting["name"] for setting in json.loads(done.stdout) if setting["changed"]}
        given = {name: value for name, value in settings.items() if name.startswith("KAPPA_")}
        users = [made["metadata"]["name"] for made in self.of_kind("KafkaUser")]
        user = settings.get("KAPPA_SASL_USERNAME")
        if user is not None and users and user not in users:
            problems.append(f"Kafka's user {user} is none of {users}")
        if len(names) < len(given):
            problems.append(f"only {sorted(names)} of {sorted(given)} are settings")
        return problems

    def with_secrets(self, settings):
        return {name: self.program.secret.name if name.endswith("_FILE") else value for name, value in settings.items()}

    def needs(self, container):
        """Returns what the settings need of the platform; nothing where they are wrong, which is told elsewhere."""
        try:
            settings = self.with_secrets(self.environment(container))
        except LookupError:
            return None
        done = self.program.ask(self.app, ["config", "--platform", "--json"], settings)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def memory(self, container):
        resources = container.get("resources", {})
        limit = resources.get("limits", {}).get("memory")
        if limit is None:
            return ["no memory limit"]
        problems = []
        if resources.get("requests", {}).get("memory") != limit:
            problems.append("memory: the request is not the limit: the node may not have it")
        if "cpu" not in resources.get("requests", {}):
            problems.append("no CPU request")
        needs = self.needs(container)
        if needs is not None and container.get("args", [""])[0] in COMMANDS_WITH_STATE:
            needed = needs["memory"]["limit_bytes"]
            if size(limit) < needed:
                problems.append(f"memory: the limit is {limit}, and the settings add up to {-(-needed // MIB)}Mi")
        return problems

    def grace(self):
        needs = self.needs(self.containers[0])
        if needs is None:
            return []
        close_s = needs["close_ms"] / 1000
        grace_s = self.pod.get("terminationGracePeriodSeconds", 30)
        return [] if grace_s > close_s else [f"grace period of {grace_s} s, and closing may take {close_s:.0f} s"]

    def probes(self, container):
        problems = []
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        try:
            listen = self.environment(container).get("KAPPA_HTTP_LISTEN", "127.0.0.1:8080")
        except LookupError:
            return []
        host, _, port = listen.rpartition(":")
        if host not in ("0.0.0.0", "[::]") or int(port) not in ports.values():
            problems.append(f"it listens on {listen}: no probe reaches that")
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            get = container.get(name, {}).get("httpGet")
            if get is None:
                problems.append(f"no {name}")
                continue
            if ports.get(get["port"]) != int(port):
                problems.append(f"{name}: port {get['port']} is not where it listens")
            if not self.program.serves(self.app, get["path"]):
                problems.append(f"{name}: {self.app} has no {get['path']}")
        problems += self.patience(container)
        for monitor in self.of_kind("ServiceMonitor"):
            for endpoint in monitor["spec"]["endpoints"]:
                if endpoint["port"] not in ports or not self.program.serves(self.app, endpoint["path"]):
                    problems.append(f"ServiceMonitor: {self.app} has no {endpoint['path']} at port {endpoint['port']}")
            if not selects(monitor["spec"]["selector"]["matchLabels"], self.labels):
                problems.append("ServiceMonitor: selects something else")
        return problems

    def patience(self, container):
        """The program gives up by itself, and says why, before its startup probe does."""
        probe = container.get("startupProbe", {})
        waits_s = probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
        settings = self.with_secrets(self.environment(container))
        done = self.program.ask(self.app, ["config", "--json"], settings)
        if done.returncode != 0:
            return []
        gives_up_s = next(int(it["value"]) for it in json.loads(done.stdout) if it["name"] == "task.timeout.ms") / 1000
        short = waits_s <= gives_up_s
        return [f"startupProbe: waits {waits_s} s, and the program waits {gives_up_s:.0f} s for Kafka"] if short else []

    def service(self):
        problems = []
        name = self.document["spec"]["serviceName"]
        services = [made for made in self.of_kind("Service") if made["metadata"]["name"] == name]
        if not services or services[0]["spec"].get("clusterIP") != "None" or not selects(services[0]["spec"]["selector"], self.labels):
            problems.append(f"there is no headless Service {name} of its pods")
        budgets = [made for made in self.of_kind("PodDisruptionBudget") if selects(made["spec"]["selector"]["matchLabels"], self.labels)]
        if not budgets:
            problems.append("no PodDisruptionBudget of its pods")
        problems += ["PodDisruptionBudget: more than one at a time" for made in budgets if made["spec"].get("maxUnavailable") != 1]
        templates = [template for template in map(template_of, self.of_kind("CronJob")) if selects(self.name(), template["metadata"]["labels"])]
        commands = [container.get("args", []) for template in templates for container in template["spec"]["containers"]]
        if not any(arguments[:2] == ["schemas", "--register"] for arguments in commands):
            problems.append("nothing registers its schemas")
        ids = [made for made in self.containers[0].get("env", []) if made["name"] == "KAPPA_GROUP_INSTANCE_ID"]
        if not ids or ids[0].get("value") != "$(POD_NAME)":
            problems.append("no static membership by the pod's name")
        if self.document["spec"].get("podManagementPolicy") != "Parallel":
            problems.append("pods start one after another")
        return problems

    def network(self):
        policies = [made for made in self.of_kind("NetworkPolicy") if selects(made["spec"]["podSelector"].get("matchLabels", {}), self.labels)]
        both = any(set(made["spec"].get("policyTypes", [])) == {"Ingress", "Egress"} for made in policies)
        return [] if both else ["no NetworkPolicy of its pods, for both ways"]

    def name(self):
        return {"app.kubernetes.io/name": self.app}

    def of_kind(self, kind):
        return [made for made in self.documents if made["kind"] == kind]


def scaling(scaled, documents):
    """Returns what is wrong with how a service is scaled."""
    problems = []
    spec = scaled["spec"]
    targets = [made for made in documents if made["kind"] == "StatefulSet" and made["metadata"]["name"] == spec["scaleTargetRef"]["name"]]
    if not targets:
        return [f"ScaledObject: there is no StatefulSet {spec['scaleTargetRef']['name']}"]
    if "replicas" in targets[0]["spec"]:
        problems.append("ScaledObject: the StatefulSet says its replicas too")
    if spec.get("minReplicaCount", 0) < 1:
        problems.append("ScaledObject: to zero, and state is restored before each first result")
    partitions = inputs(documents)
    for trigger in spec["triggers"]:
        topic, group = trigger["metadata"]["topic"], trigger["metadata"]["consumerGroup"]
        if topic not in partitions:
            problems.append(f"ScaledObject: {topic} is none of {sorted(partitions)}, which its user may read")
        if group != targets[0]["metadata"]["labels"]["app.kubernetes.io/name"]:
            problems.append(f"ScaledObject: {group} is not the service's group")
        most = partitions.get(topic)
        if most is not None and spec["maxReplicaCount"] > most:
            problems.append(f"ScaledObject: {spec['maxReplicaCount']} replicas, and {topic} has {most} partitions")
    return problems


def inputs(documents):
    """Returns the topics that the service may read, with the partitions of its repartition topics: as many as theirs."""
    users = [made for made in documents if made["kind"] == "KafkaUser" and not made["metadata"]["name"].endswith("-operator")]
    rules = [rule for user in users for rule in user["spec"]["authorization"]["acls"] if "Read" in rule["operations"]]
    counts = [made["spec"]["partitions"] for made in documents if made["kind"] == "KafkaTopic"]
    widest = max(counts) if counts else None
    return {rule["resource"]["name"]: widest for rule in rules if rule["resource"]["type"] == "topic"}


def selects(wanted, labels):
    return bool(wanted) and all(labels.get(name) == value for name, value in wanted.items())


def size(quantity):
    number, unit = re.fullmatch(r"(\d+)(Ki|Mi|Gi)?", quantity).groups()
    return int(number) * {None: 1, "Ki": 1 << 10, "Mi": MIB, "Gi": 1 << 30}[unit]
