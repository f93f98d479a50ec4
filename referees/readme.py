#!/usr/bin/env python3
"""Types what README says, on a clean clone: the demo, the first experiment, and those with a cluster.

The commands are taken from README itself, so that it cannot promise what does not work. Of its first two the
second, `cargo test`, is a step of its own.
"""
import os
import re
import subprocess
import time

from lab import ROOT, Api, Lab, Tally, is_ready, need, options, setting, until

NS = "chaos-demo"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NS}/deployments/web"


def blocks(kind):
    """README's fenced blocks of that kind, as lists of lines."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        return [block.strip().splitlines() for block in re.findall(rf"```{kind}\n(.*?)```", f.read(), re.S)]


def typed(block):
    """The commands of a console block, without prompts and comments."""
    return [re.sub(r"\s+#.*", "", line.removeprefix("$ ")) for line in block if line.startswith("$ ")]


class Reader:
    """Somebody with a fresh clone, who types."""

    def __init__(self, lab, api):
        self.lab, self.api, self.clone = lab, api, lab.path("clone")
        for name in ("RUSTUP_HOME", "CARGO_HOME"):
            folder = os.environ.get(name) or os.path.join(os.environ["HOME"], "." + name.removesuffix("_HOME").lower())
            lab.env[name] = folder
        # Not cold: what cargo built of others' crates for the tests is not built again.
        lab.env["CARGO_TARGET_DIR"] = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
        lab.env["KUBECONFIG"] = setting("KUBECONFIG")

    def type(self, line):
        return subprocess.run(line, shell=True, cwd=self.clone, env=self.lab.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=1800, check=False)

    def cloned(self):
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, self.clone], check=True)

    def opening(self):
        """README opens with two commands and a picture, which is there."""
        with open(os.path.join(self.clone, "README.md"), encoding="utf-8") as f:
            title, opening, picture = f.read().split("\n\n")[:3]
        need(opening.startswith("```console\n"), f"after {title!r} comes {opening!r}")
        need(typed(blocks("console")[0]) == ["cargo run --release -- demo", "cargo test"], f"it opens with {opening!r}")
        path = re.search(r"\]\(([^)]+\.svg)\)", picture)
        need(path and os.path.exists(os.path.join(self.clone, path[1])), f"no picture: {picture!r}")

    def demo(self):
        """The demo finds its weakness, mends it, and leaves only its journals."""
        said = self.all_of(typed(blocks("console")[0])[:1])
        need("A weakness:" in said and "It holds:" in said, f"the demo tells something else: {said}")
        journals = os.listdir(os.path.join(self.clone, "demo-journals"))
        need(len(journals) == 2, f"not two journals: {journals}")
        self.shop_is_gone()

    def first(self):
        """It finds the weakness, and ends with the lines that README shows."""
        [command] = typed(blocks("console")[1])
        p = self.type(command)
        need(p.returncode == 1, f"`{command}` ended with {p.returncode}: {p.stderr[-3000:]}")
        lines = iter(p.stderr.splitlines())
        for promised in blocks("text")[0]:
            ending = promised.removeprefix("[…")
            need(any(line.startswith("[") and line.endswith(ending) for line in lines), f"no line ending with {promised!r}, in this order: {p.stderr[-3000:]}")
        self.shop_is_gone()

    def survives(self):
        """The shop that README calls better is."""
        p = self.type(typed(blocks("console")[1])[0].replace(" -- run ", " -- run --var reconnects=yes "))
        need(p.returncode == 0, f"it ended with {p.returncode}: {p.stderr[-3000:]}")
        self.shop_is_gone()

    def shop_is_gone(self):
        def alive():
            return [pid for pid in filter(str.isdigit, os.listdir("/proc")) if runs_in(pid, self.clone)]

        until("the end of the shop", 10, lambda: not alive())

    def pods_are_replaced(self):
        """The block about a Pod that is terminated: nothing is typed or waited for but what it says."""
        self.api.no_namespace(NS)
        self.all_of(typed(blocks("console")[2]))
        pods = self.api.pods(NS, "app=web")
        need([is_ready(pod) for pod in pods] == [True, True], f"not two ready Pods: {pods}")

    def killed_and_recovered(self):
        """The block about a run that is killed: its change is there, is listed, and is put back."""
        run, look, listing, recover, ready, clean = typed(blocks("console")[3])
        self.all_of([run, look])
        replicas = self.api.get(DEPLOYMENT)["spec"]["replicas"]
        need(replicas == 0, f"{replicas} replicas after `{run}`")
        need("web" in self.all_of([listing]), f"`{listing}` does not list it")
        self.all_of([recover, ready])
        replicas = self.api.get(DEPLOYMENT)["spec"]["replicas"]
        need(replicas == 2, f"{replicas} replicas after `{recover}`")
        self.all_of([clean])

    def all_of(self, commands):
        """Types them; each must end with 0. What the last one printed."""
        for command in commands:
            p = self.type(command)
            need(p.returncode == 0, f"`{command}` ended with {p.returncode}: {p.stdout[-3000:]}{p.stderr[-3000:]}")
        return p.stdout


def runs_in(pid, folder):
    """Whether that process is one of the clone's (its program or its directory is there)."""
    for link in ("exe", "cwd"):
        try:
            if os.readlink(f"/proc/{pid}/{link}").startswith(folder):
                return True
        except OSError:
            pass
    return False


def main():
    opts, tally, api = options(), Tally(), Api()
    started = time.monotonic()
    with Lab(opts.chaos) as lab:
        reader = Reader(lab, api)
        tally.check("a clean clone", reader.cloned)
        tally.check("it opens with two commands and a picture", reader.opening)
        tally.check("the demo shows a weakness found, mended and gone", reader.demo)
        tally.check("the first experiment finds the weakness", reader.first)
        tally.check("a shop that connects again has none", reader.survives)
        tally.check("a Pod is terminated and replaced", reader.pods_are_replaced)
        tally.check("a run is killed and put back", reader.killed_and_recovered)
    api.no_namespace(NS)
    tally.end(f" in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
