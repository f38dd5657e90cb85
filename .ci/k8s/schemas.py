"""Whether resources have the fields that their kinds have, and no others."""

import json
import os

import jsonschema
import kubernetes_validate

VERSION = "1.37"
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemas")
# What operators bring; their schemas are ours, of the fields that we use.
CUSTOM = {
    "kafka.strimzi.io/v1": "strimzi.json",
    "keda.sh/v1alpha1": "keda.json",
    "monitoring.coreos.com/v1": "monitoring.json",
}


# By document: most are the same in all mutations.
KNOWN = {}


def refused(documents):
    problems = []
    for document in documents:
        key = json.dumps(document, sort_keys=True)
        if key not in KNOWN:
            KNOWN[key] = refused_one(document)
        problems += KNOWN[key]
    return problems


def refused_one(document):
    name = f"{document['kind']} {document['metadata']['name']}"
    if document["apiVersion"] in CUSTOM:
        return [f"{name}: {problem}" for problem in custom(document)]
    try:
        kubernetes_validate.validate(document, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        where = ".".join(str(part) for part in error.path)
        return [f"{name}: {where}: {error.message}"]
    return []


def custom(document):
    with open(os.path.join(FOLDER, CUSTOM[document["apiVersion"]]), encoding="utf-8") as file:
        kinds = json.load(file)
    schema = kinds.get(document["kind"])
    if schema is None:
        return ["no schema of this kind: add it to .ci/k8s/schemas"]
    unknown = set(document) - {"apiVersion", "kind", "metadata", "spec"}
    problems = [f"unknown field {field}" for field in sorted(unknown)]
    validator = jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(document.get("spec", {})):
        problems.append(f"spec.{'.'.join(str(part) for part in error.path)}: {error.message}")
    return problems
