#!/usr/bin/env python3
"""Plays the rows of the walkthrough that need no data plane, each typed as its table says.

Rows 1.1 to 1.4, 1.7, 1.8, 2.1 and 2.2, and of 1.5 the status and the red line: status from the journal, exit
code, the red line, and what the cluster looks like afterwards. The experiments and manifests are those of
SQUALL_REFEREES/book. They are played through links in a folder of our own, because a run writes its journal
and its log into the current directory.
"""
import os
import shutil
import subprocess

from lab import Api, Lab, Tally, is_ready, need, options, setting, until

NS = "go-demo-8"
APP = f"app={NS}"
POD = f"/api/v1/namespaces/{NS}/pods/{NS}"
DB_CLAIM = f"/api/v1/namespaces/{NS}/persistentvolumeclaims/go-demo-8-db"
NOT_HELD = "Steady state probe '{}' is not in the given tolerance so failing this experiment"
UNREADY = "pod go-demo-8 does not match the following given condition: {'type': 'Ready', 'status': 'True'}"


class Walk:
    """The cluster as the walkthrough's person sees it, and the rows."""

    def __init__(self, lab, api, referees, kubeconfig=None):
        self.lab, self.api, self.referees, self.last = lab, api, referees, None
        for name in ("chaos", "k8s"):
            os.symlink(os.path.join(referees, "book", name), lab.path(name))
        config = os.path.join(lab.dir, "kubeconfig")
        shutil.copy(kubeconfig or setting("KUBECONFIG"), config)
        lab.env["KUBECONFIG"] = config

    def type(self, line):
        """Types a line in the walkthrough's folder; it must succeed."""
        p = subprocess.run(line, shell=True, cwd=self.lab.work, env=self.lab.env, stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, timeout=120, check=False)
        need(p.returncode == 0, f"`{line}` ended with {p.returncode}: {p.stdout}{p.stderr}")
        return p.stdout

    def chapter(self):
        """An empty namespace as default, and a volume that nobody has bound yet."""
        self.api.no_namespace(NS)
        self.type(f"kubectl create namespace {NS} && kubectl config set-context --current --namespace {NS}")
        self.type(f"kubectl replace --force -f {self.referees}/kubernetes/pv.yaml")

    def pods(self):
        return self.api.pods(NS, APP)

    def ready_pod(self):
        return until("a Ready Pod go-demo-8", 30, lambda: (pod := self.api.get(POD)) and is_ready(pod) and pod)

    def no_pods(self):
        until("the end of the Pods", 20, lambda: not self.pods())

    def apply_pod(self):
        """`pod.yaml applied`: Ready, once a terminating namesake is gone. Returns its uid."""
        self.no_pods()
        self.type("kubectl apply -f k8s/terminate-pods/pod.yaml")
        return self.ready_pod()["metadata"]["uid"]

    def delete_pod(self):
        self.type(f"kubectl delete --ignore-not-found pod {NS}")
        self.no_pods()

    def rolled_out(self, *names):
        """Deployments rolled out, every Pod of theirs Ready and none terminating."""
        for name in names:
            self.type(f"kubectl rollout status deployment/{name} --timeout 60s")
        until("no terminating Pod", 20, lambda: all(is_ready(pod) for pod in self.api.pods(NS)))

    def run(self, file, status, code, *red, silent=()):
        """`chaos run FILE`: its journal's status, its exit code, its red lines; `silent` must not be on stderr."""
        for name in ("journal.json", "chaostoolkit.log"):
            if os.path.exists(self.lab.path(name)):
                os.remove(self.lab.path(name))
        # A state of its own for each row: what an earlier row left behind is not this one's business.
        shutil.rmtree(self.lab.state, ignore_errors=True)
        run = self.last = self.lab.chaos("run", file, timeout=90)
        journal = self.lab.journal()
        # The journal keeps a deviation apart: its status is that of the last activity, "failed" or "completed".
        seen = "deviated" if journal["deviated"] else journal["status"]
        need((seen, run.code) == (status, code), f"status {seen}, exit {run.code}; must be {status}, {code}: {run}")
        lines = run.err.splitlines()
        need(any(line.endswith(f" INFO] Experiment ended with status: {status}") for line in lines), f"does not say {status}: {run}")
        for text in red:
            hits = [line for line in lines if text in line]
            need(hits, f"no line with {text!r} on stderr: {run}")
            need(any(level in line for line in hits for level in (" ERROR]", " CRITICAL]")), f"not red: {hits}")
        for text in silent:
            need(text not in run.err, f"{text!r} on stderr: {run}")
        return run, journal

    # Chapter 1: terminating instances

    def row_1_1(self):
        self.apply_pod()
        self.run("chaos/terminate-pod.yaml", "completed", 0)
        self.no_pods()
        need("go-demo-8" not in self.type("kubectl get pods"), "kubectl get pods still finds it")

    def back_from_1_1(self):
        """What 1.1 left behind is said, listed and put back; twice is harmless."""
        left = [line for line in self.last.err.splitlines() if " WARNING]" in line]
        need(len(left) == 1 and NS in left[0] and "chaos recover" in left[0], f"no one WARNING about what is left: {self.last}")
        listed = self.lab.chaos("recover")
        need(NS in listed.out + listed.err, f"the Pod is not listed: {listed}")
        done = self.lab.chaos("recover", "--all")
        need(done.code == 0, f"{done}")
        uid = self.ready_pod()["metadata"]["uid"]
        again = self.lab.chaos("recover", "--all")
        need(again.code == 0 and self.ready_pod()["metadata"]["uid"] == uid, f"twice is not harmless: {again}")
        self.delete_pod()

    def row_1_2(self):
        self.no_pods()
        _, journal = self.run("chaos/terminate-pod-ssh.yaml", "failed", 1, NOT_HELD.format("pod-exists"),
                              silent=["Action: terminate-pod"])
        need(journal["run"] == [], f"the method was played: {journal['run']}")

    def row_1_3(self):
        self.apply_pod()
        self.run("chaos/terminate-pod-ssh.yaml", "completed", 0)
        pods = self.pods()
        need(all("deletionTimestamp" in pod["metadata"] for pod in pods), "the Pod was not deleted")

    def row_1_4(self):
        self.apply_pod()
        run, _ = self.run("chaos/terminate-pod-pause.yaml", "deviated", 1, NOT_HELD.format("pod-exists"))
        need("Pausing after activity for 10s..." in run.err and run.seconds >= 10, f"no pause of 10 s: {run}")
        need(not self.pods(), "the Pod is still there")

    def row_1_5(self):
        self.apply_pod()
        self.type(f"kubectl annotate pod {NS} fake-kubelet/ready=false")
        until("the Pod to be unready", 10, lambda: not is_ready(self.api.get(POD)))
        _, journal = self.run("chaos/terminate-pod-phase.yaml", "failed", 1, UNREADY)
        need(journal["run"] == [], f"the method was played: {journal['run']}")
        self.delete_pod()

    def row_1_7(self):
        self.type("kubectl apply -f k8s/terminate-pods/deployment.yaml")
        self.rolled_out(NS)
        before = {pod["metadata"]["uid"] for pod in self.pods()}
        self.run("chaos/terminate-pod-phase.yaml", "completed", 0)
        after = self.pods()
        need(len(before) == len(after) == 1 and is_ready(after[0]), f"{len(before)} Pods before, {len(after)} after, or not Ready")
        need(after[0]["metadata"]["uid"] not in before, "the Pod was never terminated")
        self.type("kubectl delete -f k8s/terminate-pods/deployment.yaml")

    def row_1_8(self):
        self.type("kubectl apply -f k8s/db")
        before = self.apply_pod()
        until("the claim to be bound", 30, lambda: self.api.get(DB_CLAIM)["status"].get("phase") == "Bound")
        _, journal = self.run("chaos/terminate-pod-start.yaml", "completed", 0)
        need([step["status"] for step in journal["rollbacks"]] == ["succeeded"], f"rollbacks: {journal['rollbacks']}")
        pod = self.ready_pod()
        need(pod["metadata"]["uid"] != before, "the old Pod is still there")

    # Chapter 2: availability

    def row_2_1(self):
        self.type("kubectl apply -f k8s/terminate-pods/app")
        self.rolled_out(NS, "go-demo-8-db")
        self.run("chaos/health.yaml", "deviated", 1, "the system is unhealthy")

    def row_2_2(self):
        self.rolled_out(NS, "go-demo-8-db")
        before = {pod["metadata"]["uid"] for pod in self.api.pods(NS)}
        self.run("chaos/health-pause.yaml", "completed", 0)
        after = self.api.pods(NS)
        gone = before - {pod["metadata"]["uid"] for pod in after}
        need(len(gone) == 1 and len(after) == len(before), f"{len(gone)} of {len(before)} Pods were replaced")


def main():
    opts, tally = options(), Tally()
    with Lab(opts.chaos) as lab:
        walk = Walk(lab, Api(), setting("SQUALL_REFEREES"))
        tally.check("chapter 1: an empty namespace", walk.chapter)
        tally.check("row 1.1", walk.row_1_1)
        tally.check("row 1.1, and back with `chaos recover`", walk.back_from_1_1)
        for row in ("1.2", "1.3", "1.4", "1.5", "1.7", "1.8"):
            tally.check(f"row {row}", getattr(walk, "row_" + row.replace(".", "_")))
        tally.check("chapter 2: an empty namespace", walk.chapter)
        for row in ("2.1", "2.2"):
            tally.check(f"row {row}", getattr(walk, "row_" + row.replace(".", "_")))
        walk.api.no_namespace(NS)
    tally.end()


if __name__ == "__main__":
    main()
