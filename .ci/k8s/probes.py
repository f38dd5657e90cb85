"""Whether each probe asks what it is for, of where the program listens, and is patient enough; and who reads metrics."""

import re

from workload import selects

# One path each: a restart mends only what /health/live tells, and a Service is to wait for what /health/ready tells.
PATHS = {"startupProbe": "/health/startup", "readinessProbe": "/health/ready", "livenessProbe": "/health/live"}
METRICS = "/metrics"
# A process that hangs for less is not to be killed.
LIVE_PATIENCE_S = 30


def broken(workload, container):
    settings = workload.effective(container)
    if settings is None:
        return []
    problems = []
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    host, _, port = settings["http.listen"].rpartition(":")
    if host not in ("0.0.0.0", "[::]") or int(port) not in ports.values():
        problems.append(f"it listens on {settings['http.listen']}: nobody reaches that")
    scheme = "HTTPS" if settings["http.tls.certificate.file"] else "HTTP"
    names = PATHS if workload.kind == "StatefulSet" else [name for name in PATHS if name in container]
    for name in names:
        get = container.get(name, {}).get("httpGet")
        if get is None:
            problems.append(f"no {name}")
            continue
        if get["path"] != PATHS[name]:
            problems.append(f"{name}: asks {get['path']}, not {PATHS[name]}")
        if ports.get(get["port"]) != int(port):
            problems.append(f"{name}: port {get['port']} is not where it listens")
        if get.get("scheme", "HTTP") != scheme:
            problems.append(f"{name}: asks by {get.get('scheme', 'HTTP')}, and it speaks {scheme}")
    asked = [*PATHS.values(), METRICS]
    problems += [f"{workload.app} has no {path}" for path in asked if not workload.program.serves(workload.app, path)]
    return problems + patience(container, settings) + monitors(workload, settings, scheme.lower())


def patience(container, settings):
    """The program gives up by itself, and says why, before its startup probe does."""
    problems = []
    if "startupProbe" in container:
        waits_s = lasts(container["startupProbe"])
        gives_up_s = int(settings["task.timeout.ms"]) / 1000
        if waits_s <= gives_up_s:
            problems.append(f"startupProbe: waits {waits_s} s, and the program waits {gives_up_s:.0f} s for Kafka")
    if "livenessProbe" in container and lasts(container["livenessProbe"]) < LIVE_PATIENCE_S:
        problems.append(f"livenessProbe: waits {lasts(container['livenessProbe'])} s only")
    return problems


def lasts(probe):
    return probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)


def monitors(workload, settings, scheme):
    """Prometheus asks as the program wants to be asked."""
    kind, field = ("ServiceMonitor", "endpoints") if workload.kind == "StatefulSet" else ("PodMonitor", "podMetricsEndpoints")
    problems = []
    ports = workload.listens()
    made = workload.of_kind(kind)
    if not made and workload.of_kind("KafkaUser"):
        problems.append(f"no {kind}")
    for monitor in made:
        if not selects(monitor["spec"]["selector"]["matchLabels"], workload.labels):
            problems.append(f"{kind}: selects something else")
        for endpoint in monitor["spec"][field]:
            if endpoint["path"] != METRICS or endpoint["port"] not in ports:
                problems.append(f"{kind}: asks {endpoint['path']} at port {endpoint['port']}, not {METRICS} at one of {ports}")
            if endpoint.get("scheme", "http") != scheme:
                problems.append(f"{kind}: asks by {endpoint.get('scheme', 'http')}, and it speaks {scheme}")
            if settings["http.bearer.token"] and "authorization" not in endpoint:
                problems.append(f"{kind}: brings no token, and is asked for one")
            if seconds(endpoint.get("scrapeTimeout", "10s")) > seconds(endpoint.get("interval", "30s")):
                problems.append(f"{kind}: waits for longer than until it asks again")
    return problems


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", duration).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
