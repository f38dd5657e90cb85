"""Whether alerts fire when they should, and are silent when they should; promtool evaluates."""

import os
import subprocess
import tempfile

import yaml

TESTS = "k8s/monitoring/alerts_test.yaml"


def broken(documents, promtool):
    """Returns what is wrong with alerts, of the resources as kustomize makes them."""
    found = [document for document in documents if document["kind"] == "PrometheusRule"]
    rules = {"groups": [group for document in found for group in document["spec"]["groups"]]}
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    with open(TESTS, encoding="utf-8") as file:
        text = file.read()
    return links(alerts) + untested(alerts, yaml.safe_load(text)) + evaluate(rules, alerts, text, promtool)


def links(alerts):
    """Each tells where to read what to do, and it is there."""
    with open("docs/operations.md", encoding="utf-8") as file:
        headings = {line.strip("# \n").lower() for line in file if line.startswith("####")}
    problems = []
    for alert in alerts:
        url = alert["annotations"].get("runbook_url", "")
        if not url.startswith("https://"):
            problems.append(f"{alert['alert']}: runbook_url {url!r} is not an address")
        if url.rpartition("#")[2] != alert["alert"].lower() or alert["alert"].lower() not in headings:
            problems.append(f"{alert['alert']}: {url} is no heading of docs/operations.md")
    return problems


def untested(alerts, tests):
    looks = [look for test in tests["tests"] for look in test["alert_rule_test"]]
    fires = {look["alertname"] for look in looks if look["exp_alerts"]}
    silent = {look["alertname"] for look in looks if not look["exp_alerts"]}
    names = {alert["alert"] for alert in alerts}
    problems = [f"{name}: no test has it fire" for name in sorted(names - fires)]
    problems += [f"{name}: no test has it silent" for name in sorted(names - silent)]
    return problems + [f"{name}: it is tested, and not there" for name in sorted((fires | silent) - names)]


def evaluate(rules, alerts, tests, promtool):
    """Runs the tests; and again with alerts that never fire, which must not pass."""
    runbook = alerts[0]["annotations"]["runbook_url"].partition("#")[0]
    done = run(rules, tests.replace("RUNBOOK", runbook), promtool)
    problems = [] if done.returncode == 0 else [f"promtool: {done.stdout}{done.stderr}"]
    never = [{**alert, "expr": "vector(0) > 1"} for alert in alerts]
    if run({"groups": [{"name": "never", "rules": never}]}, tests.replace("RUNBOOK", runbook), promtool).returncode == 0:
        problems.append("promtool takes alerts that never fire: it has not looked")
    return problems


def run(rules, tests, promtool):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "rules.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump(rules, file)
        path = os.path.join(folder, "tests.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(tests)
        return subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True)
