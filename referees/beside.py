#!/usr/bin/env python3
"""What kubectl shows of the playground, beside what it shows of a real control plane.

The same commands are typed at both; ages, addresses, UIDs, hashes and the like are taken out of what they print, and the
rest is compared line by line. Every difference that remains is listed in DIFFERENCES (beside_known.py) with its reason: one
that is not listed fails, and so does a listed one that is gone. The real nodes here run no containers, so logs and what
else only a kubelet tells is not compared.

What the playground printed stands. The control plane's controllers may be late: when something differs that is not listed,
everything is typed there again, up to TRIES times in all, and each command must have printed the same there one time. It is told.
"""
import difflib
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import traceback

from beside_known import DIFFERENCES
from beside_objects import OBJECTS
from lab import Lab, Tally, Wrong, need, options, setting, until

NS = "beside"
# How often all is typed at the control plane.
TRIES = 3
# For this long nothing more is printed by a command that watches and has told all.
QUIET = 1.5
#: What differs between any two clusters, and what stands for it. In this order.
MASKS = [
    # Go's differences are written with the one or the other blank, by chance.
    (r"\u00a0", " "),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"https://127\.0\.0\.1:\d+", "<server>"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
    (r"\b(\d{1,3})(\.\d{1,3}){3}\b", "<ip>"),
    (r"\b(playground|node)-\d\b", "<node>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC", "<time>"),
    (r"([Rr]esource ?[vV]ersion:?\s*\"?)\d+", r"\1<revision>"),
    (r"\b((?:web|slow)-)[0-9a-z]{5,10}-[0-9a-z]{5}\b", r"\1<hash>-<pod>"),
    (r"\b((?:web|slow)-)(?=[0-9a-z]*\d)[0-9a-z]{8,10}\b", r"\1<hash>"),
    (r"(pod-template-hash(=|: ))[0-9a-z]+", r"\1<hash>"),
    (r"\b(worker|limited|web|door|headless|token)-[0-9a-z]{5}\b", r"\1-<pod>"),
    (r"(?<![\w.:-])(\d+[smhd]){1,2}(?![\w.-])", "<age>"),
    (r"<invalid>", "<age>"),
    (r"\bx\d+ over\b", "x<n> over"),
    (r"[ \t]{2,}", "  "),
    # How often the same was told by now is chance.
    (r"(?<=ProvisioningFailed  <age>) \(x<n> over <age>\)", ""),
    (r"^<age> \(x<n> over <age>\)(?=  Warning  ProvisioningFailed)", "<age>"),
]


class Side:
    """One of the two clusters: types commands and keeps what they printed, by name."""

    def __init__(self, name, lab, kubeconfig):
        self.name, self.lab, self.seen, self.order, self.trouble = name, lab, {}, [], None
        self.dir = os.path.join(lab.work, name)
        os.mkdir(self.dir)
        config = os.path.join(self.dir, "kubeconfig")
        shutil.copy(kubeconfig, config)
        self.env = {**lab.env, "KUBECONFIG": config}
        for file, text in OBJECTS.items():
            with open(os.path.join(self.dir, file), "w", encoding="utf-8") as f:
                f.write(text)

    def type(self, line, timeout=180):
        p = subprocess.run(line, shell=True, cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False)
        return p.returncode, p.stdout

    def do(self, line):
        """What must succeed, and is not compared."""
        code, text = self.type(line)
        need(code == 0, f"`{line}` ended with {code} at the {self.name}: {text}")
        return text

    def see(self, line, sort=False, keep=None, drop=None, name=None):
        """Types a command whose output and exit code are compared; with `sort` its order is not, with `keep` and `drop` only
        the lines are that (do not) match."""
        code, text = self.type(line)
        self.note(name or line, text + (f"exit code {code}\n" if code else ""), sort, keep, drop)

    def note(self, name, text, sort=False, keep=None, drop=None):
        lines = [masked(each) for each in text.splitlines()]
        lines = [each for each in lines if (not keep or re.search(keep, each)) and not (drop and re.search(drop, each))]
        need(name not in self.seen, f"`{name}` is typed twice")
        self.seen[name] = sorted(lines) if sort else lines
        self.order.append(name)

    def until(self, line, wanted, seconds=120):
        """Waits until a command prints what matches."""
        end, text = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            text = self.type(line)[1]
            if re.search(wanted, text):
                return
            time.sleep(0.2)
        raise Wrong(f"waited {seconds} s in vain for {wanted} in `{line}` at the {self.name}; it says: {text}")

    def watching(self, line):
        """Starts a command that goes on until `watched` ends it, and waits until it watches: kubectl's log says so."""
        out, log = (tempfile.NamedTemporaryFile(dir=self.dir) for _ in range(2))
        process = subprocess.Popen(f"exec {line} -v=6", shell=True, cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        until(f"`{line}` to watch at the {self.name}", 20, lambda: re.search(r"[?&]watch=true.* 200 OK|[?&]watch=true.*\"200 OK\"", content(log)))
        return process, out, log

    def watched(self, watching, name, **how):
        """Ends it when it has told all; what it printed."""
        process, out, log = watching
        told, since = None, time.monotonic()
        while time.monotonic() - since < QUIET:
            time.sleep(0.1)
            if content(out) != told:
                told, since = content(out), time.monotonic()
        process.terminate()
        process.wait(20)
        words = [line for line in content(log).splitlines(True) if not re.match(r"[IWE]\d{4} ", line)]
        text = "".join(words) + content(out)
        # How often a status is written, and which Pod of several is first, is chance.
        self.note(name, "".join(f"{line}\n" for line in dict.fromkeys(map(masked, text.splitlines()))), **how)


def content(file):
    with open(file.name, encoding="utf-8") as f:
        return f.read()


def masked(line):
    for pattern, by in MASKS:
        line = re.sub(pattern, by, line)
    return line.rstrip()


def scenario(it):
    """Everything that is typed."""
    it.do(f"kubectl delete namespace {NS} --ignore-not-found --timeout=80s")
    it.do("kubectl delete pv beside --ignore-not-found")
    it.see(f"kubectl create namespace {NS}")
    it.do(f"kubectl config set-context --current --namespace {NS}")
    it.until("kubectl get serviceaccount default", "default")
    for part in (no_cluster_state, workloads, looks, descriptions, server_side, rollouts, waits, edits, jobs, endings):
        part(it)


def no_cluster_state(it):
    it.see("kubectl get pods")
    it.see("kubectl get all")
    it.see("kubectl version")
    it.see("kubectl cluster-info", keep="control plane")
    it.see("kubectl api-resources --no-headers", sort=True)
    it.see("kubectl api-resources --api-group=apps -o wide")
    it.see("kubectl api-versions", sort=True)
    it.see("kubectl auth can-i create deployments")
    it.see("kubectl auth can-i '*' '*' --all-namespaces")
    it.see("kubectl top nodes")
    it.see("kubectl top pods")
    for what in ("deployment.spec", "pod.spec.containers.livenessProbe", "deployment.spec.strategy --recursive", "service.spec.ports",
                 "hpa.spec --api-version=autoscaling/v1", "job.spec.backoffLimit", "nothing", "pod.spec.nothing"):
        it.see(f"kubectl explain {what}", drop=r"^    \s*\S.*[a-z.,)]$|^$")


def workloads(it):
    watch = it.watching("kubectl get pods --watch")
    named = it.watching("kubectl get configmaps --watch --output-watch-events --field-selector metadata.name=settings")
    it.see("kubectl apply -f settings.yaml")
    it.see("kubectl apply -f settings.yaml", name="apply again")
    it.see("kubectl create -f settings.yaml")
    it.see("kubectl label configmap settings tier=back")
    it.see("kubectl label configmap settings tier=front")
    it.see("kubectl label configmap settings tier=front --overwrite")
    it.see("kubectl label configmap settings tier-")
    it.see("kubectl annotate configmap settings note=hello")
    it.see("kubectl annotate configmap settings note-")
    it.see("kubectl apply -f web.yaml")
    # Which of the steps are still to come when kubectl looks is chance.
    it.see("kubectl rollout status deployment/web --timeout=60s", drop="^Waiting")
    it.watched(watch, "get pods -w, a rollout", sort=True)
    it.see("kubectl apply -f volume.yaml")
    it.until("kubectl get pv beside", "Available")
    it.see("kubectl apply -f rest.yaml")
    it.see("kubectl delete configmap extra")
    it.watched(named, "get configmaps -w, by name")
    it.until("kubectl get deployment slow -o jsonpath='{.status.replicas}'", "1")
    it.until("kubectl get pvc bound", "Bound")
    it.until("kubectl get pod single", "Running")
    it.until("kubectl get pdb web -o jsonpath='{.status.currentHealthy}'", "2")
    it.until("kubectl get events", "FailedScheduling")


def looks(it):
    for kind in ("pods -l app=web", "pod single", "pods -l app=slow", "deployments", "replicasets", "services", "endpoints", "pvc", "jobs", "configmaps",
                 "pdb", "ingress", "secrets", "serviceaccounts", "roles", "rolebindings", "networkpolicies"):
        it.see(f"kubectl get {kind}", sort=True)
        it.see(f"kubectl get {kind} -o wide", sort=True)
    for line in ("nodes", "nodes -o wide", f"namespace {NS}", "pv beside", "pv beside -o wide", "storageclass", "pods -l app=web --show-labels",
                 "deployments --show-labels", "nodes --show-labels", "configmaps --show-labels", "pods -A -l app=web", "deployments -A -l side=beside",
                 "pods -l app=web -o name", "deploy,svc -l side=beside", "deployments -L side,app", "deployments --no-headers", "pods nobody", "nothing",
                 "deployments web nobody", "pods -l app=nobody", "pods -l 'app in (web'", "pods --field-selector spec.nothing=x", "endpointslices", "leases", "limitranges",
                 "deployments -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image",
                 "pods -l app=web -o jsonpath='{.items[*].status.phase}'", "deployment web -o yaml", "service web -o yaml", "pod single -o yaml",
                 "pvc bound -o yaml", "ingress web -o yaml", "pdb web -o yaml", "pods --sort-by=.metadata.name -l app=web", "rs -l app=web -o yaml"):
        it.see(f"kubectl get {line}", sort="-o yaml" not in line)


def descriptions(it):
    for line in ("pod single", "pods -l app=slow", "deployment web", "replicaset -l app=web", "service web", "service headless", "configmap settings", "secret keys",
                 "pvc bound", "pvc pending", "pv beside", "ingress web", "pdb web", f"namespace {NS}", "networkpolicy web", "serviceaccount default",
                 "endpoints web", "role reader", "rolebinding reader", "pod nobody"):
        it.see(f"kubectl describe {line}", sort=line.startswith(("configmap", "secret")))
    node = "$(kubectl get nodes -o name | head -n 1)"
    it.see(f"kubectl describe {node}", name="kubectl describe node", drop=r"^  beside |^Non-terminated|^Events:|^  (Type  Reason|----  ------|Normal)  ")
    it.see("kubectl events --types=Warning", sort=True, name="kubectl events, warnings")
    it.see("kubectl get events --field-selector involvedObject.name=web", sort=True)
    it.see("kubectl events --for deployment/web")


def server_side(it):
    it.see("kubectl apply --server-side -f shared.yaml")
    it.see("kubectl apply --server-side --field-manager=other -f shared-2.yaml")
    it.see("kubectl apply --server-side --field-manager=other --force-conflicts -f shared-2.yaml")
    it.see("kubectl apply --server-side -f shared.yaml", name="apply --server-side, afterwards in conflict")
    it.see("kubectl apply --server-side -f web-3.yaml", name="apply --server-side over a client-side apply")
    it.see("kubectl get configmap shared -o yaml --show-managed-fields")
    it.see("kubectl diff -f shared.yaml", drop=r"^(diff|---|\+\+\+) ")
    it.see("kubectl diff -f settings.yaml", drop=r"^(diff|---|\+\+\+) ")
    it.see("kubectl apply --dry-run=server -f shared-2.yaml")
    it.see("kubectl replace -f shared-2.yaml")
    it.see("kubectl patch configmap shared -p '{\"data\":{\"a\":\"9\"}}'")
    it.see("kubectl patch configmap shared -p '{\"data\":{\"a\":\"9\"}}'", name="patch, no change")
    it.see("kubectl patch configmap shared --type=json -p '[{\"op\":\"test\",\"path\":\"/data/a\",\"value\":\"1\"}]'")
    it.see("kubectl patch deployment web -p '{\"spec\":{\"replicas\":\"many\"}}'")
    for file in ("invalid-pod.yaml", "invalid-deployment.yaml", "invalid-service.yaml", "unknown-field.yaml", "unknown-kind.yaml", "wrong-namespace.yaml",
                 "selector-changed.yaml"):
        it.see(f"kubectl apply -f {file}")
    it.see("kubectl create deployment Bad_Name --image=pause")
    it.see("kubectl create configmap settings")
    it.see("kubectl patch pod single -p '{\"spec\":{\"containers\":[{\"name\":\"main\",\"ports\":[{\"containerPort\":1}]}]}}'")


def rollouts(it):
    it.see("kubectl rollout history deployment/web")
    it.see("kubectl annotate deployment web kubernetes.io/change-cause=second")
    watch = it.watching("kubectl get deployment web --watch")
    it.see("kubectl set image deployment/web main=pause:3.2")
    it.see("kubectl rollout status deployment/web", name="rollout status, an update", drop="^Waiting")
    it.watched(watch, "get deployment -w, an update", keep="NAME")
    it.see("kubectl rollout history deployment/web", name="rollout history, two revisions")
    it.see("kubectl rollout history deployment/web --revision=2")
    it.see("kubectl rollout history deployment/web --revision=7")
    it.see("kubectl rollout undo deployment/web")
    it.see("kubectl rollout status deployment/web", name="rollout status, an undo", drop="^Waiting")
    it.see("kubectl rollout undo deployment/web --to-revision=9")
    it.see("kubectl rollout pause deployment/web")
    it.see("kubectl rollout pause deployment/web", name="pause, twice")
    it.see("kubectl rollout restart deployment/web", name="restart, paused")
    it.see("kubectl rollout undo deployment/web", name="undo, paused")
    it.see("kubectl rollout resume deployment/web")
    it.see("kubectl rollout resume deployment/web", name="resume, twice")
    it.see("kubectl rollout restart deployment/web")
    it.see("kubectl rollout status deployment/web", name="rollout status, a restart", drop="^Waiting")
    it.see("kubectl rollout history deployment/web", name="rollout history, at last")
    it.see("kubectl rollout status deployment/slow --timeout=4s")
    it.see("kubectl rollout status deployment/nobody")
    it.see("kubectl scale deployment web --replicas=3")
    it.see("kubectl scale deployment web --current-replicas=7 --replicas=1")
    it.see("kubectl scale deployment nobody --replicas=1")
    it.see("kubectl scale pod single --replicas=1")
    it.see("kubectl rollout status deployment/web", name="rollout status, scaled", drop="^Waiting")
    it.until("kubectl get pods -l app=web --no-headers | wc -l", "^3$")
    it.see("kubectl get replicasets -l app=web", sort=True, name="replicasets after rollouts")
    it.see("kubectl describe deployment web", name="describe deployment, after rollouts", drop=r"x<n> over|Scaled (up|down) replica set", sort=True)
    it.see("kubectl apply -f hpa.yaml")
    it.see("kubectl get hpa", name="get hpa, just created")


def waits(it):
    it.see("kubectl wait --for=condition=Available deployment/web --timeout=20s")
    it.see("kubectl wait --for=condition=Ready pod -l app=slow --timeout=4s", name="wait in vain")
    it.see("kubectl wait --for=jsonpath='{.status.phase}'=Running pod/single --timeout=20s")
    it.see("kubectl wait --for=condition=Ready pod/nobody --timeout=1s")
    it.see("kubectl wait --for=delete pod/nobody --timeout=1s")
    it.see("kubectl delete pod single --wait=false --grace-period=5")
    # Whether it is gone before kubectl looks is chance, and then nothing is said.
    it.see("kubectl wait --for=delete pod/single --timeout=30s", drop="condition met")
    it.see("kubectl apply -f single.yaml")
    it.see("kubectl wait --for=condition=Ready pod/single --timeout=30s")
    it.see("kubectl get pod single", name="get pod, Ready")
    it.see("kubectl delete pod single --now", name="delete --now")
    it.see("kubectl delete pod single", name="delete what is gone")
    it.see("kubectl run quick --image=pause:3.2 --restart=Never --labels=app=quick")
    it.see("kubectl wait --for=condition=Ready pod/quick --timeout=30s")
    it.see("kubectl delete pod quick --force --grace-period=0")
    it.see("kubectl logs nobody")
    it.see("kubectl logs -l app=slow")
    it.see("kubectl logs deployment/slow")


def edits(it):
    it.see("KUBE_EDITOR=\"sed -i s/one/two/\" kubectl edit configmap settings")
    it.see("KUBE_EDITOR=true kubectl edit configmap settings")
    it.see("kubectl get configmap settings -o jsonpath={.data}")
    it.see("KUBE_EDITOR=\"sed -i s/replicas:.3/replicas:\\ -3/\" kubectl edit deployment web", drop="^error: Edit cancelled|/kubectl-edit|preserved")
    it.see("kubectl set env deployment/slow A=b")
    it.see("kubectl set resources deployment/slow --limits=cpu=100m,memory=64Mi")
    it.see("kubectl expose deployment slow --port=80 --target-port=8080")
    it.see("kubectl cordon $(kubectl get nodes -o name | tail -n 1)")
    it.see("kubectl get nodes", name="get nodes, one cordoned", sort=True)
    it.see("kubectl uncordon $(kubectl get nodes -o name | tail -n 1)")
    it.see("kubectl uncordon $(kubectl get nodes -o name | tail -n 1)", name="uncordon, twice")
    it.see("kubectl cordon nobody")
    it.see("kubectl taint node $(kubectl get nodes -o name | tail -n 1 | cut -d/ -f2) side=beside:PreferNoSchedule")
    it.see("kubectl taint node $(kubectl get nodes -o name | tail -n 1 | cut -d/ -f2) side-")


def jobs(it):
    it.see("kubectl apply -f jobs.yaml")
    it.until("kubectl get job limited -o jsonpath='{.status.conditions[*].reason}'", "DeadlineExceeded")
    it.until("kubectl get pods -l job-name=worker", "Running")
    it.see("kubectl get jobs", name="get jobs, after a while")
    it.see("kubectl describe job worker")
    it.see("kubectl describe job limited", drop="DeadlineExceeded")
    it.see("kubectl wait --for=condition=Failed job/limited --timeout=20s")
    it.see("kubectl get pods -l job-name=worker", name="a Job's Pod")
    it.see("kubectl get pod deadline", name="a Pod past its deadline")
    it.see("kubectl delete job worker")
    it.see("kubectl get hpa", name="get hpa, later")
    it.see("kubectl describe hpa web")


def endings(it):
    watch = it.watching("kubectl get deployments --watch-only -l app=web")
    it.see("kubectl delete deployment web --cascade=foreground", name="delete in the foreground")
    it.watched(watch, "get deployments -w, a deletion", drop="[12]/3")
    it.see("kubectl delete -f rest.yaml --wait=false")
    it.see("kubectl delete -f rest.yaml", name="delete again", drop='^pod "|pods "|persistentvolume')
    it.see("kubectl delete pod")
    it.see(f"kubectl delete namespace {NS}")
    it.see(f"kubectl create configmap late -n {NS}")
    it.see("kubectl get pods", name="get pods, in a namespace that is gone")


def newest(folders):
    """The newest kubectl beside the one of the PATH, which may be a program that chooses one by the server's version."""
    found = os.environ.get("KUBECTLS", "").split(os.pathsep) if os.environ.get("KUBECTLS") else []
    if not found:
        resolved = os.path.realpath(shutil.which("kubectl", path=folders) or "kubectl")
        found = glob.glob(os.path.join(os.path.dirname(resolved), "kubectl.1.*")) or [resolved]
    return max(found, key=lambda path: [int(part) for part in re.findall(r"\d+", os.path.basename(path))])


def play(side):
    try:
        scenario(side)
    except Wrong as wrong:
        side.trouble = str(wrong)
    except Exception:
        side.trouble = traceback.format_exc()


def unlisted(name, real, ours, used):
    """The lines that differ and that no entry of DIFFERENCES excuses: `-` the control plane's, `+` the playground's."""
    left = []
    for line in difflib.unified_diff(real, ours, lineterm="", n=0):
        if line.startswith(("---", "+++", "@@")):
            continue
        fitting = [at for at, (command, pattern, _) in enumerate(DIFFERENCES)
                   if fnmatch.fnmatchcase(name, command) and re.search(pattern, line)]
        used.update(fitting)
        if not fitting:
            left.append(line)
    need(not left, "differs ('-' the control plane, '+' the playground):\n" + "\n".join(left))


def alike(name, real, ours, used):
    """The playground printed what the control plane printed one time."""
    troubles = []
    for side in real:
        if name in side.seen:
            try:
                unlisted(name, side.seen[name], ours.seen[name], used)
                troubles.append("")
            except Wrong as wrong:
                troubles.append(str(wrong))
    need("" in troubles, troubles and troubles[-1])


def doubt(real, ours, used):
    """Why all is to be typed at the control plane once more, or None."""
    if all(side.trouble for side in real):
        return real[-1].trouble
    for name in ours.order:
        try:
            if any(name in side.seen for side in real):
                alike(name, real, ours, used)
        except Wrong as wrong:
            return f"{name}: {wrong}"
    return next((f"{command}: not different any more: {reason}" for at, (command, _, reason) in enumerate(DIFFERENCES) if at not in used), None)


def main():
    opts, tally = options(keep=("", "a folder to which all that was seen is written")), Tally()
    with Lab(opts.chaos) as lab:
        folder = os.path.join(lab.dir, "client")
        os.mkdir(folder)
        os.symlink(os.path.realpath(newest(lab.env["PATH"])), os.path.join(folder, "kubectl"))
        lab.env["PATH"] = folder + os.pathsep + lab.env["PATH"]
        beside = {"CHAOS_STATE_DIR": os.path.join(lab.dir, "playground")}
        up = lab.chaos("playground", "up", "--name", NS, "--nodes", "3", "--detach", env=beside)
        tally.check("a playground", lambda: need(up.code == 0, str(up)))
        try:
            exports = lab.chaos("playground", "env", "--name", NS, env=beside).out
            theirs = re.search(r"^export KUBECONFIG='?([^'\n]*)'?$", exports, re.M)
            need(theirs, f"no KUBECONFIG in: {exports}")
            sides = [Side("control plane", lab, setting("KUBECONFIG")), Side("playground", lab, theirs[1])]
            threads = [threading.Thread(target=play, args=(side,)) for side in sides]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            real, ours = sides[:1], sides[1]
            used = set()
            for turn in range(2, TRIES + 1):
                why = None if ours.trouble else doubt(real, ours, used)
                if not why:
                    break
                print(f"again at the control plane, for the {turn}. time: {why}", flush=True)
                real.append(Side(f"control plane {turn}", lab, setting("KUBECONFIG")))
                play(real[-1])
            for side in (*real, ours):
                if opts.keep:
                    os.makedirs(opts.keep, exist_ok=True)
                    with open(os.path.join(opts.keep, side.name.replace(" ", "-") + ".txt"), "w", encoding="utf-8") as f:
                        f.writelines(f"$ {name}\n" + "".join(f"{line}\n" for line in side.seen[name]) + "\n" for name in side.order)
            whole = [side for side in real if not side.trouble]
            tally.check("all was typed at the control plane", lambda: need(whole, real[-1].trouble))
            tally.check("all was typed at the playground", lambda: need(not ours.trouble, ours.trouble))
            for name in (whole or real)[-1].order:
                if name in ours.seen:
                    tally.check(name, alike, name, real, ours, used)
            for at, (command, pattern, reason) in enumerate(DIFFERENCES):
                tally.check(f"still differs: {command}: {reason}", lambda: need(at in used, f"no line of `{command}` that differs matches {pattern} any more: take the entry out"))
        finally:
            tally.check("it ends", lambda: need((down := lab.chaos("playground", "down", "--name", NS, env=beside)).code == 0, str(down)))
    tally.end()


if __name__ == "__main__":
    main()
