"""Whether the Dockerfile's image is of any application, and builds with the compiler that everybody has."""

import re


def broken():
    with open("Dockerfile", encoding="utf-8") as file:
        text = file.read()
    with open("rust-toolchain.toml", encoding="utf-8") as file:
        channel = re.search(r'^channel = "(.+)"$', file.read(), re.MULTILINE).group(1)
    with open(".dockerignore", encoding="utf-8") as file:
        context = file.read().splitlines()
    problems = []
    if not re.search(rf"^ARG RUST=rust:{re.escape(channel)}-", text, re.MULTILINE):
        problems.append(f"Dockerfile: Rust is not {channel}, as in rust-toolchain.toml")
    if "!rust-toolchain.toml" in context:
        problems.append(".dockerignore: rustup would fetch what rust-toolchain.toml names")
    if re.search(r"^CMD\b", text, re.MULTILINE):
        problems.append("Dockerfile: not all applications know its command: the manifests give it")
    return problems
