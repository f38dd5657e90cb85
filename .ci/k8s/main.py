"""Checks what kustomize makes of k8s/; see .ci/k8s-check."""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import yaml

import alerts
import image
import mutations
import schemas
import variations
from invariants import broken
from mutating import privileged
from program import Program

OVERLAYS = "k8s/overlays/*/{}/kustomization.yaml"
# Once for all services, and nothing of it runs.
SHARED = "k8s/monitoring"
VARIANTS = ("dev", "prod", "replay")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", required=True)
    parser.add_argument("--render", required=True)
    parser.add_argument("--promtool", required=True)
    parser.add_argument("--update", action="store_true")
    given = parser.parse_args()
    program = Program(given.programs)
    problems = image.broken() + strimzi(program, given.update)
    folders = sorted(folder for variant in VARIANTS for folder in map(os.path.dirname, glob.glob(OVERLAYS.format(variant))))
    if not folders:
        raise SystemExit("k8s-check: no overlays found")
    rendered = {folder: render(given.render.split(), folder) for folder in folders}
    for folder, documents in rendered.items():
        problems += [f"{folder}: {problem}" for problem in problems_of(documents, program)]
    shared = render(given.render.split(), SHARED)
    problems += [f"{SHARED}: {problem}" for problem in schemas.refused(shared) + alerts.broken(shared, given.promtool)]
    problems += variations.broken(
        lambda folder: render(given.render.split(), folder), lambda documents: problems_of(documents, program), VARIANTS)
    tried, missed = mutations.survivors(one_each(rendered), lambda documents: problems_of(documents, program))
    problems += missed
    problems += review(rendered)
    for problem in problems:
        print(f"k8s-check: {problem}", file=sys.stderr)
    documents = sum(map(len, rendered.values()))
    print(f"k8s-check: {len(folders)} overlays, {documents} resources, {tried} mutations, {len(problems)} problems")
    sys.exit(1 if problems else 0)


def render(command, folder):
    done = subprocess.run([*command, folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"k8s-check: {folder}: {done.stderr}")
    return list(yaml.safe_load_all(done.stdout))


def one_each(rendered):
    """Returns one overlay of each kind: mutations are for the check, and services are much alike."""
    return {os.path.basename(folder): (folder, documents) for folder, documents in reversed(rendered.items())}.values()


def problems_of(documents, program):
    return schemas.refused(documents) + broken(documents, program)


def strimzi(program, update):
    """Compares each service's Strimzi resources with what its program says, or writes them."""
    problems = []
    for path in sorted(glob.glob("k8s/overlays/*/prod/strimzi.yaml")):
        app = path.split(os.sep)[2]
        with open(path, encoding="utf-8") as file:
            found = file.read()
        # The file says itself how many partitions the inputs have.
        counts = re.findall(r"^# reads (\S+), which has (\d+) partitions$", found, re.MULTILINE)
        arguments = ["topology", "--format", "strimzi"]
        for topic, count in counts:
            arguments += ["--partitions", f"{topic}={count}"]
        made = program.output(app, arguments, settings(path))
        if update:
            with open(path, "w", encoding="utf-8") as file:
                file.write(made)
        elif made != found:
            problems.append(f"{path} is not what the program says: run .ci/k8s-check FOLDER --update")
    return problems


def settings(path):
    """Returns the settings that topics are made with, from the overlay's own text."""
    with open(os.path.join(os.path.dirname(path), "kustomization.yaml"), encoding="utf-8") as file:
        overlay = yaml.safe_load(file)
    literals = [literal for made in overlay["configMapGenerator"] for literal in made["literals"]]
    pairs = dict(literal.split("=", 1) for literal in literals)
    return {name: value for name, value in pairs.items() if name.startswith(("KAPPA_TOPIC_", "KAPPA_REPLICATION_"))}


def review(rendered):
    """Has checkov look at everything, and at a manifest that it must refuse."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (overlay, documents) in enumerate(rendered.items()):
            with open(os.path.join(folder, f"{number}.yaml"), "w", encoding="utf-8") as file:
                file.write(f"# {overlay}\n")
                yaml.safe_dump_all(documents, file)
        with open(os.path.join(folder, "bad.yaml"), "w", encoding="utf-8") as file:
            yaml.safe_dump_all(privileged(next(iter(rendered.values()))), file)
        checkov = os.path.join(os.path.dirname(sys.executable), "checkov")
        command = [checkov, "--framework", "kubernetes", "--skip-download", "--compact", "--quiet", "-o", "json", "-d", folder]
        done = subprocess.run(command, capture_output=True, text=True)
        try:
            report = json.loads(done.stdout)
        except json.JSONDecodeError:
            return [f"checkov: {done.stdout[-2000:]}{done.stderr[-2000:]}"]
    failed = report["results"]["failed_checks"]
    problems = [
        f"checkov: {check['check_id']} {check['check_name']}: {check['resource']} ({check['file_path']})"
        for check in failed
        if not check["file_path"].endswith("bad.yaml")
    ]
    if not any(check["file_path"].endswith("bad.yaml") and check["check_id"] == "CKV_K8S_16" for check in failed):
        problems.append("checkov takes a privileged container: it has not looked")
    if report["summary"]["passed"] < 100:
        problems.append(f"checkov has made {report['summary']['passed']} checks only")
    for check in report["results"].get("skipped_checks", []):
        if len(check["check_result"].get("suppress_comment", "")) < 20:
            problems.append(f"checkov: {check['check_id']} is skipped without a reason")
    return problems


if __name__ == "__main__":
    main()
