"""Overlays that are not in k8s/: what docs/kubernetes.md has somebody make, and components that no overlay has yet."""

import os
import shutil
import tempfile

import yaml

import schemas

MODEL, NEW = "airline-delays", "orders-app"


def broken(render, check, variants):
    """Returns what is wrong with them; `render` takes a folder, `check` what was made of it."""
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "k8s")
        shutil.copytree("k8s", root)
        return new_service(root, render, variants) + unused(root, render, check, variants)


def new_service(root, render, variants):
    """Copies an overlay under another name, word for word as the guide says."""
    new = os.path.join(root, "overlays", NEW)
    shutil.copytree(os.path.join(root, "overlays", MODEL), new)
    for folder, _, names in os.walk(new):
        for name in names:
            rewrite(os.path.join(folder, name), lambda text: text.replace(MODEL, NEW))
    problems = []
    for variant in variants:
        made = render(os.path.join(new, variant))
        problems += [f"{NEW}/{variant}: {problem}" for problem in schemas.refused(made)]
        if MODEL in yaml.safe_dump_all(made):
            problems.append(f"{NEW}/{variant}: still names {MODEL}")
    return problems


def unused(root, render, check, variants):
    """Adds each component that no overlay has to all variants of a service, where it then is."""
    problems = []
    overlays = {variant: os.path.join(root, "overlays", MODEL, variant) for variant in variants}
    for name in sorted(os.listdir(os.path.join(root, "components"))):
        path = f"../../../components/{name}"
        files = [os.path.join(overlay, "kustomization.yaml") for overlay in overlays.values()]
        if any(path in read(file) for file in files):
            continue
        for variant, overlay in overlays.items():
            file = os.path.join(overlay, "kustomization.yaml")
            before = render(overlay)
            rewrite(file, lambda text: with_component(text, path))
            made = render(overlay)
            problems += [f"{variant} with {name}: {problem}" for problem in check(made)]
            if made == before:
                problems.append(f"{variant} with {name}: the component changes nothing")
    return problems


def with_component(text, path):
    overlay = yaml.safe_load(text)
    overlay.setdefault("components", []).append(path)
    return yaml.safe_dump(overlay)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rewrite(path, change):
    text = change(read(path))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
