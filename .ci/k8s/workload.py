"""A StatefulSet or a CronJob, with what belongs to it."""

import json
import os

import network


def template_of(document):
    """Returns what a workload makes pods of; nothing where a document is none."""
    spec = document.get("spec", {})
    return spec.get("jobTemplate", {}).get("spec", spec).get("template")


def selects(wanted, labels):
    return bool(wanted) and all(labels.get(name) == value for name, value in wanted.items())


class Workload:
    def __init__(self, document, documents, program):
        self.document, self.documents, self.program = document, documents, program
        self.kind = document["kind"]
        # What a Job has beside its template; nothing else has it.
        self.job = document["spec"] if self.kind == "Job" else document["spec"].get("jobTemplate", {}).get("spec")
        self.template = template_of(document)
        self.pod = self.template["spec"]
        self.labels = self.template["metadata"].get("labels", {})
        self.app = self.labels.get("app.kubernetes.io/name", "")
        self.component = self.labels.get("app.kubernetes.io/component", "")
        self.containers = self.pod["containers"]
        self.all_containers = self.containers + self.pod.get("initContainers", [])

    def environment(self, container):
        """Returns what the container has in its environment, as its program would see it."""
        return {name: value for name, (value, _) in self.given(container).items()}

    def given(self, container):
        """Returns the same, and with each whether it can be read in a manifest."""
        found = {}
        for source in container.get("envFrom", []):
            if "configMapRef" not in source:
                raise LookupError("all keys of a secret as its environment: mount it as a file")
            name = source["configMapRef"]["name"]
            maps = [made for made in self.of_kind("ConfigMap") if made["metadata"]["name"] == name]
            if not maps:
                raise LookupError(f"there is no ConfigMap {name}")
            found.update({name: (value, True) for name, value in maps[0]["data"].items()})
        for variable in container.get("env", []):
            found[variable["name"]] = (variable.get("value", f"of-{self.app}"), "value" in variable)
        return found

    def ask(self, container, *arguments):
        """Asks the program about the settings that the container has; files that are mounted stand in for."""
        given = self.environment(container)
        settings = {name: self.program.secret.name if name.endswith("_FILE") else value for name, value in given.items()}
        return self.program.ask(self.app, arguments, settings)

    def effective(self, container):
        """Returns all settings, as the program takes them; nothing where they are wrong, which is told elsewhere."""
        try:
            done = self.ask(container, "config", "--json")
        except LookupError:
            return None
        return {it["name"]: it["value"] for it in json.loads(done.stdout)} if done.returncode == 0 else None

    def needs(self, container):
        """Returns what the settings need of the platform; nothing where they are wrong, which is told elsewhere."""
        try:
            done = self.ask(container, "config", "--platform", "--json")
        except LookupError:
            return None
        return json.loads(done.stdout) if done.returncode == 0 else None

    def mount(self, container, path):
        """Returns the mount that a path is in, the innermost."""
        mounts = [mount for mount in container.get("volumeMounts", []) if (path + "/").startswith(mount["mountPath"] + "/")]
        return max(mounts, key=lambda mount: len(mount["mountPath"]), default=None)

    def volume(self, name):
        return next((volume for volume in self.pod.get("volumes", []) if volume["name"] == name), None)

    def secret_of(self, container, path):
        """Returns the secret and the key whose value a file has."""
        mount = self.mount(container, path)
        volume = self.volume(mount["name"]) if mount else None
        if volume is None or "secret" not in volume:
            return None
        inside = os.path.relpath(path, mount["mountPath"])
        keys = [item["key"] for item in volume["secret"].get("items", []) if item["path"] == inside]
        return (volume["secret"]["secretName"], keys[0]) if keys else None

    def writes_by_schema(self, container):
        arguments = container.get("args", [])
        return "json" not in [value for flag, value in zip(arguments, arguments[1:]) if flag == "--format"]

    def chosen_by(self, policy):
        return selects(policy["spec"]["podSelector"].get("matchLabels", {}), self.labels)

    def listens(self):
        """Returns the ports on which it answers for others than itself."""
        return [port["name"] for container in self.containers for port in container.get("ports", [])]

    def reaches(self):
        """Returns where its settings have it go: names, protocols, ports."""
        own, found = self.document["metadata"].get("namespace", ""), set()
        for container in self.containers:
            settings = self.effective(container)
            if settings is None:
                continue
            if self.component != "registrar":
                found |= network.of_servers(settings["bootstrap.servers"], own)
            if settings["schema.registry.url"] and self.writes_by_schema(container):
                found |= network.of_url(settings["schema.registry.url"], own)
            for name, value in self.environment(container).items():
                if name.startswith("OTEL_EXPORTER_OTLP_") and name.endswith("ENDPOINT"):
                    found |= network.of_url(value, own)
        return found

    def of_kind(self, kind):
        return [made for made in self.documents if made["kind"] == kind]
