#!/usr/bin/env python3
"""What the playground costs: start, an empty cluster, `chaos run` beside it, `chaos demo`, 1,000 Pods.

Everything plays on `chaos playground up` with the manifest beside this file. Each line is a figure; those with a
bound fail when it is broken. CPU is that of a process (user and system), memory its resident set; of a playground
both are read from /proc while it lives. MB are 10^6 bytes.
"""
import base64
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "referees"))
from lab import Api, Lab, Wrong, is_ready, need, options, until, weigh  # noqa: E402

NS, PODS, NODES = "shop", 1000, 10
# How soon the Pods must be Ready, and how often that is tried: whoever else is at work only adds to it, so the least counts.
READY_S, TRIES = 30, 3
HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")

# The same shape as the walkthrough's 1.7: three probes, one Pod terminated, a pause.
CONDITIONS = [{"type": "Ready", "status": "True"}]


def probe(name, func, tolerance, **more):
    provider = {"type": "python", "module": "chaosk8s.pod.probes", "func": func,
                "arguments": {"label_selector": "app=web", "ns": NS, **more}}
    return {"name": name, "type": "probe", "tolerance": tolerance, "provider": provider}


EXPERIMENT = {
    "version": "1.0.0", "title": "What happens if we terminate a Pod?", "description": "It should be replaced.",
    "steady-state-hypothesis": {"title": "Pod exists", "probes": [
        probe("pod-exists", "count_pods", 1),
        probe("pod-in-phase", "pods_in_phase", True, phase="Running"),
        probe("pod-in-conditions", "pods_in_conditions", True, conditions=CONDITIONS),
    ]},
    "method": [{"type": "action", "name": "terminate-pod", "pauses": {"after": 10}, "provider": {
        "type": "python", "module": "chaosk8s.pod.actions", "func": "terminate_pods",
        "arguments": {"label_selector": "app=web", "rand": True, "ns": NS}}}],
}


class Figures:
    """Prints every figure, and remembers which bounds were broken."""

    def __init__(self):
        self.broken, self.said = [], []

    def tell(self, name, value, unit, bound=None):
        limit = "" if bound is None else f" (bound {bound:g})"
        text = f"{name}: {value:.{0 if value >= 100 else 1}f} {unit}{limit}"
        fine = bound is None or value < bound
        print(("      " if bound is None else "ok    " if fine else "FAIL  ") + text, flush=True)
        if bound is not None:
            self.said.append(text)
        if not fine:
            self.broken.append(text)


def proc(pid, name):
    with open(f"/proc/{pid}/{name}", encoding="utf-8") as f:
        return f.read()


def memory(pid, field):
    """`VmRSS` or `VmHWM` in MB."""
    return int(re.search(rf"^{field}:\s+(\d+) kB", proc(pid, "status"), re.M).group(1)) * 1024 / 1e6


def cpu(pid):
    """Seconds of CPU so far."""
    fields = proc(pid, "stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Playground:
    """One that runs in a process of its own, and its API."""

    def __init__(self, lab, name, nodes):
        started = time.monotonic()
        self.process = lab.start("--no-log-file", "playground", "up", "--name", name, "--nodes", str(nodes), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid, self.place = self.process.pid, os.path.join(lab.state, "playgrounds", name)
        until("the playground", 10, lambda: os.path.exists(os.path.join(self.place, "ingress")), every=0.002)
        self.kubeconfig = os.path.join(self.place, "kubeconfig")
        with open(self.kubeconfig, encoding="utf-8") as f:
            told = dict(re.findall(r"^ +(server|token|certificate-authority-data): (\S+)$", f.read(), re.M))
        ca, token = lab.write(f"{name}.ca", base64.b64decode(told["certificate-authority-data"]).decode()), lab.write(f"{name}.token", told["token"])
        os.environ.update(K8S_URL=told["server"], K8S_CA=ca, K8S_ADMIN_TOKEN_FILE=token)
        self.api = Api()
        ready = lambda: len([node for node in self.api.get("/api/v1/nodes")["items"] if is_ready(node)]) == nodes  # noqa: E731
        until("its nodes", 10, ready, every=0.002)
        self.seconds = time.monotonic() - started

    def spend(self, seconds):
        """The share of a core that it takes, in percent, over some seconds."""
        before, started = cpu(self.pid), time.monotonic()
        time.sleep(seconds)
        return 100 * (cpu(self.pid) - before) / (time.monotonic() - started)

    def create(self, objects):
        for thing in objects:
            group = "/apis/" + thing["apiVersion"] if "/" in thing["apiVersion"] else "/api/v1"
            self.api.call("POST", f"{group}/namespaces/{NS}/{thing['kind'].lower()}s", thing)

    def calm(self):
        pods = self.api.pods(NS, "app=web")
        return len(pods) == 1 and is_ready(pods[0])

    def available(self):
        return self.api.get(f"/apis/apps/v1/namespaces/{NS}/deployments/web")["status"].get("readyReplicas", 0)

    def end(self):
        self.process.terminate()
        need(self.process.wait(30) == 0, "a playground did not end well")


def manifest():
    with open(os.path.join(HERE, "playground.json"), encoding="utf-8") as f:
        return json.load(f)


def open_shop(playground):
    """The database and one Pod of the application, Ready."""
    playground.api.fresh_namespace(NS)
    shop = manifest()
    playground.create(shop[:3])
    until("the database", 30, lambda: (pods := playground.api.pods(NS, "app=store")) and is_ready(pods[0]))
    playground.create(shop[3:])
    until("the application", 30, playground.calm)


class Demo:
    """`chaos demo` in the background; its own peak and its largest child's."""

    def __init__(self, lab):
        self.started, self.peak, self.children = time.monotonic(), 0.0, {}
        self.process = lab.start("demo", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sample(self):
        try:
            self.peak = max(self.peak, memory(self.process.pid, "VmHWM"))
            for child in proc(self.process.pid, f"task/{self.process.pid}/children").split():
                self.children[child] = max(self.children.get(child, 0.0), memory(child, "VmHWM"))
        except (OSError, AttributeError):  # it has just ended
            pass

    def wait(self, seconds):
        """Goes on looking for some seconds; whether it has ended."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.sample()
            time.sleep(0.02)
        return self.process.returncode is not None


def small(lab, figures):
    """One node: its start, its idle hours, an experiment; and the demo beside it."""
    playground, demo = Playground(lab, "small", 1), None
    figures.tell("ready after", playground.seconds * 1000, "ms", 500)
    idle, started, before = 20, time.monotonic(), None
    time.sleep(1)
    before, started = cpu(playground.pid), time.monotonic()
    demo = Demo(lab)
    demo.wait(idle)
    time.sleep(max(0.0, started + idle - time.monotonic()))
    share = 100 * (cpu(playground.pid) - before) / (time.monotonic() - started)
    figures.tell("empty, over 20 s", share, "% of a core", 1)
    figures.tell("empty", memory(playground.pid, "VmHWM"), "MB", 60)
    open_shop(playground)
    lab.write("experiment.json", EXPERIMENT)
    runs = []
    for _ in range(2):
        until("one Ready Pod", 30, playground.calm)
        code, used, size, said = weigh([lab.chaos_path, "run", "experiment.json"], lab.work, {**lab.env, "KUBECONFIG": playground.kubeconfig})
        need(code == 0 and lab.journal()["status"] == "completed", f"the experiment ended with {code}: {said}")
        runs.append((used, size))
    figures.tell("chaos run against it", max(used for used, _ in runs), "ms CPU", 40)
    figures.tell("chaos run against it", max(size for _, size in runs), "MB at its peak", 20)
    figures.tell("with the shop", memory(playground.pid, "VmHWM"), "MB at its peak")
    playground.end()
    need(demo.wait(60) and demo.process.returncode == 0, f"chaos demo ended with {demo.process.returncode}")
    figures.tell("chaos demo with its largest run", demo.peak + max(demo.children.values(), default=0.0), "MB at their peaks", 150)


def fill(playground, shop):
    """All Pods made: seconds until they are Ready, and of CPU meanwhile."""
    before, started = cpu(playground.pid), time.monotonic()
    playground.create(shop[4:])
    until(f"{PODS} Ready Pods", 120, lambda: playground.available() == PODS, every=0.1)
    seconds, used = time.monotonic() - started, cpu(playground.pid) - before
    # A probe has a second, which somebody may miss on a busy machine, and be Ready again at the next.
    ready = lambda: len([pod for pod in playground.api.pods(NS, "app=web") if is_ready(pod)]) == PODS  # noqa: E731
    until(f"{PODS} Ready Pods in a list", 10, ready, every=0.5)
    restarts = sum(status["restartCount"] for pod in playground.api.pods(NS, "app=web") for status in pod["status"]["containerStatuses"])
    need(restarts == 0, f"{restarts} containers were restarted meanwhile")
    return seconds, used


def empty(playground):
    """All Pods deleted, and gone."""
    playground.api.call("DELETE", f"/apis/apps/v1/namespaces/{NS}/deployments/web", {"propagationPolicy": "Background"})
    one = f"/api/v1/namespaces/{NS}/pods?labelSelector=app%3Dweb&limit=1"  # a list of all would be most of the CPU
    until("the last Pod's end", 120, lambda: not playground.api.get(one)["items"], every=0.1)


def large(lab, figures):
    """1,000 Pods on ten nodes: until they are Ready, while they are, until they are gone."""
    playground = Playground(lab, "large", NODES)
    playground.api.fresh_namespace(NS)
    shop = manifest()
    playground.create(shop[:4])
    until("the database", 30, lambda: (pods := playground.api.pods(NS, "app=store")) and is_ready(pods[0]))
    shop[4]["spec"]["replicas"] = PODS
    taken = [fill(playground, shop)]
    while min(taken)[0] >= READY_S and len(taken) < TRIES:
        print(f"      again: they were Ready after {taken[-1][0]:.1f} s", flush=True)
        empty(playground)
        taken.append(fill(playground, shop))
    seconds, used = min(taken)
    figures.tell(f"{PODS} Pods Ready after", seconds, "s", READY_S)
    figures.tell("in which it took", used, "s CPU")
    time.sleep(3)
    figures.tell(f"with {PODS} Pods Ready", playground.spend(10), "% of a core")
    figures.tell(f"with {PODS} Pods Ready", memory(playground.pid, "VmRSS"), "MB")
    figures.tell("open files", len(os.listdir(f"/proc/{playground.pid}/fd")), "")
    before, started = cpu(playground.pid), time.monotonic()
    empty(playground)
    figures.tell(f"{PODS} Pods gone after", time.monotonic() - started, "s")
    figures.tell("in which it took", cpu(playground.pid) - before, "s CPU")
    figures.tell("at its peak", memory(playground.pid, "VmHWM"), "MB")
    playground.end()


def main():
    figures = Figures()
    with Lab(options().chaos) as lab:
        for part in (small, large):
            try:
                part(lab, figures)
            except Wrong as wrong:
                print(f"FAIL  {wrong}", flush=True)
                figures.broken.append(str(wrong))
    print("playground-size: " + ("; ".join(figures.said) if not figures.broken else "broken: " + "; ".join(figures.broken)))
    return 1 if figures.broken else 0


if __name__ == "__main__":
    sys.exit(main())
