#!/usr/bin/env python3
"""CPU and memory of `chaos run` for the walkthrough's 1.7 (pause included), beside the Toolkit's for the same.

Both play the same experiment against the same control plane, one after the other. Ours may take at most 40 ms of
CPU (user and system) and 20 MB of resident memory at its peak; the Toolkit's figures are for comparison.
"""
import json
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "referees"))
from lab import Api, Lab, is_ready, need, options, setting, until, weigh  # noqa: E402

NS = "go-demo-8"
CPU_MS, RSS_MB, RUNS = 40.0, 20.0, 4


def measure(lab, chaos):
    """One run: (CPU in ms, peak RSS in MB of 10^6 bytes)."""
    code, cpu, rss, said = weigh([chaos, "run", "chaos/terminate-pod-phase.yaml"], lab.work, lab.env)
    need(code == 0, f"{chaos} ended with {code}: {said}")
    with open(lab.path("journal.json"), encoding="utf-8") as f:
        need(json.load(f)["status"] == "completed", f"{chaos} did not complete it")
    return cpu, rss


def main():
    opts, api = options(toolkit=("", "the Toolkit's chaos, beside ours")), Api()
    api.fresh_namespace(NS)
    book = os.path.join(setting("SQUALL_REFEREES"), "book")
    with Lab(opts.chaos) as lab:
        lab.env["KUBECONFIG"] = setting("KUBECONFIG")
        os.symlink(os.path.join(book, "chaos"), lab.path("chaos"))
        manifest = os.path.join(book, "k8s", "terminate-pods", "deployment.yaml")
        subprocess.run(["kubectl", "apply", "--namespace", NS, "--filename", manifest], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        calm = lambda: (pods := api.pods(NS)) and len(pods) == 1 and is_ready(pods[0])  # noqa: E731
        until("the Deployment rolled out", 60, calm)
        if opts.toolkit:
            cpu, rss = measure(lab, os.path.abspath(opts.toolkit))
            print(f"the Toolkit: {cpu:.0f} ms CPU, {rss:.0f} MB", flush=True)
        runs = []
        for _ in range(RUNS):
            until("one Ready Pod", 60, calm)
            runs.append(measure(lab, opts.chaos))
            print(f"ours: {runs[-1][0]:.1f} ms CPU, {runs[-1][1]:.1f} MB", flush=True)
    api.no_namespace(NS)
    cpus, sizes = zip(*runs)
    beside = f"; the Toolkit {cpu:.0f} ms, {rss:.0f} MB" if opts.toolkit else ""
    print(f"run-cpu: {statistics.median(cpus):.1f} ms CPU (most {max(cpus):.1f}, bound {CPU_MS:.0f}), "
          f"{statistics.median(sizes):.1f} MB peak RSS (most {max(sizes):.1f}, bound {RSS_MB:.0f}), {RUNS} runs{beside}")
    return 0 if max(cpus) <= CPU_MS and max(sizes) <= RSS_MB else 1


if __name__ == "__main__":
    sys.exit(main())
