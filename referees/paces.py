"""How fast things happen on a cluster, and what is said of them: the same Pods there and here, watched from outside.

`measure(server)` makes Pods of the demo's images in a namespace of its own and returns what it saw; `compare` prints
two of these beside each other and returns what nobody has explained. What is known to differ has its reason here.
Not here: bringing clusters and images (containers.py).
"""
import base64
import http.client
import json
import re
import ssl
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
from datetime import datetime

from lab import need, until

NS = "paces"
PODS = f"/api/v1/namespaces/{NS}/pods"
REPEATER, DEMO = "vfarcic/repeater:0.0.1", "vfarcic/go-demo-8:0.0.1"
ALIKE = [f"ready-{i}" for i in range(4)]

# What is measured, in seconds: how far apart the medians may be; further only for a reason, and then no more than `most` there.
PACES = {
    "created → scheduled": (0.5, None, ""),
    "created → running": (2.0, None, ""),
    "running → Ready: first probe, every 10 s": (
        1.0, 11.5, "kubelet 1.20 waits a random part of periodSeconds before the first probe; later ones only just after their own start"),
    "running → Ready: 5 s delay, every 1 s": (1.5, None, ""),
    "Ready → in the endpoints": (0.5, None, ""),
    "DELETE → out of the endpoints": (0.5, None, ""),
    "DELETE → program's end": (1.0, None, ""),
    "DELETE → Pod gone": (
        1.0, 20.0, "kubelet 1.20 removes an ended Pod on a tick of 10 s; later ones take 1 to 2 s, as the playground does"),
    "owner's Pod deleted → its replacement": (0.5, None, ""),
    "life of a program that dials in vain": (1.5, None, ""),
    "failing liveness probe, every 1 s → killed": (2.0, None, ""),
    "1st restart waits": (3.0, None, ""),
    "2nd restart waits": (
        2.0, 22.0, "a kubelet looks again at a Pod that backs off only every 10 to 15 s"),
    "3rd restart waits": (2.0, 42.0, "as the 2nd"),
}

# Texts that differ for a reason: a pattern of `Pod: type reason message` on either side, the reason.
TEXTS = [
    (r"Normal Created Created container:? main$", "today's kubelets write `container: NAME`, as the playground does"),
    (r"Warning BackOff Back-off restarting failed container( main in pod \w+_paces\(UID\))?$",
     "since 1.27 kubelets name the container and its Pod, as the playground does"),
    (r"Readiness probe failed: Get .*: context deadline exceeded", "a probe has 1 s, which a container on a busy machine may miss"),
    (r'unknown: Warning Failed Failed to pull image "nobody/unknown:1": ', "each says why: there is no registry, it pulls nothing"),
]

# What goes wrong with those that nothing shall go wrong with (a conflict of two controllers, a probe that came too early, a slow mount)
# is chance on a real and busy machine. The playground has no such chance, so its warnings about them are never explained by this.
CHANCE = re.compile(r"(ready|delayed|set): Warning ")

# Waits on a connection's end; the clock is the machine's, so that its answer can be held against ours.
LISTEN = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], 8080), 10)
print("connected", flush=True)
connection.settimeout(60)
try:
    connection.recv(1)
except ConnectionResetError:
    pass
print(time.monotonic(), flush=True)
"""


def pod(name, image=REPEATER, restart="Always", env=(), **container):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name.split("-")[0]}},
            "spec": {"restartPolicy": restart,
                     "containers": [{"name": "main", "image": image, "env": [{"name": k, "value": v} for k, v in env], **container}]}}


def get(path, **probe):
    return {"httpGet": {"path": path, "port": 8080}, **probe}


class Server:
    """An API server, by its address and its administrator's token."""

    def __init__(self, url, ca, token, near=()):
        """`near` is put before a command that is to reach the Pods' addresses."""
        self.near, self.url, self.token, self.context = list(near), urllib.parse.urlsplit(url), token, ssl.create_default_context(cadata=ca)

    @classmethod
    def of_kubeconfig(cls, path):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        field = lambda name: re.search(rf"{name}: (\S+)", text).group(1)
        return cls(field("server"), base64.b64decode(field("certificate-authority-data")).decode(), field("token"))

    def send(self, method, path, body=None):
        connection = http.client.HTTPSConnection(self.url.hostname, self.url.port, context=self.context, timeout=200)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        return connection.getresponse()

    def call(self, method, path, body=None, missing_ok=False):
        answer = self.send(method, path, body)
        text = answer.read().decode()
        need(answer.status < 400 or missing_ok and answer.status == 404, f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if answer.status < 400 and text.startswith("{") else None

    def text(self, path):
        answer = self.send("GET", path)
        text = answer.read().decode()
        need(answer.status == 200, f"GET {path}: {answer.status} {text[:300]}")
        return text


class Story:
    """What watchers saw of a namespace, with the moments at which they saw it."""

    def __init__(self, server):
        self.server, self.seen = server, []
        for plural in ("pods", "endpoints"):
            threading.Thread(target=self.watch, args=(f"/api/v1/namespaces/{NS}/{plural}",), daemon=True).start()

    def watch(self, path):
        answer = self.server.send("GET", path + "?watch=1&timeoutSeconds=280")
        try:
            for line in iter(answer.readline, b""):
                event = json.loads(line)
                self.seen.append((time.monotonic(), event["type"], event["object"]))
        except OSError:  # the cluster is gone, or had nothing more to tell
            pass

    def first(self, kind, name, condition, after=0.0):
        """The moment at which an object first looked so."""
        for at, change, thing in list(self.seen):
            if at >= after and thing["kind"] == kind and thing["metadata"]["name"] == name and condition(change, thing):
                return at
        return None

    def when(self, what, name, condition, seconds=60, kind="Pod", after=0.0):
        return until(f"{what} of {name}", seconds, lambda: self.first(kind, name, condition, after), 0.02)


def status(thing):
    return (thing["status"].get("containerStatuses") or [{}])[0]


def state(thing, name):
    return status(thing).get("state", {}).get(name)


def ready(change, thing):
    return status(thing).get("ready", False)


def running(change, thing):
    return state(thing, "running")


def gone(change, thing):
    return change == "DELETED"


def scheduled(change, thing):
    return thing["spec"].get("nodeName")


def addresses(thing):
    return {address["ip"] for subset in thing.get("subsets", []) for address in subset.get("addresses", [])}


def seconds_between(earlier, later):
    moment = lambda text: datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment(later) - moment(earlier)).total_seconds()


def measure(server):
    """Figures by their name, texts, and the last state of the Pods."""
    figures = {name: [] for name in PACES}
    server.call("DELETE", f"/api/v1/namespaces/{NS}", missing_ok=True)
    until(f"the end of namespace {NS}", 60, lambda: server.call("GET", f"/api/v1/namespaces/{NS}", missing_ok=True) is None)
    server.call("POST", "/api/v1/namespaces", {"metadata": {"name": NS}})
    until("its service account", 20, lambda: server.call("GET", f"/api/v1/namespaces/{NS}/serviceaccounts/default", missing_ok=True))
    story = Story(server)
    service = {"metadata": {"name": "ready"}, "spec": {"selector": {"app": "ready"}, "ports": [{"port": 80, "targetPort": 8080}]}}
    server.call("POST", f"/api/v1/namespaces/{NS}/services", service)
    made = {}

    def make(thing):
        made[thing["metadata"]["name"]] = time.monotonic()
        server.call("POST", PODS, thing)

    make(pod("crash", DEMO, env=[("DB", "nobody")]))
    make(pod("once", DEMO, "Never", env=[("DB", "nobody")]))
    make(pod("unknown", "nobody/unknown:1"))
    make(pod("sick", livenessProbe=get("/?addr=http://nobody", periodSeconds=1, failureThreshold=1)))
    make(pod("delayed", readinessProbe=get("/", initialDelaySeconds=5, periodSeconds=1)))
    template = pod("set")
    labels = {"app": "set"}
    server.call("POST", f"/apis/apps/v1/namespaces/{NS}/replicasets", {
        "metadata": {"name": "set"}, "spec": {"replicas": 1, "selector": {"matchLabels": labels},
                                              "template": {"metadata": {"labels": labels}, "spec": template["spec"]}}})
    for name in ALIKE:
        make(pod(name, readinessProbe=get("/")))
    for name in ALIKE + ["delayed"]:
        began = made[name]
        figures["created → scheduled"].append(story.when("scheduling", name, scheduled) - began)
        runs = story.when("start", name, running)
        figures["created → running"].append(runs - began)
        is_ready = story.when("readiness", name, ready)
        kind = "first probe, every 10 s" if name in ALIKE else "5 s delay, every 1 s"
        figures[f"running → Ready: {kind}"].append(is_ready - runs)
    ips = {name: server.call("GET", f"{PODS}/{name}")["status"]["podIP"] for name in ALIKE}
    for name, ip in ips.items():
        listed = story.when("endpoint", "ready", lambda _, thing, ip=ip: ip in addresses(thing), 20, "Endpoints")
        figures["Ready → in the endpoints"].append(listed - story.first("Pod", name, ready))
    until("a restart of sick", 60, lambda: status(server.call("GET", f"{PODS}/sick")).get("restartCount"))
    last = next(status(thing)["lastState"]["terminated"] for _, _, thing in story.seen
                if thing["kind"] == "Pod" and thing["metadata"]["name"] == "sick" and status(thing).get("lastState", {}).get("terminated"))
    figures["failing liveness probe, every 1 s → killed"].append(seconds_between(last["startedAt"], last["finishedAt"]))
    texts = {"sick": f"ended with {last['exitCode']} {last['reason']}"}
    for name, ip in ips.items():
        delete(server, story, figures, name, ip)
    replace(server, story, figures)
    restarts(server, story, figures, texts)
    return figures, texts, events(server)


def delete(server, story, figures, name, ip):
    """Deletes a Pod, and sees it go: its program's end by a connection's."""
    listener = subprocess.Popen([*server.near, sys.executable, "-c", LISTEN, ip], stdout=subprocess.PIPE, text=True)
    need(listener.stdout.readline() == "connected\n", f"{name} cannot be reached at {ip}")
    began = time.monotonic()
    server.call("DELETE", f"{PODS}/{name}")
    out = story.when("endpoint's end", "ready", lambda _, thing: ip not in addresses(thing), 30, "Endpoints", began)
    figures["DELETE → out of the endpoints"].append(out - began)
    figures["DELETE → program's end"].append(float(listener.communicate(timeout=60)[0]) - began)
    figures["DELETE → Pod gone"].append(story.when("end", name, gone) - began)


def replace(server, story, figures):
    """Deletes a ReplicaSet's Pod, and sees its owner make another."""
    query = "?labelSelector=app%3Dset"
    old = server.call("GET", PODS + query)["items"][0]["metadata"]["name"]
    began = time.monotonic()
    server.call("DELETE", f"{PODS}/{old}")
    new = until("a replacement", 20, lambda: [(at, thing["metadata"]["name"]) for at, change, thing in story.seen
                                               if at >= began and change == "ADDED" and thing["metadata"]["name"].startswith("set-")])
    figures["owner's Pod deleted → its replacement"].append(new[0][0] - began)


def restarts(server, story, figures, texts):
    """Sees a program crash three times, and what is told of it meanwhile."""
    until("three restarts", 120, lambda: status(server.call("GET", f"{PODS}/crash")).get("restartCount", 0) >= 3)
    starts, ends, waits = {}, {}, set()
    for _, _, thing in story.seen:
        if thing["kind"] != "Pod" or thing["metadata"]["name"] != "crash":
            continue
        life = status(thing).get("restartCount", 0)
        if state(thing, "running"):
            starts[life] = state(thing, "running")["startedAt"]
            if life:
                ends[life - 1] = status(thing)["lastState"]["terminated"]["finishedAt"]
        waiting = state(thing, "waiting") or {}
        if waiting.get("reason") == "CrashLoopBackOff":
            waits.add(masked(waiting["message"]))
    for life, nth in enumerate(("1st", "2nd", "3rd")):
        figures["life of a program that dials in vain"].append(seconds_between(starts[life], ends[life]))
        figures[f"{nth} restart waits"].append(seconds_between(ends[life], starts[life + 1]))
    texts["crash waits"] = " | ".join(sorted(waits))
    texts["crash logs"] = server.text(f"{PODS}/crash/log?previous=true")
    once = server.call("GET", f"{PODS}/once")
    ended = state(once, "terminated")
    texts["once"] = f"{once['status']['phase']} {ended['exitCode']} {ended['reason']}"
    texts["unknown"] = " | ".join(sorted({(state(thing, "waiting") or {}).get("reason", "") for _, _, thing in story.seen
                                          if thing["kind"] == "Pod" and thing["metadata"]["name"] == "unknown"} - {""}))


def masked(text):
    for pattern, mask in ((r"\d+\.\d+\.\d+\.\d+", "IP"), (r"IP:\d+", "IP:PORT"), (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
                          (r"set-[a-z0-9]{5}", "set-X"), (r"\b(real|playground)-\d+\b", "NODE")):
        text = re.sub(pattern, mask, text)
    return text


def events(server):
    """`Pod: type reason message` of each event, without what differs from Pod to Pod."""
    lines = set()
    for event in server.call("GET", f"/api/v1/namespaces/{NS}/events")["items"]:
        of = re.sub(r"-[a-z0-9]+$", "", event["involvedObject"]["name"])
        lines.add(masked(f"{of}: {event['type']} {event['reason']} {event['message']}"))
    return lines


def compare(here, there):
    """Prints the playground's and the real cluster's figures and texts; what nobody has explained."""
    unexplained = []
    print(f"      {'':44}{'playground':>17}  real 1.20 kubelet")
    for name, (tolerance, most, reason) in PACES.items():
        ours, theirs = here[0][name], there[0][name]
        shown = [f"{statistics.median(v):5.2f} ({min(v):.2f}-{max(v):.2f})" if len(v) > 1 else f"{v[0]:5.2f}" for v in (ours, theirs)]
        apart = abs(statistics.median(ours) - statistics.median(theirs))
        agrees, known = apart <= tolerance, bool(reason) and statistics.median(theirs) <= (most or 0)
        verdict = f"agrees within {tolerance} s" if agrees else reason if known else "NOT EXPLAINED"
        print(f"      {name:44}{shown[0]:>17}  {shown[1]:19} {verdict}")
        if not agrees and not known:
            unexplained.append(f"{name}: {shown[0]} here, {shown[1]} there, tolerance {tolerance} s")
    for name in sorted({**here[1], **there[1]}):
        ours, theirs = here[1].get(name), there[1].get(name)
        if ours != theirs and not (known := why(f"{name}: {ours} / {theirs}")):
            unexplained.append(f"{name}:\n  here  {ours}\n  there {theirs}")
        else:
            print(f"      {name:44}{'the same' if ours == theirs else known}")
    print(f"      {len(here[2] & there[2])} kinds of event have the same words on both")
    explained = {}
    for side, lines in (("here", here[2] - there[2]), ("there", there[2] - here[2])):
        for line in sorted(lines):
            if known := why(line) or side == "there" and CHANCE.match(line) and "by chance, on a machine that was busy: the Pods were well in the end":
                explained.setdefault(known, {}).setdefault(side, []).append(line)
            else:
                unexplained.append(f"event only {side}: {line}")
    for reason, sides in explained.items():
        print(f"      {max(map(len, sides.values()))} have others: {reason}")
        for side, lines in sides.items():
            print(f"        {side:6} {lines[0]:.160}")
    return unexplained


def why(text):
    return next((reason for pattern, reason in TEXTS if re.search(pattern, text)), None)
