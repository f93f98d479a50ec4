"""A playground of a referee's own, and a client of it. Python's standard library only."""
import base64
import http.client
import json
import os
import re
import resource
import signal
import socket
import ssl

from lab import need, until

MAPS = "/api/v1/namespaces/default/configmaps"


class Playground:
    """One `chaos playground up`, in the foreground of its own session; its words go to a file."""

    def __init__(self, lab, name, *args, file_limit=None, **popen):
        self.lab, self.name = lab, name
        self.log = lab.path(f"{name}.log")

        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        place = os.path.join(lab.state, "playgrounds", name)
        ready = os.path.join(place, "ingress")
        if os.path.exists(ready):  # of one that was killed
            os.remove(ready)
        with open(self.log, "ab") as log:
            self.process = lab.start("--no-log-file", "playground", "up", "--name", name, *args, stdout=log, stderr=log,
                                     preexec_fn=limited if file_limit else None, **popen)
        until(f"the playground {name}: {self.said()}", 20, lambda: os.path.exists(ready) or self.ended(), every=0.01)
        need(not self.ended(), f"it ended with {self.process.returncode}: {self.said()}")
        with open(os.path.join(place, "kubeconfig"), encoding="utf-8") as f:
            config = f.read()
        self.host, port = re.search(r"server: https://([\d.]+):(\d+)", config).groups()
        self.port = int(port)
        self.token = re.search(r"token: (\S+)", config).group(1)
        authority = base64.b64decode(re.search(r"certificate-authority-data: (\S+)", config).group(1)).decode()
        self.tls = ssl.create_default_context(cadata=authority)
        with open(ready, encoding="utf-8") as f:
            host, port = f.read().strip().rsplit(":", 1)
        self.ingress = (host, int(port))

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]

    def ended(self):
        return self.process.poll() is not None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def client(self, timeout=30):
        return Client(self, timeout)

    def socket(self, timeout=30, small=False):
        """A TCP connection to the API server's port."""
        s = socket.socket()
        if small:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(timeout)
        s.connect((self.host, self.port))
        return s

    def raw(self, **more):
        """The same under TLS."""
        return self.tls.wrap_socket(self.socket(**more), server_hostname=self.host)

    def head(self, method, path, *headers):
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}", f"Authorization: Bearer {self.token}", *headers, "", ""]
        return "\r\n".join(lines).encode()

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as f:
            return int(re.search(rf"^{field}:\s+(\d+)", f.read(), re.M).group(1))

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Client:
    """A connection with the token, opened again when it was closed."""

    def __init__(self, playground, timeout):
        self.token = playground.token
        self.connection = http.client.HTTPSConnection(playground.host, playground.port, context=playground.tls, timeout=timeout)

    def call(self, method, path, body=None, kind="application/json", headers=None, token=...):
        """Status and body: what JSON says, or its text."""
        sent = {"Content-Type": kind, "Accept": "application/json", **(headers or {})}
        token = self.token if token is ... else token
        if token is not None:
            sent.setdefault("Authorization", "Bearer " + token)
        if body is not None and not isinstance(body, (bytes, str)) and not hasattr(body, "__next__"):
            body = json.dumps(body)
        try:
            body = body.encode() if isinstance(body, str) else body
            self.connection.request(method, path, body, sent, encode_chunked="Transfer-Encoding" in sent)
            answer = self.connection.getresponse()
            raw = answer.read()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            raise
        try:
            return answer.status, json.loads(raw)
        except ValueError:
            return answer.status, raw.decode("utf-8", "replace")

    def expect(self, code, text, *args, **more):
        """Calls and holds the answer against a code (or several) and a piece of its text."""
        got, answer = self.call(*args, **more)
        shown = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        codes = code if isinstance(code, tuple) else (code,)
        need(got in codes and text in shown, f"{str(args)[:200]}: {got} {shown[:300]}, not {code} with {text!r}")
        if got >= 400 and not isinstance(answer, str):
            need(answer.get("kind") == "Status" and answer.get("code") == got and answer.get("message"), f"{args}: no clear Status: {shown[:300]}")
        return answer


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
