#!/usr/bin/env python3
"""A playground among hostile clients, and one that is killed.

A thousand watches, bodies of 100 MB, what is no JSON, no HTTP or no TLS, connections that are opened and left, wrong
tokens, readers who stop, objects of wrong types: each gets a clear answer or is put out, while a well-behaved client
in a process of its own measures what it notices. Memory and open files are bounded. Then `kill -9` at random moments
of a playground with `--data`: whatever was acknowledged is there after `up`.
"""
import base64
import copy
import http.client
import json
import multiprocessing
import random
import re
import resource
import selectors
import signal
import socket
import ssl
import statistics
import subprocess
import threading
import time

from hostile_killed import Killed
from hostile_words import BODIES, LONG, MANIFESTS, NASTY, PATCHES, QUERIES
from lab import Lab, Tally, Wrong, need, options, until
from playgrounds import MAPS, Playground, config_map

# What the well-behaved client may notice of an attack: of any single request, and of half of them.
SLOWEST, MEDIAN = 3.0, 0.25
# What the process may take at its worst, in MiB, and how many files it may have open more than before, at the end.
PEAK, FILES = 600, 40
WATCHES, CHANGES, CHANGE_BYTES, TOLD_WITHIN = 1000, 30, 20_000, 40.0
ROUNDS = 20


def answers(sock):
    """All that comes until the other side closes, or nothing comes for as long as the socket's timeout."""
    got = b""
    try:
        while piece := sock.recv(65536):
            got += piece
    except (OSError, ValueError):
        pass
    return got


# -- the well-behaved client, in a process of its own

def neighbour(playground, path, stop):
    """Reads, writes and now and then connects anew, twenty times a second; a line a request: when, seconds, trouble."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    client = playground.client(timeout=20)
    client.call("POST", MAPS, config_map("neighbour"))
    with open(path, "w", encoding="utf-8", buffering=1) as out:
        n = 0
        while not stop.is_set():
            n += 1
            if n % 10 == 0:
                client.connection.close()
            started, trouble = time.monotonic(), ""
            try:
                if n % 4 == 0:
                    code, answer = client.call("PUT", f"{MAPS}/neighbour", config_map("neighbour", n=str(n)))
                else:
                    code, answer = client.call("GET", f"{MAPS}/neighbour")
                if code != 200:
                    trouble = f"{code} {answer}"
            except (http.client.HTTPException, OSError) as error:
                trouble = repr(error)
            print(f"{started} {time.monotonic() - started} {trouble}", file=out)
            time.sleep(0.05)


class Neighbour:
    """What the well-behaved client noticed."""

    def __init__(self, playground, lab):
        self.path, self.stopping = lab.path("neighbour.txt"), multiprocessing.Event()
        self.process = multiprocessing.Process(target=neighbour, args=(playground, self.path, self.stopping), daemon=True)
        self.process.start()
        self.worst = 0.0

    def noticed(self, since):
        with open(self.path, encoding="utf-8") as f:
            lines = [line.rstrip("\n").split(" ", 2) for line in f if line.endswith("\n")]
        lines = [(float(at), float(took), trouble) for at, took, trouble in lines if float(at) >= since]
        troubles = [trouble for _, _, trouble in lines if trouble]
        need(not troubles, f"its neighbour was disturbed: {troubles[:3]}")
        times = [took for _, took, _ in lines] or [0.0]
        slowest, median = max(times), statistics.median(times)
        self.worst = max(self.worst, slowest)
        need(slowest <= SLOWEST and median <= MEDIAN,
             f"its neighbour waited {slowest:.2f} s at most, {median:.2f} s in the middle; allowed are {SLOWEST} and {MEDIAN}")

    def stop(self):
        self.stopping.set()
        self.process.join(5)


# -- the attacks

class Hostile:
    """Each method is one attack on one playground."""

    def __init__(self, playground, seed):
        self.it, self.seed = playground, seed
        self.left = []  # connections that were opened and left, by what they are: they are looked at in the end

    # bodies

    def bodies_too_large(self):
        """100 MB, announced and in chunks, one and eight at a time: 413 in the words of a real server."""
        said = "Request entity too large: limit is 3145728"
        block = b" " * 65536
        blocks = lambda: (block for _ in range(1600))  # noqa: E731
        self.it.client().expect(413, said, "POST", MAPS, blocks(), headers={"Content-Length": str(65536 * 1600)})
        troubles = []

        def one():
            try:
                self.it.client(60).expect(413, said, "POST", MAPS, blocks(), headers={"Transfer-Encoding": "chunked"})
            except Exception as error:  # told by the thread that waits
                troubles.append(repr(error))
        together(one, 4)
        need(not troubles, troubles[:1])
        s = self.it.raw()
        s.sendall(self.it.head("POST", MAPS, "Content-Type: application/json", "Content-Length: 104857600", "Expect: 100-continue"))
        need(s.recv(65536).startswith(b"HTTP/1.1 413"), "who waits to be asked for a large body is asked for it")

    def bodies_malformed(self):
        client = self.it.client()
        for body, code, text in BODIES:
            client.expect(code, text, "POST", MAPS, body)

    def bodies_slow(self):
        """Bodies that never end and fill no quota: 408, and others are served meanwhile."""
        slow = []
        for n in range(60):
            s = self.it.raw()
            s.sendall(self.it.head("POST", MAPS, "Content-Type: application/json", "Content-Length: 3000000"))
            s.sendall(b"{" + b" " * (n * 40_000))
            slow.append(s)
        got = slow[0].recv(65536)
        need(got.startswith(b"HTTP/1.1 408") and b"took too long" in got, f"a body that does not end: {got[:300]}")
        for s in slow:
            s.close()

    def patches(self):
        client = self.it.client()
        for kind, body, code, text in PATCHES:
            client.expect((200, 201), "", "PUT", f"{MAPS}/target", config_map("target", a="b")) if client.call(
                "GET", f"{MAPS}/target")[0] == 200 else client.expect(201, "", "POST", MAPS, config_map("target", a="b"))
            client.expect(code, text, "PATCH", f"{MAPS}/target?fieldManager=x", body() if callable(body) else body, kind)

    def long_lists(self):
        """What takes a while only if every member of a list is held against every other one."""
        client = self.it.client()
        for method, path, kind, body, code, text in LONG:
            started = time.monotonic()
            client.expect(code, text, method, path, body, kind)
            took = time.monotonic() - started
            need(took <= SLOWEST, f"{method} {path} {kind} {str(body)[:100]}: {took:.1f} s; allowed are {SLOWEST}")
            time.sleep(0.5)  # a client that sends one after the other holds up others half of the time, by right

    # lines and headers

    def queries(self):
        client = self.it.client()
        for path, code, text in QUERIES:
            client.expect(code, text, "GET", path)

    def media_types(self):
        client = self.it.client()
        client.expect(415, "the body of the request was in an unknown format", "POST", MAPS, "x", "text/plain")
        client.expect(415, "application/json-patch+json", "PATCH", f"{MAPS}/neighbour", "{}", "application/x")
        client.expect(406, "only the following media types are accepted", "GET", MAPS, headers={"Accept": "image/png"})
        client.expect(400, "", "POST", MAPS, b"k8s\x00\xff\xff\xff\xff", "application/vnd.kubernetes.protobuf")
        client.expect(400, "", "POST", MAPS, b"k8s\x00" + b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f" * 99, "application/vnd.kubernetes.protobuf")
        client.expect(405, "the server does not allow this method", "POST", f"{MAPS}/neighbour", {})
        for method in ("OPTIONS", "TRACE", "BREW"):
            client.expect((405, 501), "", method, MAPS)
        for upgrade in ("websocket", "h2c", "SPDY/3.1"):
            more = {"Connection": "Upgrade", "Upgrade": upgrade, "Sec-WebSocket-Key": "eA==", "Sec-WebSocket-Version": "13"}
            client.expect(200, "ConfigMapList", "GET", MAPS, headers=more)

    def smuggling(self):
        """Requests of two lengths, or of none: an error, or one meaning; never an answer to what was hidden."""
        hidden = self.it.head("GET", "/api/v1/namespaces/hidden")
        for headers, body in (
            (("Content-Length: 5", "Content-Length: 6"), b"{}   "),
            (("Content-Length: -1",), b""),
            (("Content-Length: 99999999999999999999999",), b""),
            (("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), b"0\r\n\r\n"),
            (("Transfer-Encoding: xchunked",), b"0\r\n\r\n"),
            (("Transfer-Encoding: chunked",), b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
            (("Transfer-Encoding: chunked",), b"-2\r\n{}\r\n0\r\n\r\n"),
            (("Transfer-Encoding: chunked",), b"2;" + b"x" * 100_000 + b"\r\n{}\r\n0\r\n\r\n"),
            (("Content-Length : 2",), b"{}"),
            (("X: a\r\n b",), b""),
            (("X: \x00",), b""),
        ):
            s = self.it.raw(timeout=10)
            try:
                s.sendall(self.it.head("POST", MAPS, "Content-Type: application/json", "Connection: close", *headers) + body)
            except OSError:  # it was put out before it had said everything
                continue
            got = answers(s)
            codes = re.findall(rb"HTTP/1\.1 (\d+)", got)
            need(len(codes) == 1 and codes[0].startswith(b"4"), f"{headers}: {got[:300]}")
        # Of two lengths the chunks count (RFC 9112), and what they do not cover is no part of the request.
        s = self.it.raw(timeout=8)
        s.sendall(self.it.head("POST", MAPS, "Content-Type: application/json", f"Content-Length: {len(hidden) + 5}",
                               "Transfer-Encoding: chunked") + b"0\r\n\r\n" + hidden)
        codes = re.findall(rb"HTTP/1\.1 (\d+)", answers(s))
        need(codes and codes[0].startswith(b"4") and len(codes) <= 2, f"two lengths: {codes}")
        for line in (b"GET / HTTP/9.9\r\n\r\n", b"GET /\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET " + b"/x" * 50_000 + b" HTTP/1.1\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64, b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * 500_000 + b"\r\n\r\n"):
            s = self.it.raw(timeout=8)
            try:
                s.sendall(line)
            except OSError:  # it was put out before it had said everything
                continue
            got = answers(s)
            need(not got or re.match(rb"HTTP/1\.[01] 4\d\d", got), f"{line[:40]}: {got[:200]}")

    def two_protocols(self):
        """HTTP/2 that breaks its rules: closed. (Its flood of streams that are reset at once is of 2023.)"""
        self.it.tls.set_alpn_protocols(["h2"])
        try:
            for frames in (b"\x00\x00\x00\x00\x00\x00\x00\x00\x00" * 1000, b"\xff\xff\xff\x01\x05\x00\x00\x00\x01" + b"\xff" * 5000,
                           settings() + b"".join(headers_and_reset(2 * n + 1) for n in range(5000)),
                           settings() + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 20_000):
                s = self.it.raw(timeout=20)
                need(s.selected_alpn_protocol() == "h2", "no HTTP/2")
                s.settimeout(1)
                try:
                    s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frames)
                except OSError:
                    pass
                s.setblocking(False)
                self.left.append(s)
        finally:
            self.it.tls.set_alpn_protocols(["http/1.1"])

    # who asks

    def tokens(self):
        client = self.it.client()
        anonymous = 'forbidden: User \\"system:anonymous\\" cannot'
        part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()  # noqa: E731
        expired = f"{part({'alg': 'RS256'})}.{part({'exp': 1, 'sub': 'system:serviceaccount:default:default'})}.AAAA"
        for path in (MAPS, "/api", "/apis/apps/v1", "/nothing"):
            client.expect(401, "Unauthorized", "GET", path, token="x" * 64)
            client.expect(403, "", "GET", path, token=None)
        client.expect(403, 'configmaps is forbidden: User \\"system:anonymous\\" cannot list resource \\"configmaps\\" in API group \\"\\" in the namespace \\"default\\"', "GET", MAPS, token=None)
        client.expect(403, 'nodes \\"x\\" is forbidden', "DELETE", "/api/v1/nodes/x", token=None)
        client.expect(403, anonymous + ' get path \\"/api\\"', "GET", "/api", token=None)
        for token in (expired, self.it.token[:-1], self.it.token + "x", self.it.token.upper(), "x" * 30_000):
            client.expect(401, "Unauthorized", "GET", MAPS, token=token)
        for header in (f"Basic {self.it.token}", self.it.token, "Bearer", "Bearer "):
            client.expect(403, "system:anonymous", "GET", MAPS, headers={"Authorization": header})
        client.expect(403, "system:anonymous", "GET", f"{MAPS}?access_token={self.it.token}", token=None)
        client.expect(401, "Unauthorized", "POST", MAPS, b" " * 200_000, token="wrong")
        client.expect(200, "gitVersion", "GET", "/version", token=None)

    def foreign_certificate(self, lab):
        """A client certificate of another authority is none of ours."""
        key, certificate = lab.path("foreign.key"), lab.path("foreign.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/O=system:masters/CN=admin",
                        "-keyout", key, "-out", certificate], check=True, capture_output=True)
        self.it.tls.load_cert_chain(certificate, key)
        self.it.client().expect((401, 403), "", "GET", MAPS, token=None)

    def no_tls(self):
        s = self.it.socket(timeout=20)
        s.sendall(b"GET /api HTTP/1.1\r\nHost: x\r\n\r\n")
        got = answers(s)
        need(got.startswith(b"HTTP/1.0 400 Bad Request") and b"Client sent an HTTP request to an HTTPS server." in got, f"plain HTTP: {got}")
        dice = random.Random(self.seed)
        for garbage in (b"\x16\x03\x01\xff\xff" + b"\xff" * 70_000, b"\x80\x2e\x01\x00\x02", dice.randbytes(100_000), b"SSH-2.0-x\r\n", b"\n" * 1000):
            s = self.it.socket(timeout=12)
            try:
                s.sendall(garbage)
            except OSError:
                continue
            s.setblocking(False)
            self.left.append(s)

    # connections

    def half_open(self):
        """More connections than there are places: silent ones, half a handshake, a handshake and no more, half a head."""
        hello = handshake()
        opened = 0
        for n in range(4500):
            try:
                s = self.it.socket(timeout=5)
                if n % 3 == 0:
                    s.sendall(hello[: len(hello) // 2])
            except OSError:  # the backlog is full, or it was put out at once
                continue
            opened += 1
            s.setblocking(False)
            self.left.append(s)
        for n in range(150):
            s = self.it.raw(timeout=20)
            if n % 2:
                s.sendall(self.it.head("GET", MAPS)[:-4])
            s.setblocking(False)
            self.left.append(s)
        need(opened > 4000, f"only {opened} connections could be opened")
        self.it.client().expect(200, "neighbour", "GET", f"{MAPS}/neighbour")

    def slow_readers(self):
        """A hundred who ask for a long list and do not read; one who watches, stops, and falls behind what is remembered."""
        client = self.it.client()
        for n in range(60):
            client.expect(201, "", "POST", MAPS, config_map(f"long-{n}", x="y" * 100_000))
        for _ in range(100):
            s = self.it.raw(small=True)
            s.sendall(self.it.head("GET", MAPS))
            s.setblocking(False)
            self.left.append(s)
        version = client.expect(201, "", "POST", MAPS, config_map("fast"))["metadata"]["resourceVersion"]
        behind = self.it.raw(small=True)
        behind.sendall(self.it.head("GET", f"{MAPS}?watch=true&resourceVersion={version}"))
        for n in range(70):
            client.expect(200, "", "PUT", f"{MAPS}/fast", config_map("fast", n=str(n), x="y" * 900_000))
        tail = b""
        while not tail.endswith(b"0\r\n\r\n"):
            piece = behind.recv(1 << 20)
            need(piece, f"the watch of one who fell behind broke off: {tail[-300:]}")
            tail = (tail + piece)[-2000:]
        need(b'"type":"ERROR"' in tail and b"too old resource version" in tail and b'"code":410' in tail, f"who fell behind is told: {tail[-500:]}")
        for name in ("fast", *(f"long-{n}" for n in range(60))):
            client.expect(200, "", "DELETE", f"{MAPS}/{name}")
        client.expect(410, "too old resource version", "GET", f"{MAPS}?watch=true&resourceVersion=1")

    def watches(self):
        """A thousand watchers are told of every change, in time."""
        client = self.it.client()
        version = client.expect(201, "", "POST", MAPS, config_map("watched"))["metadata"]["resourceVersion"]
        half = WATCHES // 2
        queue = multiprocessing.Queue()
        readers = [multiprocessing.Process(target=watch_all, args=(self.it, version, half, queue), daemon=True) for _ in range(2)]
        for reader in readers:
            reader.start()
        for _ in readers:
            need(queue.get(timeout=60) == "watching", "the watches did not begin")
        started = time.monotonic()
        for n in range(CHANGES):
            client.expect(200, "", "PUT", f"{MAPS}/watched", config_map("watched", n=str(n), x="y" * CHANGE_BYTES))
        for _ in readers:
            said = queue.get(timeout=120)
            need(said == "all", said)
        took = time.monotonic() - started
        for reader in readers:
            reader.join(10)
        need(took <= TOLD_WITHIN, f"{CHANGES} changes reached {WATCHES} watchers after {took:.1f} s; allowed are {TOLD_WITHIN}")
        print(f"      {CHANGES} changes of {CHANGE_BYTES} bytes reached {WATCHES} watchers after {took:.1f} s", flush=True)

    # objects

    def fuzz(self, seconds):
        """Objects with wrong, huge and strange values anywhere; never a word too little, never a panic."""
        dice, client = random.Random(self.seed), self.it.client()
        end, sent, codes = time.monotonic() + seconds, 0, {}
        while time.monotonic() < end:
            path, manifest = dice.choice(MANIFESTS)
            body = json.loads(json.dumps(manifest))
            body["metadata"]["name"] = f"fuzz-{dice.randrange(12)}"
            for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
                mutate(dice, body)
            name = f"{path}/fuzz-{dice.randrange(12)}"
            kinds = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml")
            method, at, kind = dice.choice((("POST", path, "application/json"), ("POST", path, "application/json"), ("PUT", name, "application/json"),
                                            ("DELETE", name, "application/json"), *(("PATCH", f"{name}?fieldManager=f", kind) for kind in kinds)))
            if at.startswith(name) and isinstance(body.get("metadata"), dict) and dice.random() < 0.9:
                body["metadata"]["name"] = name.rsplit("/", 1)[1]
            text = json.dumps(body)
            if kind == kinds[0]:
                text = json.dumps([operation(dice, body) for _ in range(dice.randrange(1, 4))])
            elif method == "DELETE":
                text = json.dumps({"gracePeriodSeconds": dice.choice((0, None, *NASTY)), "propagationPolicy": dice.choice(("Orphan", "Foreground", None))})
            elif dice.random() < 0.05:
                raw = bytearray(text.encode())
                raw[dice.randrange(len(raw))] = dice.randrange(256)
                text = bytes(raw)
            code, answer = client.call(method, at, text, kind)
            sent += 1
            codes[code] = codes.get(code, 0) + 1
            # A real server has no better code either for patches that its libraries cannot merge; but it says why.
            need(code < 500 or code == 500 and method == "PATCH" and answer["message"], f"{method} {at} {kind} {text[:2000]}: {code} {answer}")
            need(not self.it.ended(), f"it ended: {self.it.said()}")
        need(codes.get(201, 0) and codes.get(422, 0), f"the fuzzing hits nothing: {codes}")
        print(f"      {sent} requests: {dict(sorted(codes.items()))}", flush=True)

    def clean(self):
        """What was fuzzed can be deleted."""
        client = self.it.client()
        # Workloads before their Pods, which they would make anew.
        for path in sorted({path for path, _ in MANIFESTS}, reverse=True):
            for item in client.expect(200, "List", "GET", path)["items"]:
                name = item["metadata"]["name"]
                if name.startswith("fuzz-"):
                    client.expect((200, 404), "", "DELETE", f"{path}/{name}", {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})

    # beside the API server

    def ingress(self):
        """The ingress and a program's port: garbage, half a head, a large body, many connections."""
        client = self.it.client()
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "victim"},
               "spec": {"containers": [{"name": "c", "image": "vfarcic/repeater:1", "ports": [{"containerPort": 8080}]}]}}
        client.expect(201, "", "POST", "/api/v1/namespaces/default/pods", pod)
        seen = lambda: client.call("GET", "/api/v1/namespaces/default/pods/victim")[1]["status"]  # noqa: E731
        until("the victim to run", 20, lambda: seen().get("phase") == "Running" and seen().get("podIP"))
        for at in (self.it.ingress, (seen()["podIP"], 8080)):
            until(f"{at} to listen", 10, lambda at=at: listens(at))
            for garbage in (b"\x16\x03\x01\x02\x00", b"\x00" * 100_000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n", b"GET " + b"x" * 200_000,
                            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 100_000,
                            b"GET /?addr=http://127.0.0.1:1/%ff%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x"):
                s = socket.create_connection(at, 20)
                s.settimeout(0.3)
                try:
                    s.sendall(garbage)
                    got = answers(s)
                except OSError:
                    got = b""
                need(not got or got.startswith(b"HTTP/1.1 "), f"{at} {garbage[:40]}: {got[:100]}")
                s.setblocking(False)
                self.left.append(s)
            for _ in range(100):
                s = socket.create_connection(at, 20)
                s.setblocking(False)
                self.left.append(s)
            need(listens(at), f"{at} does not answer any more")
        client.expect(200, "", "DELETE", "/api/v1/namespaces/default/pods/victim", {"gracePeriodSeconds": 0})

    # afterwards

    def put_out(self):
        """Whoever was left lying is put out by the server in the end; nobody here closes anything."""
        waiting = selectors.DefaultSelector()
        for s in self.left:
            waiting.register(s, selectors.EVENT_READ)
        left, end = len(self.left), time.monotonic() + 120
        while left and time.monotonic() < end:
            for key, _ in waiting.select(1):
                try:
                    # Slow readers do not read now either: that they are put out is seen by the files of the server.
                    closed = not key.fileobj.recv(65536) if isinstance(key.fileobj, ssl.SSLSocket) else not key.fileobj.recv(65536)
                except (ssl.SSLWantReadError, BlockingIOError):
                    continue
                except OSError:
                    closed = True
                if closed:
                    waiting.unregister(key.fileobj)
                    left -= 1
        need(left == 0, f"{left} of {len(self.left)} connections that say nothing are still open")


def listens(at):
    try:
        with socket.create_connection(at, 20) as s:
            s.settimeout(20)
            s.sendall(b"GET /?addr= HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return s.recv(100).startswith(b"HTTP/1.1 ")
    except OSError:
        return False


def together(run, count):
    threads = [threading.Thread(target=run, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def settings():
    return b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def headers_and_reset(stream):
    number = stream.to_bytes(4, "big")
    block = b"\x82\x87\x84"  # GET, https, /
    return len(block).to_bytes(3, "big") + b"\x01\x05" + number + block + b"\x00\x00\x04\x03\x00" + number + b"\x00\x00\x00\x08"


def handshake():
    """What a client says first under TLS."""
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def watch_all(playground, version, count, queue):
    """Opens watches, and says when they stand and when each of them has seen every change."""
    waiting, seen = selectors.DefaultSelector(), {}
    last = f'"n":"{CHANGES - 1}"'.encode()
    try:
        for _ in range(count):
            s = playground.raw(timeout=60)
            s.sendall(playground.head("GET", f"{MAPS}?watch=true&resourceVersion={version}&fieldSelector=metadata.name%3Dwatched"))
            need(s.recv(4096).startswith(b"HTTP/1.1 200"), "a watch was refused")
            s.setblocking(False)
            waiting.register(s, selectors.EVENT_READ)
            seen[s] = [0, b""]
        queue.put("watching")
        while seen:
            for key, _ in waiting.select(60):
                s, state = key.fileobj, seen[key.fileobj]
                try:
                    while piece := s.recv(1 << 18):
                        text = state[1] + piece
                        state[0] += text.count(b'{"type":"MODIFIED"') - state[1].count(b'{"type":"MODIFIED"')
                        state[1] = text[-60:]
                        if last in text:
                            need(state[0] == CHANGES, f"a watcher saw {state[0]} of {CHANGES} changes")
                            waiting.unregister(s)
                            del seen[s]
                            s.close()
                            break
                    else:
                        raise Wrong(f"a watch was ended after {state[0]} changes")
                except ssl.SSLWantReadError:
                    pass
        queue.put("all")
    except Exception as error:
        queue.put(repr(error))


# -- strange objects

def places(value, path=()):
    """Every place in an object."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def mutate(dice, body):
    """Puts something strange into one place of an object."""
    *to, last = dice.choice(list(places(body)))
    inner = body
    for key in to:
        inner = inner[key]
    was, choice = inner[last], dice.random()
    # What is of the right type comes further in.
    alike = [value for value in NASTY if type(value) is type(was)] if dice.random() < 0.6 else []
    strange = copy.deepcopy(dice.choice(alike or NASTY))
    if choice < 0.1:
        del inner[last]
    elif choice < 0.2 and isinstance(inner, list):
        inner.extend([was] * dice.choice((1, 50)))
    elif choice < 0.3 and isinstance(was, dict):
        was[dice.choice(("", "x", "$patch", "$retainKeys", "metadata", "status", "spec", "é", "a/b"))] = strange
    else:
        inner[last] = strange


def operation(dice, body):
    spots = ["/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in path) for path in places(body)]
    spot = lambda: dice.choice((*spots, "", "/", "/spec/-", "/metadata/labels/~", "/metadata/finalizers/-1"))  # noqa: E731
    return {"op": dice.choice(("add", "remove", "replace", "move", "copy", "test", "break")), "path": spot(), "from": spot(), "value": dice.choice(NASTY)}


def main():
    opts = options(seed=(7, "of what is drawn; 0 draws one"), fuzz=(12, "seconds of fuzzing"), rounds=(ROUNDS, "kills"))
    seed = opts.seed or random.SystemRandom().randrange(1, 1 << 32)
    print(f"seed {seed}", flush=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tally = Tally()
    with Lab(opts.chaos) as lab:
        playground = Playground(lab, "hostile")
        neighbour_ = Neighbour(playground, lab)
        time.sleep(0.5)
        files = playground.files()
        hostile = Hostile(playground, seed)

        def attack(name, run, *args):
            def guarded():
                started = time.monotonic()
                try:
                    run(*args)
                    time.sleep(0.2)
                finally:
                    need(not playground.ended(), f"the playground ended: {playground.said()}")
                    need("bug of ours" not in playground.said(), f"a panic: {playground.said()}")
                neighbour_.noticed(started)
            tally.check(name, guarded)

        attack("the ingress and a program's port", hostile.ingress)
        attack("half-open connections, more than there are places", hostile.half_open)
        attack("readers who stop, and one who falls behind", hostile.slow_readers)
        attack("plain HTTP and garbage where TLS is spoken", hostile.no_tls)
        attack("HTTP/2 against its rules", hostile.two_protocols)
        attack("wrong, absent and expired tokens", hostile.tokens)
        attack("a foreign client certificate", hostile.foreign_certificate, lab)
        attack("bodies of 100 MB", hostile.bodies_too_large)
        attack("bodies that are no objects", hostile.bodies_malformed)
        attack("bodies that never end", hostile.bodies_slow)
        attack("patches that explode", hostile.patches)
        attack("lists and maps with thousands of members", hostile.long_lists)
        attack("queries, revisions and continue tokens", hostile.queries)
        attack("media types, methods, upgrades", hostile.media_types)
        attack("requests of two lengths", hostile.smuggling)
        attack(f"{WATCHES} watches", hostile.watches)
        attack("objects with strange values", hostile.fuzz, opts.fuzz)
        attack("what was strange can be deleted", hostile.clean)
        attack("who says nothing is put out", hostile.put_out)

        def bounded():
            peak = playground.status("VmHWM") // 1024
            need(peak <= PEAK, f"at its worst it took {peak} MiB; allowed are {PEAK}")
            until(f"files to be closed ({files} before, {playground.files()} now)", 20, lambda: playground.files() <= files + FILES)
            print(f"      at its worst {peak} MiB; the neighbour waited {neighbour_.worst * 1000:.0f} ms at most; "
                  f"{files} files open before, {playground.files()} after", flush=True)
        tally.check("memory is bounded, and files are closed", bounded)
        neighbour_.stop()

        def orderly():
            playground.stop()
            need(playground.process.returncode == 0 and "panicked" not in playground.said(), f"{playground.process.returncode}: {playground.said()}")
        tally.check("after all that it ends in order", orderly)

        killed = Killed(lab, seed)
        tally.check(f"{opts.rounds} times kill -9: every acknowledged write is there", killed.rounds, opts.rounds)
        tally.check("a full disk", killed.full_disk)
        tally.check("two at once in one directory", killed.two_at_once)
        tally.check("damaged, newer and foreign files are refused by name", killed.damaged)
        tally.check("a directory that cannot be written", killed.not_writable)
    tally.end(f" (seed {seed})")


if __name__ == "__main__":
    main()
