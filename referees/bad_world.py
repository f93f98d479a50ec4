#!/usr/bin/env python3
"""When the world refuses: clusters that are away, say no or hang, and disks that are full.

Each time `chaos run` must end by itself, soon, with a clear error that names what it spoke of; it must not panic,
and the cluster must be as before. Served by the control plane where that can do it, by small servers of our own
where it cannot (a server that hangs, answers 429, 500 or drops a connection).
"""
import base64
import http.server
import json
import os
import socket
import subprocess
import threading
import time

from lab import Api, Lab, Tally, need, options, setting, until
from pieces import count, idle_deployment, kubeconfig, scale

NS, NAME, REPLICAS = "bad-world", "target", 2
PATH = f"/apis/apps/v1/namespaces/{NS}/deployments"
SCALE = {"title": "To zero", "description": "And not back.", "method": [scale("to-zero", NS, NAME, 0)]}
SCALE_AND_BACK = {**SCALE, "rollbacks": [scale("and-back", NS, NAME, REPLICAS)]}
LOOK = {"title": "Look", "description": "How many Pods?", "method": [],
        "steady-state-hypothesis": {"title": "None", "probes": [count("count", NS, tolerance=0)]}}
NOTHING = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers by `script`: a list of (status, headers), one a request, the last one for ever; "drop" hangs up."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        script, seen = self.server.script, self.server.seen
        answer = script[min(len(seen), len(script) - 1)]
        seen.append(time.monotonic())
        if answer == "drop":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, headers = answer
        body = json.dumps(NOTHING if status == 200 else {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": status,
            "message": "come back later", "reason": {429: "TooManyRequests", 500: "InternalError"}[status]}).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, *_):
        pass


def serve(script):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.daemon_threads, server.script, server.seen = True, script, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def expired_token():
    """A service account's token as the control plane signs them, but an hour too old."""
    pki = os.path.dirname(setting("K8S_CA"))
    part = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=").decode()  # noqa: E731
    now = int(time.time())
    claims = {"iss": "https://kubernetes.default.svc", "aud": ["https://kubernetes.default.svc"], "exp": now - 3600, "iat": now - 7200,
              "nbf": now - 7200, "sub": f"system:serviceaccount:{NS}:default"}
    text = part(json.dumps({"alg": "RS256", "kid": ""}).encode()) + "." + part(json.dumps(claims).encode())
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", os.path.join(pki, "sa.key")], input=text.encode(),
                            capture_output=True, check=True)
    return text + "." + part(signed.stdout)


class World:
    """The checks; each leaves the Deployment as it found it, and says so."""

    def __init__(self, lab, api):
        self.lab, self.api = lab, api
        lab.write("look.json", LOOK)
        lab.write("scale.json", SCALE)
        lab.write("scale-and-back.json", SCALE_AND_BACK)
        self.admin = setting("KUBECONFIG")

    def kubeconfig(self, server, **user):
        ca = setting("K8S_CA") if server.startswith("https") else None
        return self.lab.write("kubeconfig.json", kubeconfig(server, user, ca))

    def run(self, *arguments, seconds=30, code=1, says=(), **popen):
        """Runs; it must end within `seconds` with `code`, saying each text of `says` (any case), without a panic."""
        run = self.lab.chaos(*arguments, timeout=seconds, **popen)
        said = (run.out + run.err).lower()
        need("panicked at" not in said and not any(line.startswith("traceback") for line in said.splitlines()), f"a panic: {run}")
        need(run.code == code, f"exit {run.code}, must be {code}: {run}")
        for text in says:
            need(any(option.lower() in said for option in text.split("|")), f"does not say {text!r}: {run}")
        return run

    def generation(self):
        return self.api.get(f"{PATH}/{NAME}")["metadata"]["generation"]

    def unchanged(self, generation):
        now = self.api.get(f"{PATH}/{NAME}")
        need(now["spec"]["replicas"] == REPLICAS, f"it has {now['spec']['replicas']} replicas now")
        need(now["metadata"]["generation"] == generation, "it was changed, although it is as before")

    # A cluster that is not there, or says no

    def unreachable(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = self.kubeconfig(f"https://127.0.0.1:{port}", token="x")
        self.run("run", "look.json", env={"KUBECONFIG": config}, seconds=45, says=[f"127.0.0.1|{port}", "refused"])

    def no_such_host(self):
        config = self.kubeconfig("https://cluster.invalid:6443", token="x")
        self.run("run", "look.json", env={"KUBECONFIG": config}, seconds=45, says=["cluster.invalid"])

    def token(self, token):
        config = self.kubeconfig(setting("K8S_URL"), token=token)
        self.run("run", "look.json", env={"KUBECONFIG": config}, says=["401", "unauthorized"])

    def may_not_look(self):
        self.run("run", "look.json", env={"KUBECONFIG": self.admin + ".unpriv"}, says=["403", "pods", "unpriv"])

    def may_not_change(self):
        """Rights to look only: the action fails after its undo was armed, and nothing is left to put back."""
        generation = self.generation()
        self.run("run", "scale.json", env={"KUBECONFIG": self.admin + ".viewer"}, code=0, says=["403|forbidden", "deployments", "viewer"])
        self.unchanged(generation)
        self.run("recover", "--all", env={"KUBECONFIG": self.admin}, code=0)
        self.unchanged(generation)

    # A server that hangs or stumbles

    def hangs(self, scheme):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.listen(64)
            held = []

            def accept():
                try:
                    while True:
                        held.append(server.accept()[0])
                except OSError:
                    pass

            threading.Thread(target=accept, daemon=True).start()
            config = self.kubeconfig(f"{scheme}://127.0.0.1:{server.getsockname()[1]}", token="x")
            self.run("run", "look.json", env={"KUBECONFIG": config, "CHAOS_KUBERNETES_TIMEOUT": "1"}, seconds=30,
                     says=["timed out|timeout|did not answer|no answer", "127.0.0.1"])
            for connection in held:
                connection.close()
            server.shutdown(socket.SHUT_RDWR)

    def stumbles(self, script, seconds):
        """The first answers are refusals, then it works: so must the run, and not before the server asked for."""
        server = serve(script)
        config = self.kubeconfig(f"http://127.0.0.1:{server.server_address[1]}", token="x")
        started = time.monotonic()
        self.run("run", "look.json", env={"KUBECONFIG": config}, code=0)
        need(time.monotonic() - started >= seconds, f"it did not wait {seconds} s as the server asked")
        need(len(server.seen) >= len(script), f"only {len(server.seen)} requests")
        server.shutdown()

    def refuses(self, status):
        """It never works: a bounded number of requests, then the server's own words."""
        server = serve([(status, {"Retry-After": "1"} if status == 429 else {})])
        config = self.kubeconfig(f"http://127.0.0.1:{server.server_address[1]}", token="x")
        self.run("run", "look.json", env={"KUBECONFIG": config}, seconds=60, says=[str(status), "come back later"])
        need(len(server.seen) <= 12, f"{len(server.seen)} requests for one answer")
        server.shutdown()

    # Disks that are full

    def full_journal(self):
        os.symlink("/dev/full", self.lab.path("full.json"))
        run = self.run("run", "--journal-path", "full.json", "scale-and-back.json", says=["full.json", "no space left"])
        need("and-back" in run.err, f"the rollback was not played: {run}")
        need(self.api.get(f"{PATH}/{NAME}")["spec"]["replicas"] == REPLICAS, "the Deployment is not as before")

    def full_log(self):
        run = self.lab.chaos("--log-file", "/dev/full", "run", "scale-and-back.json", timeout=30)
        need("panicked" not in run.err and run.code in (0, 1), f"{run}")
        need(self.api.get(f"{PATH}/{NAME}")["spec"]["replicas"] == REPLICAS, "the Deployment is not as before")

    def no_state_directory(self):
        """The event log cannot be written: an error before the first change."""
        generation = self.generation()
        path = self.lab.write("a-file", "x") + "/state"
        self.run("run", "scale.json", env={"CHAOS_STATE_DIR": path}, says=["a-file", "not a directory"])
        self.unchanged(generation)

    def full_event_log(self):
        """The disk is full from some byte on, at every point of the run: no change stays, none without its undo."""
        # Written by an undisturbed run: how far the limits have to go.
        state = os.path.join(self.lab.dir, "undisturbed")
        self.run("run", "scale-and-back.json", env={"CHAOS_STATE_DIR": state}, code=0)
        logs = [os.path.join(folder, name) for folder, _, names in os.walk(state) for name in names if name == "events.jsonl"]
        need(len(logs) == 1, f"event logs of one run: {logs}")
        size = os.path.getsize(logs[0])
        # The journal and the log file must not be what fails: they go where the limit does not reach.
        outcomes = {"refused": 0, "put back": 0, "whole": 0}
        for limit in [0, 1, *range(64, size + 256, max(64, size // 40))]:
            before = self.generation()
            state = os.path.join(self.lab.dir, f"full-{limit}")
            run = self.lab.chaos("--no-log-file", "run", "--journal-path", "/dev/null", "scale-and-back.json", timeout=30,
                                 env={"CHAOS_STATE_DIR": state}, file_limit=limit)
            where = f"with {limit} of {size} bytes"
            need("panicked" not in run.err and run.code in (0, 1), f"{where}: {run}")
            now = self.api.get(f"{PATH}/{NAME}")
            need(now["spec"]["replicas"] == REPLICAS, f"{where} it is left at {now['spec']['replicas']} replicas: {run}")
            changed = now["metadata"]["generation"] != before
            if run.code == 0:
                need(limit >= size // 2, f"{where} it claims to be well: {run}")
                outcomes["whole"] += 1
            else:
                said = (run.out + run.err).lower()
                need("too large" in said or "no space" in said or "event" in said, f"{where}, no clear error: {run}")
                outcomes["put back" if changed else "refused"] += 1
            recovery = self.lab.chaos("recover", "--all", env={"CHAOS_STATE_DIR": state}, timeout=30)
            need("panicked" not in recovery.err, f"{where}: {recovery}")
            need(self.api.get(f"{PATH}/{NAME}")["spec"]["replicas"] == REPLICAS, f"{where}, recovery broke it: {recovery}")
        print("      " + ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items()), flush=True)
        need(outcomes["refused"] and outcomes["whole"], f"the limits miss the run: {outcomes}")


def main():
    opts, tally, api = options(), Tally(), Api()
    api.fresh_namespace(NS)
    api.call("POST", PATH, idle_deployment(NAME, REPLICAS))
    until("the Deployment to be seen", 10, lambda: api.get(f"{PATH}/{NAME}")["status"].get("observedGeneration"))
    with Lab(opts.chaos) as lab:
        lab.env["KUBECONFIG"] = setting("KUBECONFIG")
        world = World(lab, api)
        tally.check("unreachable cluster", world.unreachable)
        tally.check("a host that does not exist", world.no_such_host)
        tally.check("invalid token", world.token, "not-a-token")
        tally.check("expired token", world.token, expired_token())
        tally.check("403 on reading", world.may_not_look)
        tally.check("403 on the change", world.may_not_change)
        tally.check("a server that hangs", world.hangs, "http")
        tally.check("a server that hangs in the TLS handshake", world.hangs, "https")
        tally.check("429 with Retry-After, then well", world.stumbles, [(429, {"Retry-After": "1"})] * 2 + [(200, {})], 2)
        tally.check("500, then well", world.stumbles, [(500, {}), (200, {})], 0)
        tally.check("a lost connection, then well", world.stumbles, ["drop", (200, {})], 0)
        tally.check("429 for ever", world.refuses, 429)
        tally.check("500 for ever", world.refuses, 500)
        tally.check("full disk: journal", world.full_journal)
        tally.check("full disk: log file", world.full_log)
        tally.check("state directory cannot be made", world.no_state_directory)
        tally.check("full disk: event log", world.full_event_log)
    api.no_namespace(NS)
    tally.end()


if __name__ == "__main__":
    main()
