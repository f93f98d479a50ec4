#!/usr/bin/env python3
"""Plays chapters 1 and 2 of the walkthrough on the playground, each row typed as its table says, with the real kubectl.

The rows that the control plane can play too are those of walkthrough.py; here they meet `chaos playground up` instead, and
the rows that need running programs, an ingress and an autoscaler come on top. The clients are the oldest and the newest
of KUBECTLS (default: every `kubectl.1.*` beside the file that `kubectl` leads to, or else that one), at the same time,
each on a playground of its own; one that is older than 1.27 is an error.
"""
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.request

from lab import Lab, Tally, is_ready, need, options, setting, until
from walkthrough import NOT_HELD, NS, UNREADY, Walk

OLDEST = (1, 27)
CHAPTERS = (("1.1", "1.1 back", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8"), ("2.1", "2.2", "2.3", "2.4", "2.5"))


class Typed:
    """The cluster as kubectl shows it."""

    def __init__(self, lab):
        self.lab = lab

    def raw(self, path):
        p = subprocess.run(["kubectl", "get", "--raw", path], env=self.lab.env, capture_output=True, text=True, timeout=60, check=False)
        if p.returncode != 0 and "NotFound" in p.stderr or "not found" in p.stderr:
            return None
        need(p.returncode == 0, f"kubectl get --raw {path}: {p.stderr}")
        return json.loads(p.stdout)

    get = raw

    def pods(self, namespace, selector=""):
        query = f"?labelSelector={selector}" if selector else ""
        return self.raw(f"/api/v1/namespaces/{namespace}/pods{query}")["items"]

    def no_namespace(self, name):
        subprocess.run(["kubectl", "delete", "namespace", name, "--ignore-not-found", "--timeout=60s"], env=self.lab.env,
                       capture_output=True, text=True, timeout=90, check=True)


class OnPlayground(Walk):
    """The walkthrough's person at a playground."""

    def __init__(self, lab, referees):
        # Not the runs' own state folder, which each row empties.
        exports = lab.chaos("playground", "env", "--name", lab.name, env=lab.beside).out
        for name, value in re.findall(r"^export (\w+)='?([^'\n]*)'?$", exports, re.M):
            lab.env[name] = value
        super().__init__(lab, Typed(lab), referees, lab.env["KUBECONFIG"])

    def chapter(self):
        self.api.no_namespace(NS)
        self.type(f"kubectl create namespace {NS} && kubectl config set-context --current --namespace {NS}")

    def asked(self, path):
        """What the ingress answers: status and text; 0 if nobody does."""
        request = urllib.request.Request(f"http://{self.lab.env['INGRESS_HOST']}{path}", headers={"Host": "go-demo-8.acme.com"})
        try:
            with urllib.request.urlopen(request, timeout=3) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    def restarts(self):
        statuses = self.api.get(f"/api/v1/namespaces/{NS}/pods/{NS}")["status"].get("containerStatuses") or [{}]
        return statuses[0].get("restartCount", 0)

    def apply_pod(self):
        """Created; without a database it never becomes Ready, so Ready is not waited for here."""
        self.no_pods()
        self.type("kubectl apply -f k8s/terminate-pods/pod.yaml")
        running = lambda: (pod := self.api.get(f"/api/v1/namespaces/{NS}/pods/{NS}")) and pod["status"].get("phase") == "Running" and pod
        return until("a running Pod", 20, running)["metadata"]["uid"]

    def back_from_1_1(self):
        done = self.lab.chaos("recover", "--all")
        need(done.code == 0, f"{done}")
        need(self.type("kubectl get pods --no-headers").startswith(NS), "the Pod is not back")
        again = self.lab.chaos("recover", "--all")
        need(again.code == 0, f"twice is not harmless: {again}")
        self.delete_pod()

    def row_1_5(self):
        self.apply_pod()
        until("two crashes", 60, lambda: self.restarts() >= 2)
        self.run("chaos/terminate-pod-phase.yaml", "failed", 1, UNREADY)
        logs = self.type(f"kubectl logs {NS}") + self.type(f"kubectl logs {NS} --previous")
        need("panic: no reachable servers" in logs, f"no panic in the log: {logs}")
        shown = self.type("kubectl get pods")
        need(re.search(rf"^{NS}\s+\S+\s+\S+\s+[2-9]", shown, re.M), f"no restarts in {shown}")

    def row_1_6(self):
        self.type("kubectl apply -f k8s/db")
        until("the Pod to be Ready", 90, lambda: is_ready(self.api.get(f"/api/v1/namespaces/{NS}/pods/{NS}")))
        self.run("chaos/terminate-pod-phase.yaml", "deviated", 1, NOT_HELD.format("pod-exists"))
        self.no_pods()

    def row_1_8(self):
        self.apply_pod()
        until("the Pod to be Ready", 60, lambda: is_ready(self.api.get(f"/api/v1/namespaces/{NS}/pods/{NS}")))
        before = self.api.get(f"/api/v1/namespaces/{NS}/pods/{NS}")["metadata"]["uid"]
        _, journal = self.run("chaos/terminate-pod-start.yaml", "completed", 0)
        need([step["status"] for step in journal["rollbacks"]] == ["succeeded"], f"rollbacks: {journal['rollbacks']}")
        after = self.api.get(f"/api/v1/namespaces/{NS}/pods/{NS}")
        need(after and after["metadata"]["uid"] != before, "the old Pod is still there")

    def row_2_3(self):
        self.type("kubectl apply -f k8s/health/ingress.yaml")
        until("an answer", 20, lambda: self.asked("/")[0] == 200)
        self.run("chaos/health-http.yaml", "deviated", 1)

    def row_2_4(self):
        self.type("kubectl apply -f k8s/health/hpa.yaml")
        until("two Ready replicas", 60, lambda: len([pod for pod in self.pods() if is_ready(pod)]) >= 2)
        until("an answer", 20, lambda: self.asked("/demo/person")[0] == 200)
        self.run("chaos/health-http.yaml", "completed", 0)

    def row_2_5(self):
        until("two Ready replicas", 60, lambda: len([pod for pod in self.pods() if is_ready(pod)]) >= 2)
        self.run("chaos/health-db.yaml", "deviated", 1, "activity took too long to complete")


def clients():
    """The oldest and the newest kubectl to type with, by version; an old one is an error by name."""
    found = [path for path in os.environ.get("KUBECTLS", "").split(os.pathsep) if path]
    if not found:
        kubectl = shutil.which("kubectl")
        need(kubectl, "no kubectl in the PATH, and KUBECTLS names none")
        found = glob.glob(os.path.join(os.path.dirname(os.path.realpath(kubectl)), "kubectl.1.*")) or [kubectl]
    versions = {}
    for path in found:
        told = subprocess.run([path, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True).stdout
        version = json.loads(told)["clientVersion"]
        number = (int(version["major"]), int(re.match(r"\d+", version["minor"]).group()))
        need(number >= OLDEST, f"{path} is {version['gitVersion']}; the playground speaks with 1.27 and later")
        versions[number] = path
    return {f"{major}.{minor}": versions[major, minor] for major, minor in (min(versions), max(versions))}


def up(lab, stack, tally, version, kubectl):
    """A playground that is called as the client's version is, and ends with the stack; whether it is there."""
    folder = os.path.join(lab.dir, "client")
    os.mkdir(folder)
    os.symlink(os.path.realpath(kubectl), os.path.join(folder, "kubectl"))
    lab.env["PATH"] = folder + os.pathsep + lab.env["PATH"]
    lab.name, lab.beside = version, {"CHAOS_STATE_DIR": os.path.join(lab.dir, "playground")}
    started = lab.chaos("playground", "up", "--detach", "--name", version, env=lab.beside)
    tally.check(f"{version}: a playground for {kubectl}", lambda: need(started.code == 0, str(started)))
    if started.code == 0:
        end = lambda: need((down := lab.chaos("playground", "down", "--name", version, env=lab.beside)).code == 0, str(down))
        stack.callback(tally.check, f"{version}: it ends", end)
    return started.code == 0


def play(lab, tally):
    """All rows with one client."""
    walk = OnPlayground(lab, setting("SQUALL_REFEREES"))
    for chapter in CHAPTERS:
        tally.check(f"{lab.name}: chapter {chapter[0][0]}: an empty namespace", walk.chapter)
        for row in chapter:
            name = "back_from_1_1" if row == "1.1 back" else "row_" + row.replace(".", "_")
            tally.check(f"{lab.name}: row {row}", getattr(walk, name))


def main():
    opts, tally = options(), Tally()
    # Whatever ends this program, the playgrounds end with it: that is the main thread's business, the rows are others'.
    with contextlib.ExitStack() as stack:
        threads = []
        for version, kubectl in (tally.check("the clients are new enough", clients) or {}).items():
            lab = stack.enter_context(Lab(opts.chaos))
            if up(lab, stack, tally, version, kubectl):
                threads.append(threading.Thread(target=tally.check, args=("it was played to its end", play, lab, tally), daemon=True))
                threads[-1].start()
        for thread in threads:
            thread.join()
    tally.end()


if __name__ == "__main__":
    main()
