#!/usr/bin/env python3
"""Plays published extensions of the Toolkit, which nobody here rewrote, with the Toolkit and with `chaos`, side by side.

Each play of `referees/extensions/plays` is run by both, each with a server of its own (`extensions/server.py`) and in a folder of
its own. Compared are exit codes, journals and lines (as the runner of the recorded cases compares them), the requests that the
server was sent, the spans that reached it, and the files that controls wrote. Then `chaos discover` over installed packages, and
our names of `chaoslib` against the library's, over a table of calls.

To be played by the Python of the virtual environment that `referees/extensions/requirements.txt` makes: `.ci/run extensions`.
"""
import glob
import json
import os
import re
import runpy
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "extensions"))
from lab import ROOT, Lab, Tally, Wrong, need, options  # noqa: E402
from server import Server  # noqa: E402

HERE = os.path.join(ROOT, "referees", "extensions")
TRIES = 3
CASES = runpy.run_path(os.path.join(ROOT, "conformance", "conformance.py"))
VENV = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
SHIM = os.path.join(ROOT, "crates", "drivers", "src", "python")
# Files that controls of the plays write.
WRITTEN = ["spans.json", "trace.json"]
PACKAGES = ["chaostoolkit-aws", "chaostoolkit-wiremock", "chaostoolkit-spring", "chaostoolkit-addons", "no-such-package-at-all"]
# Plays in which the clock decides what is heard of when.
UNORDERED = {"spring", "safeguards-hold", "opentelemetry"}


class Played:
    """What one run of a play left."""

    def __init__(self, command, play, folder):
        os.makedirs(folder)
        self.folder = folder
        with Server() as server, open(play, encoding="utf-8") as f:
            with open(os.path.join(folder, "experiment.yaml"), "w", encoding="utf-8") as copy:
                copy.write(f.read().replace("@@PORT@@", str(server.port)))
            environment = dict(surroundings(folder), SERVER_URL=server.url, OTEL_EXPORTER_OTLP_ENDPOINT=server.url)
            started = time.monotonic()
            done = subprocess.run([*command, "--no-version-check", "run", "experiment.yaml"], cwd=folder, env=environment,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=180, check=False)
            self.seconds = time.monotonic() - started
            norm = CASES["Norm"]([(server.url, "SERVER"), (f"127.0.0.1:{server.port}", "SERVER"), (str(server.port), "PORT"), (folder, "WORK")])
        self.code = done.returncode
        self.lines = CASES["parse_log"](done.stderr.decode("utf-8", "replace"), norm)[0]
        self.out = norm.s(done.stdout.decode("utf-8", "replace")).splitlines()
        self.requests = norm.deep(server.requests)
        self.spans = sorted(spans(server.spans))
        self.files = {name: norm.deep(read(os.path.join(folder, name))) for name in WRITTEN}
        self.journal = norm.journal(read(os.path.join(folder, "journal.json")))
        if os.path.basename(play)[:-5] in UNORDERED:
            self.lines.sort()
            self.requests.sort(key=json.dumps)


def surroundings(folder):
    return {"PATH": os.pathsep.join((os.path.join(VENV, "bin"), os.defpath)), "VIRTUAL_ENV": VENV, "HOME": folder, "LANG": "C.UTF-8",
            "TZ": "UTC", "PYTHONPATH": os.path.join(HERE, "modules"), "PYTHONDONTWRITEBYTECODE": "1", "AWS_EC2_METADATA_DISABLED": "true"}


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return None


def spans(batches):
    """Each span that a collector was sent: name, parent's name, attributes."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    found = []
    for batch in batches:
        for resource in ExportTraceServiceRequest.FromString(batch).resource_spans:
            found += [span for scope in resource.scope_spans for span in scope.spans]
    names = {span.span_id: span.name for span in found}
    for span in found:
        attributes = {one.key: str(one.value).strip() for one in span.attributes}
        # Of a traceback what was raised: the frames above are of whoever called.
        error = attributes.get("chaostoolkit.activity.error")
        if error:
            attributes["chaostoolkit.activity.error"] = re.findall(r'string_value: "(.*)"', error)[-1]
        yield json.dumps([span.name, names.get(span.parent_span_id), attributes], sort_keys=True)


def hidden(theirs, ours):
    """Theirs, but for the secrets that we hide."""
    if ours == "***":
        return ours
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return {key: hidden(value, ours.get(key)) for key, value in theirs.items()}
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        return [hidden(one, other) for one, other in zip(theirs, ours)]
    return theirs


def better(name, journal):
    """The Toolkit's journal, but for what we do better on purpose (docs/compatibility.md): what bypass marks with `dry` is not executed."""
    if name == "addons":
        for record in journal["run"]:
            if record["activity"].get("dry"):
                record["output"] = None
    return journal


def alike(what, theirs, ours):
    theirs = hidden(theirs, ours)
    if theirs != ours:
        lines = CASES["diff"](CASES["pretty"](theirs), CASES["pretty"](ours), 40)
        need(False, "\n".join([f"{what} (- the Toolkit, + ours):", *lines]))


def compare(lab, name, toolkit):
    """Ours as it was played once, beside the Toolkit's, whose threads have chances: it is played up to TRIES times, and ours must be as one."""
    play = os.path.join(HERE, "plays", name + ".yaml")
    ours = Played([lab.program], play, lab.path(f"{name}-ours"))
    for turn in range(1, TRIES + 1):
        theirs = Played([toolkit], play, lab.path(f"{name}-theirs-{turn}"))
        try:
            return beside(name, theirs, ours)
        except Wrong as wrong:
            if turn == TRIES:
                raise
            print(f"again play {name}: the Toolkit plays it for the {turn + 1}. time, for {wrong}", flush=True)


def beside(name, theirs, ours):
    """The same, or Wrong; what is told of it."""
    need(theirs.journal is not None, "the Toolkit wrote no journal:\n" + "\n".join(theirs.lines))
    theirs.journal = better(name, theirs.journal)
    alike("exit code, lines", [theirs.code, theirs.lines], [ours.code, ours.lines])
    for what in ("journal", "out", "requests", "spans", "files"):
        alike(what, getattr(theirs, what), getattr(ours, what))
    counted = [f"{len(ours.requests)} requests" * bool(ours.requests), f"{len(ours.spans)} spans" * bool(ours.spans)]
    return ", ".join([f"exit {ours.code}", *filter(None, counted), f"{theirs.seconds:.1f} s and {ours.seconds:.1f} s"])


def discover(lab, package, toolkit):
    found = []
    for which, command in (("theirs", toolkit), ("ours", lab.program)):
        folder = lab.path(f"discover-{package}-{which}")
        os.makedirs(folder)
        done = subprocess.run([command, "--no-version-check", "discover", "--no-install", package], cwd=folder, env=surroundings(folder),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=180, check=False)
        norm = CASES["Norm"]([(folder, "WORK")])
        lines = CASES["parse_log"](done.stderr.decode("utf-8", "replace"), norm)[0]
        discovery = read(os.path.join(folder, "discovery.json"))
        found.append([done.returncode, lines, norm.journal(discovery) if discovery else None])
    alike("exit code, lines, discovery", *found)
    return f"{len((found[1][2] or {}).get('activities', ()))} activities"


COMMAND = """
import click

@click.command()
@click.argument("who")
@click.option("--loud", is_flag=True)
@click.pass_context
def hello(ctx, who, loud):
    click.echo("hello %s %s %s" % (who, loud, ctx.obj["settings_path"]))
    ctx.exit(3)
"""


def command(lab, toolkit):
    """A command that a package adds, and a word that nobody knows."""
    folder = lab.path("command")
    for name, text in {"acme-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", "acme_command.py": COMMAND,
                       "acme-1.0.dist-info/entry_points.txt": "[chaostoolkit.cli_plugins]\nhello = acme_command:hello\n"}.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def said(program, *words):
        done = subprocess.run([program, "--settings", "s.yaml", "--no-log-file", *words], cwd=folder, stdin=subprocess.DEVNULL,
                              env=dict(surroundings(folder), PYTHONPATH=folder), capture_output=True, timeout=180, check=False)
        return [done.returncode, done.stdout.decode(), done.stderr.decode()]

    for words in (["--no-version-check", "hello", "you", "--loud"], ["--no-version-check", "hello"], ["goodbye"]):
        alike(" ".join(words), said(toolkit, *words), said(lab.program, *words))
    return "3 command lines"


def words(lab, shim):
    """What a table of calls gave."""
    folder = lab.path(f"words-{'ours' if shim else 'theirs'}")
    os.makedirs(folder)
    for name, text in {"vars.json": '{"configuration": {"x": 1}, "secrets": {"t": {"a": "b"}}}', "more.json": '{"configuration": {"x": 2}}',
                       "vars.yaml": "configuration:\n  y: [1, on]\n", "vars.env": "# none\nA_B=c=d\n\n"}.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    how = ["--shim", os.path.join(SHIM, "shim.rs"), os.path.join(SHIM, "bridge", "shim")] if shim else []
    done = subprocess.run([sys.executable, os.path.join(HERE, "words.py"), *how], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=180,
                          env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}, check=False)
    need(done.returncode == 0, done.stderr.decode("utf-8", "replace"))
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def same_words(lab):
    theirs, ours = words(lab, False), words(lab, True)
    need(len(theirs) > 800, f"{len(theirs)} calls only")
    alike("calls", [one for one, other in zip(theirs, ours) if one != other], [other for one, other in zip(theirs, ours) if one != other])
    alike("number of calls", len(theirs), len(ours))
    return f"{len(ours)} calls"


def old_syntax():
    import ast

    sources = glob.glob(os.path.join(SHIM, "bridge", "**", "*.py"), recursive=True)
    for path in sources:
        with open(path, encoding="utf-8") as f:
            ast.parse(f.read(), path, feature_version=(3, 8))
    return f"{len(sources)} sources"


def main():
    opts = options(toolkit=(os.path.join(VENV, "bin", "chaos"), "the Toolkit's command"),
                   plays=("*", "glob on the plays' names"))
    tally = Tally()
    with Lab(opts.chaos) as lab, ThreadPoolExecutor(3) as pool:
        lab.program = opts.chaos
        checks = []
        for path in sorted(glob.glob(os.path.join(HERE, "plays", opts.plays + ".yaml"))):
            name = os.path.basename(path)[:-5]
            checks.append((f"play {name}", compare, lab, name, opts.toolkit))
        if opts.plays == "*":
            checks += [(f"discover {package}", discover, lab, package, opts.toolkit) for package in PACKAGES]
            checks += [("a command that a package adds", command, lab, opts.toolkit)]
            checks += [("sources are Python 3.8", old_syntax), ("names of chaoslib", same_words, lab)]
        # Most of each is waiting for interpreters to start.
        found = list(pool.map(lambda check: tally.check(*check), checks))
    for (name, *_), result in zip(checks, found):
        if result:
            print(f"      {name}: {result}")
    tally.end()


if __name__ == "__main__":
    main()
