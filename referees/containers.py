#!/usr/bin/env python3
"""Plays rows of the walkthrough on a real cluster whose nodes run the demo system's images as containers.

`chaos playground image` writes the images, three real nodes take them, and rows 1.1 to 1.8, 2.1 and 2.2 are typed there with
kubectl. Meanwhile the same Pods are made on that cluster and on a playground, and what their kubelets do is measured on both
(paces.py). The cluster is this referee's own, under target/referees/containers, and ended whatever happens; it needs root.
Two things of what others wrote are changed in a copy: no registry is there, so images are not pulled; and kubelet 1.20 leaves a
deleted Pod's object for 12 s, longer when it is busy, so a pause of 10 s after a deletion is one of 40 s where a bare Pod is looked for.
How fast real kubelets are is chance on a busy machine: a chapter that fails is played again from an empty namespace, and the
paces are measured again, up to TRIES times in all and told each time. What is ours fails each time.
"""
import os
import re
import shutil
import signal
import subprocess
import threading

import paces
from lab import ROOT, Api, Lab, Tally, is_ready, need, options, setting, until
from playground import OnPlayground
from walkthrough import NOT_HELD, NS, Walk

NODES = 3
POD = f"/api/v1/namespaces/{NS}/pods/{NS}"
# Where pv.yaml's volume is; what runs as another user than root must be able to write there.
DATA = "/tmp/go-demo-8-db"
TRIES = 3
CHAPTERS = (("1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8"), ("2.1", "2.2", "of_the_database"))
PAUSE = 40  # seconds
PAUSES = ("terminate-pod-pause.yaml", "terminate-pod-phase.yaml")
DEMO_IMAGES = {"vfarcic/go-demo-8:0.0.1", "bitnami/mongodb:4.0.3", "vfarcic/repeater:0.0.1"}


class Nodes:
    """A control plane with real nodes."""

    def __init__(self, scripts):
        self.scripts = scripts
        target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
        self.run = os.path.join(target, "referees", "containers")

    def up(self, image):
        self.down()  # a run that was killed may have left some
        done = subprocess.run([f"{self.scripts}/node-up.sh", "--run", self.run, "--nodes", str(NODES), "--image", image],
                              capture_output=True, text=True, timeout=300, check=False)
        need(done.returncode == 0, f"node-up.sh ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        exports = subprocess.run(["sh", "-c", f". '{self.run}/env'; env -0"], capture_output=True, text=True, check=True).stdout
        os.environ.update(line.split("=", 1) for line in exports.split("\0") if line.startswith(("K8S_", "KUBECONFIG=")))

    def server(self):
        read = lambda path: open(path, encoding="utf-8").read().strip()
        lan = os.path.basename(read(f"{self.run}/egress.netns"))
        return paces.Server(setting("K8S_URL"), read(setting("K8S_CA")), read(setting("K8S_ADMIN_TOKEN_FILE")), ["ip", "netns", "exec", lan])

    def down(self):
        done = subprocess.run([f"{self.scripts}/down.sh", self.run], env={**os.environ, "PURGE": "1"}, capture_output=True, text=True,
                              timeout=120, check=False, start_new_session=True)
        need(done.returncode == 0, f"down.sh ended with {done.returncode}: {done.stdout}{done.stderr}")
        need(not os.path.exists(f"{self.run}/nodes"), f"{self.run}/nodes is left")


class OnNodes(OnPlayground):
    """The walkthrough's person at real nodes."""

    def __init__(self, lab, referees):
        Walk.__init__(self, lab, Api(), referees)
        for name in ("chaos", "k8s"):
            os.remove(lab.path(name))
            shutil.copytree(os.path.join(referees, "book", name), lab.path(name))
            for folder, _, files in os.walk(lab.path(name)):
                os.chmod(folder, 0o755)
                for file in files:
                    change(os.path.join(folder, file))

    def chapter(self):
        Walk.chapter(self)

    def no_pods(self):
        """On a busy machine a kubelet needs several of its ticks until a Pod is cleaned up."""
        until("the end of the Pods", 60, lambda: not self.pods())

    def rolled_out(self, *names):
        """As Walk has it; with time for Pods that are cleaned up slowly."""
        until("no terminating Pod", 60, lambda: all("deletionTimestamp" not in pod["metadata"] for pod in self.api.pods(NS)))
        Walk.rolled_out(self, *names)

    def restarts(self):
        """Those by the program's own crash: a busy node may have lost a container in another way before."""
        statuses = self.api.get(POD)["status"].get("containerStatuses") or [{}]
        ended = statuses[0].get("lastState", {}).get("terminated", {})
        return statuses[0].get("restartCount", 0) if ended.get("exitCode") == 2 else 0

    def row_1_4(self):
        self.apply_pod()
        run, _ = self.run("chaos/terminate-pod-pause.yaml", "deviated", 1, NOT_HELD.format("pod-exists"))
        need(f"Pausing after activity for {PAUSE}s..." in run.err and run.seconds >= PAUSE, f"no pause of {PAUSE} s: {run}")
        need(not self.pods(), "the Pod is still there")

    def row_1_6(self):
        """As on the playground; back-offs and first probes take longer."""
        self.type("kubectl apply -f k8s/db")
        until("the Pod to be Ready", 150, lambda: is_ready(self.api.get(POD)))
        self.run("chaos/terminate-pod-phase.yaml", "deviated", 1, NOT_HELD.format("pod-exists"))
        self.no_pods()

    def row_2_2(self):
        """As Walk has it, but the old Pod goes in its own time."""
        self.rolled_out(NS, "go-demo-8-db")
        before = {pod["metadata"]["uid"] for pod in self.api.pods(NS)}
        self.run("chaos/health-pause.yaml", "completed", 0)
        until("the end of the old Pod", 60, lambda: all("deletionTimestamp" not in pod["metadata"] for pod in self.api.pods(NS)))
        after = {pod["metadata"]["uid"] for pod in self.api.pods(NS)}
        need(len(before - after) == 1 and len(after) == len(before), f"{len(before - after)} of {len(before)} Pods were replaced")

    def row_of_the_database(self):
        """One that is not in the table: the database loses nothing on restart, and who lost it is mended by a restart."""
        pod = self.pods()[0]["metadata"]["name"]
        self.type(f"echo | kubectl replace --raw '/api/v1/namespaces/{NS}/pods/{pod}:8080/proxy/demo/person?name=Jane' -f -")
        self.type("kubectl scale deployment/go-demo-8-db --replicas 0")
        until("the end of the database", 60, lambda: not self.api.pods(NS, "app=go-demo-8-db"))
        self.type("kubectl scale deployment/go-demo-8-db --replicas 1")
        self.rolled_out("go-demo-8-db")
        self.type(f"kubectl rollout restart deployment/{NS}")
        self.rolled_out(NS)
        pod = self.pods()[0]["metadata"]["name"]
        people = self.type(f"kubectl get --raw /api/v1/namespaces/{NS}/pods/{pod}:8080/proxy/demo/person")
        need(people.strip() == "Jane", f"the people are {people!r}")


def change(path):
    """What must differ here from what others wrote."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r'imagePullPolicy: "?Always"?', "imagePullPolicy: IfNotPresent", text)
    if os.path.basename(path) in PAUSES:
        text, changed = re.subn(r"after: 10\b", f"after: {PAUSE}", text)
        need(changed == 1, f"{path} has {changed} pauses of 10 s")
    os.chmod(path, 0o644)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def write_image(lab):
    """Three images, the same bytes twice."""
    for name in ("demo.tar", "again.tar"):
        done = lab.chaos("playground", "image", lab.path(name))
        need(done.code == 0 and all(image in done.err for image in DEMO_IMAGES), f"{done}")
    with open(lab.path("demo.tar"), "rb") as one, open(lab.path("again.tar"), "rb") as other:
        need(one.read() == other.read(), "the same program gives other bytes")
    os.remove(lab.path("again.tar"))
    return lab.path("demo.tar")


def play(tally, walk, rows):
    """A chapter, from an empty namespace."""
    steps = [(f"chapter {rows[0][0]}: an empty namespace", walk.chapter)]
    steps += [(f"row {row.replace('_', ' ')}", getattr(walk, "row_" + row.replace(".", "_"))) for row in rows]
    for _ in range(TRIES - 1):
        if all(tally.attempt(*step) for step in steps):
            return
    for step in steps:
        tally.check(*step)


class Paces:
    """The nodes and a playground, measured at the same time."""

    def __init__(self, lab, nodes):
        self.lab, self.nodes, self.home = lab, nodes, {"CHAOS_STATE_DIR": os.path.join(lab.dir, "playground")}
        self.seen, self.both = {}, []

    def up(self):
        up = self.lab.chaos("playground", "up", "--detach", env=self.home)
        need(up.code == 0, str(up))
        kubeconfig = re.search(r"KUBECONFIG='?([^'\n]+)", up.out).group(1)
        self.servers = {"here": paces.Server.of_kubeconfig(kubeconfig), "there": self.nodes.server()}
        self.measure()

    def measure(self):
        """Begins; what each gives, or why it does not, is in `seen`."""
        seen = self.seen = {}

        def one(name, server):
            try:
                seen[name] = paces.measure(server)
            except Exception as error:  # told by the verdict
                seen[name] = error

        self.both = [threading.Thread(target=one, args=pair, daemon=True) for pair in self.servers.items()]
        for thread in self.both:
            thread.start()

    def verdict(self):
        for thread in self.both:
            thread.join(240)
        for name in self.servers:
            seen = self.seen.get(name, "no answer within 240 s")
            need(isinstance(seen, tuple), f"nothing was measured {name}: {seen!r}")
        unexplained = paces.compare(self.seen["here"], self.seen["there"])
        need(not unexplained, "\n".join(unexplained))

    def judge(self, tally):
        name = "what kubelets do is what the playground does"
        for _ in range(TRIES - 1):
            if tally.attempt(name, self.verdict):
                return
            self.measure()
        tally.check(name, self.verdict)

    def down(self):
        self.lab.chaos("playground", "down", env=self.home)


def main():
    opts, tally = options(), Tally()
    referees = setting("SQUALL_REFEREES")
    nodes, side = Nodes(os.path.join(referees, "kubernetes")), None
    made = not os.path.exists(DATA)
    if made:
        os.mkdir(DATA)
        os.chmod(DATA, 0o777)
    with Lab(opts.chaos) as lab:
        try:
            image = tally.check("the images are written, the same bytes each time", write_image, lab)
            up = (f"{NODES} real nodes that have them", nodes.up, image)
            if not tally.attempt(*up):
                tally.check(*up)
            if tally.failed == 0:
                side = Paces(lab, nodes)
                tally.check("a playground beside them", side.up)
            if tally.failed == 0:
                walk = OnNodes(lab, referees)
                for rows in CHAPTERS:
                    play(tally, walk, rows)
                side.judge(tally)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            if side:
                side.down()
            tally.check("the nodes end", nodes.down)
            if made:
                shutil.rmtree(DATA, ignore_errors=True)
    tally.end()


if __name__ == "__main__":
    main()
