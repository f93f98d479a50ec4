#!/usr/bin/env python3
"""Records what kubectl sends for the commands of the walkthrough's rows: `recorded/VERSION/COMMAND.http`.

Each command is typed at a playground through a proxy that writes down every request (method, path and query,
Accept, Content-Type, body) and of its answer the status and what it is. Every command starts without a cache, so
that its look-ups are in its file. Values that a server gives are replaced by `{revision}`. See README.md.
"""
import base64
import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "..", "..", "referees"))
from lab import Lab, need, options  # noqa: E402

RESTARTED = "--for=jsonpath={.status.containerStatuses[0].restartCount}"
# In this order, each in the state that those before it left: name of the file, what is typed.
STORY = (
    ("create-namespace", "create namespace market"),
    ("apply-pod", "apply -f pod.yaml"),
    ("wait-running", "wait --for=jsonpath={.status.phase}=Running pod/till --timeout=30s"),
    ("get-pods", "get pods"),
    ("wait-restarts", f"wait {RESTARTED}=2 pod/till --timeout=60s"),
    ("logs", "logs till"),
    ("logs-previous", "logs till --previous"),
    ("apply-db", "apply -f db"),
    ("rollout-status-db", "rollout status deployment/ledger --timeout=60s"),
    ("wait-pod", "wait --for=condition=Ready pod/till --timeout=90s"),
    ("delete-pod", "delete pod till --wait=false"),
    ("wait-gone", "wait --for=delete pod/till --timeout=30s"),
    ("apply-deployment", "apply -f deployment.yaml"),
    ("rollout-status", "rollout status deployment/till --timeout=60s"),
    ("apply-ingress", "apply -f ingress.yaml"),
    ("apply-hpa", "apply -f hpa.yaml"),
    ("wait-replicas", "wait --for=jsonpath={.status.readyReplicas}=2 deployment/till --timeout=60s"),
    ("scale", "scale deployment/till --replicas=3"),
    ("delete-deployment", "delete -f deployment.yaml"),
    ("delete-namespace", "delete namespace market"),
)


class Recorder(BaseHTTPRequestHandler):
    """Passes a request on, and remembers it."""

    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        exchange = {"line": f"{self.command} {self.path}", "headers": self.headers, "body": body}
        self.server.exchanges.append(exchange)
        connection = http.client.HTTPSConnection(*self.server.upstream, context=self.server.tls)
        headers = {name: self.headers[name] for name in ("Accept", "Content-Type", "User-Agent") if self.headers[name]}
        connection.request(self.command, self.path, body or None, {**headers, "Authorization": self.server.authorization})
        answer = connection.getresponse()
        exchange["status"], exchange["type"] = answer.status, answer.headers["Content-Type"]
        self.send_response(answer.status)
        self.send_header("Content-Type", exchange["type"])
        if "watch=true" in self.path:
            exchange["watch"] = True
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                while chunk := answer.read1():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.write(b"0\r\n\r\n")
            except (OSError, http.client.HTTPException):  # it has seen enough, or the playground is gone
                self.close_connection = True
        else:
            exchange["answer"] = answer.read()
            self.send_header("Content-Length", str(len(exchange["answer"])))
            self.end_headers()
            self.wfile.write(exchange["answer"])
        connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

    def log_message(self, *_):
        pass


def recorded(command, exchanges):
    """A command's file."""
    agents = {exchange["headers"]["User-Agent"] for exchange in exchanges}
    need(len(agents) == 1, f"agents: {agents}")
    lines = [f"kubectl {command}", f"User-Agent: {agents.pop()}"]
    for exchange in exchanges:
        lines += ["", re.sub(r"\b(resourceVersion=)[1-9]\d*", r"\1{revision}", exchange["line"])]
        lines += [f"{name}: {exchange['headers'][name]}" for name in ("Accept", "Content-Type") if exchange["headers"][name]]
        if exchange["body"]:
            try:
                text = exchange["body"].decode().rstrip("\n")
                json.loads(text)
            except ValueError:
                text = "base64:" + base64.b64encode(exchange["body"]).decode()
            need("\n" not in text and not re.search(r'"(uid|resourceVersion)":"', text), f"not for a recording: {text}")
            lines.append(text)
        lines.append(f"-> {exchange['status']} {what(exchange)}")
    return "\n".join(lines) + "\n"


def what(exchange):
    """What an answer is: a watch, its kind, or its type."""
    if exchange.get("watch"):
        return "watch"
    try:
        return json.loads(exchange["answer"])["kind"]
    except (ValueError, KeyError, TypeError):
        return exchange["type"]


def record(lab, kubectl):
    client = json.loads(subprocess.run([kubectl, "version", "--client", "-o", "json"], capture_output=True, check=True).stdout)
    version = "{major}.{minor}".format(**client["clientVersion"])
    folder = os.path.join(HERE, "recorded", version)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    # Its name is in what it sends.
    named = os.path.join(lab.dir, version, "kubectl")
    os.mkdir(os.path.dirname(named))
    os.symlink(os.path.realpath(kubectl), named)
    up = lab.chaos("playground", "up", "--detach", "--name", version)
    need(up.code == 0, str(up))
    try:
        with open(re.search(r"KUBECONFIG='(.*)'", up.out).group(1), encoding="utf-8") as f:
            config = f.read()
        value = lambda key: re.search(rf"{key}: (\S+)", config).group(1)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        server.daemon_threads = True
        host, port = value("server").removeprefix("https://").split(":")
        server.upstream, server.authorization = (host, int(port)), "Bearer " + value("token")
        server.tls = ssl.create_default_context(cadata=base64.b64decode(value("certificate-authority-data")).decode())
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, command in STORY:
            server.exchanges = []
            with tempfile.TemporaryDirectory(dir=lab.dir) as home:
                here = ["--server", f"http://127.0.0.1:{server.server_port}", "--namespace", "market"]
                typed = subprocess.run([named, *here, *command.split()], cwd=os.path.join(HERE, "manifests"), env={"HOME": home},
                                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
            need(typed.returncode == 0, f"kubectl {version} {command}: {typed.stdout}{typed.stderr}")
            with open(os.path.join(folder, f"{name}.http"), "w", encoding="utf-8") as f:
                f.write(recorded(command, server.exchanges))
            print(f"{version}  {command}: {len(server.exchanges)} requests", flush=True)
        server.shutdown()
    finally:
        lab.chaos("playground", "down", "--name", version)


def main():
    opts = options(kubectls=("kubectl", f"the clients, `{os.pathsep}` between them"))
    with Lab(opts.chaos) as lab:
        for kubectl in opts.kubectls.split(os.pathsep):
            record(lab, shutil.which(kubectl) or kubectl)


if __name__ == "__main__":
    main()
