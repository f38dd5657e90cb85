"""The built programs, asked what they know."""

import http.client
import os
import socket
import subprocess
import tempfile
import time

# Long enough for a busy machine; no check waits for it where all is well.
PATIENCE_S = 60


class Program:
    """The built programs, asked what they know; every question once."""

    def __init__(self, folder):
        self.folder, self.answers = folder, {}
        # Stands in for every secret that is mounted.
        self.secret = tempfile.NamedTemporaryFile("w")
        self.secret.write("a-secret-of-many-letters")
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
