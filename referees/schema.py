#!/usr/bin/env python3
"""Holds `chaos schema` against `chaos validate` over all recorded experiments, and plays the completions in the shells.

An experiment that validation says nothing about (but what no schema can see) must be valid by the schema, as judged by the
validator of the Python package jsonschema; one with an error that a schema can see must not be. Both packages that this needs
are installed by `.ci/run schema`, in a virtual environment of their own.
"""
import datetime
import json
import os
import shutil
import subprocess
import tarfile

import jsonschema
import yaml

from lab import ROOT, Lab, Tally, need, options

# What depends on this machine, or on two places of a document at once.
UNSEEN = {"process-path", "missing-variable", "undeclared-variable", "unknown-secret", "unused-secret", "dangling-ref", "duplicate-key",
          "python-module", "python-function", "control-module", "ignored-key", "doubtful-tolerance", "literal-variable", "ambiguous-ref",
          "lasting-change", "idle-rollback", "hurried-hypothesis", "http-method", "json-body", "cannot-work"}
# Where both say the same of a document.
SEEN = {"missing-title", "missing-description", "missing-method", "activity-name", "activity-type", "activity-provider", "activity-background",
        "provider-type", "http-url", "absent", "missing-argument", "unknown-argument", "empty-activity", "nameless-extension", "bad-tags"}


def plain(value):
    """As JSON has it: dates of YAML are texts."""
    return json.loads(json.dumps(value, default=lambda one: one.isoformat() if isinstance(one, datetime.date) else str(one)))


def read(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    return plain(json.loads(text) if path.endswith(".json") else yaml.safe_load(text))


def experiments(folder):
    for base, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            if name in ("experiment.json", "experiment.yaml") or "examples" in base and name.endswith(".yaml"):
                yield os.path.join(base, name)


class Judge:
    def __init__(self, lab):
        self.lab, self.schema = lab, json.loads(lab.chaos("schema").out)
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.validator = jsonschema.Draft202012Validator(self.schema)
        self.alike = self.refused = 0

    def complaints(self, path):
        """What validation says of it; None if it cannot be read at all. Without Python, whose functions no schema knows."""
        said = self.lab.chaos("--no-log-file", "--python", "/nonexistent/python3", "validate", "--format", "json", path, cwd=os.path.dirname(path)).out
        found = json.loads(said)["diagnostics"]
        return None if any(one["rule"] in ("syntax", "unreadable") for one in found) else found

    def judge(self, path):
        """What both say of one experiment, if they differ."""
        found = self.complaints(path)
        if found is None:
            return None
        try:
            document = read(path)
        except (ValueError, yaml.YAMLError):
            return None
        error = jsonschema.exceptions.best_match(self.validator.iter_errors(document))
        for one in found:
            # That nothing is there can be seen; that what is there is not on this machine cannot.
            one["rule"] = "absent" if "activity must have a" in one["message"] else one["rule"]
        rules = {one["rule"] for one in found}
        errors = {one["rule"] for one in found if one["severity"] == "error"}
        if rules <= UNSEEN and error is not None:
            return f"{path}: the schema says {error.json_path}: {error.message[:200]}"
        if errors & SEEN and error is None:
            return f"{path}: the schema accepts it, validation says {sorted(errors)}"
        if rules <= UNSEEN:
            self.alike += 1
        elif errors & SEEN:
            self.refused += 1
        return None

    def all(self, folder):
        differ = list(filter(None, map(self.judge, experiments(folder))))
        need(not differ, "\n".join(differ))
        need(self.alike >= 350 and self.refused >= 20, f"only {self.alike} accepted by both, {self.refused} refused by both")

    def examples(self):
        for name in ("demo/experiment.yaml", "first/experiment.yaml", "kubernetes/terminate-pod.yaml", "kubernetes/scale-to-zero.yaml"):
            error = jsonschema.exceptions.best_match(self.validator.iter_errors(read(os.path.join(ROOT, "examples", name))))
            need(error is None, f"{name}: {error and error.message}")

    def published(self):
        with open(os.path.join(ROOT, "docs", "experiment.schema.json"), encoding="utf-8") as f:
            need(json.load(f) == self.schema, "docs/experiment.schema.json is another; `UPDATE_EXPECT=1 cargo test -p squall-cli` writes it")


def completed(lab, shell):
    """The shell reads its script, and bash completes by it."""
    need(shutil.which(shell), f"no {shell}: install it")
    script = lab.write(f"completions.{shell}", lab.chaos("completions", shell).out)
    p = subprocess.run([shell, "-n", script], capture_output=True, text=True, timeout=60, check=False)
    need(p.returncode == 0, f"{shell} cannot read it: {p.stderr}")
    if shell != "bash":
        return
    for words, expected in [(["chaos", "rec"], {"recover"}), (["chaos", "run", "--rollback-st"], {"--rollback-strategy"}),
                            (["chaos", "settings", "re"], {"remove"}), (["chaos", "completions", ""], {"bash", "zsh", "fish"})]:
        line = " ".join(f"'{word}'" for word in words)
        play = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _chaos chaos '{words[-1]}' '{words[-2]}'; echo \"${{COMPREPLY[@]}}\""
        p = subprocess.run(["bash", "-c", play], capture_output=True, text=True, timeout=60, check=False)
        need(expected <= set(p.stdout.split()), f"after {words} bash offers {p.stdout!r} {p.stderr}")


def manual(lab):
    lab.chaos("man", lab.path("man1"))
    pages = set(os.listdir(lab.path("man1")))
    need({"chaos.1", "chaos-run.1", "chaos-playground-up.1"} <= pages, f"pages: {sorted(pages)}")
    need(shutil.which("groff"), "no groff: install it")
    for page in sorted(pages):
        p = subprocess.run(["groff", "-k", "-man", "-Tutf8", "-ww", lab.path(f"man1/{page}")], capture_output=True, text=True, timeout=60, check=False)
        need(p.returncode == 0 and not p.stderr, f"{page}: {p.stderr[:500]}")


def main():
    opts, tally = options(), Tally()
    with Lab(opts.chaos) as lab:
        with tarfile.open(os.path.join(ROOT, "conformance", "cases.tar.xz")) as cases:
            cases.extractall(lab.path("cases"), filter="data")
        judge = tally.check("it is a schema of draft 2020-12", Judge, lab)
        if judge:
            tally.check("the published one is what `chaos schema` prints", judge.published)
            tally.check("it says of recorded experiments what validation says", judge.all, lab.path("cases"))
            tally.check("our examples are valid by it", judge.examples)
        for shell in ("bash", "zsh", "fish"):
            tally.check(f"completions for {shell}", completed, lab, shell)
        tally.check("the manual's pages", manual, lab)
        need(not os.path.exists(lab.path("chaostoolkit.log")), "a log file was written")
    tally.end(f"; {judge.alike} experiments accepted and {judge.refused} refused by both" if judge else "")


if __name__ == "__main__":
    main()
