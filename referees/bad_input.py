#!/usr/bin/env python3
"""What a user may write by mistake: `chaos validate` and `chaos run` say what is wrong and never panic.

Two parts: documents that are no experiment at all, and an experiment of which each key in turn is given a value
of every type, or is left out. Every run must end by itself with 0, 1 or 2, without a panic, without a traceback
of its own, and, where the document cannot be read, with a word about why.
"""
import copy
import http.server
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

from lab import Lab, Tally, need, options
from pieces import kubeconfig, python

SECONDS = 20  # a command that is not over by then hangs

MALFORMED = {
    "empty.yaml": "", "only-a-comment.yaml": "# nothing\n", "empty.json": "", "blank.json": "  \n",
    "half-a-list.yaml": "title: [a, b\n", "half-a-map.yaml": "{title: x", "two-colons.yaml": "title: a: b\n",
    "tab.yaml": "title: x\n\tdescription: y\n", "indent.yaml": "title: x\n  description: y\n",
    "directive.yaml": "%YAML 9.9\n---\ntitle: x\n", "two-documents.yaml": "title: x\n---\ntitle: y\n",
    "no-such-alias.yaml": "title: *nobody\n", "own-alias.yaml": "title: &a [*a]\n", "tag.yaml": "title: !!python/object:os.system x\n",
    "unknown-tag.yaml": "title: !mine x\n", "bad-int.yaml": "title: !!int x\n", "bad-escape.yaml": 'title: "\\q"\n',
    "open-quote.yaml": "title: 'x\n", "scalar.yaml": "chaos\n", "number.yaml": "17\n", "list.yaml": "- a\n- b\n",
    "null.yaml": "~\n", "list-as-key.yaml": "? [a, b]\n: x\n", "map-as-key.yaml": "? {a: b}\n: x\n",
    "merge.yaml": "<<: 5\ntitle: x\n", "value-tag.yaml": "=: x\n", "date.yaml": "title: 2020-13-45\n",
    "half.json": '{"title": ', "trailing.json": '{"title": "x",}', "list.json": "[1, 2]", "number.json": "17",
    "string.json": '"x"', "null.json": "null", "two.json": "{} {}", "single-quotes.json": "{'title': 'x'}",
    "lone-surrogate.json": '{"title": "\\ud800"}', "big-number.json": '{"title": 1e999999}',
    "huge-int.json": '{"title": ' + "9" * 5000 + "}", "deep.json": "[" * 100_000, "deep-whole.json": "[" * 50_000 + "]" * 50_000,
    "deep.yaml": "[" * 20_000, "deep-block.yaml": "".join("  " * n + "a:\n" for n in range(2_000)), "nul.json": '{"title": "\0"}',
    "nul.yaml": "title: a\0b\n", "control.yaml": "title: a\x07b\n",
    "laughs.yaml": "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
                   + "".join(f"a{n}: &a{n} [{', '.join(f'*a{n - 1}' for _ in range(9))}]\n" for n in range(1, 12)) + "title: *a11\n",
    "extension.txt": "title: x\n", "no-extension": '{"title": "x"}', "other.toml": "title = 1\n",
}
BINARY = {"latin1.yaml": b"title: caf\xe9\n", "latin1.json": b'{"title": "caf\xe9"}', "utf16.yaml": "title: x\n".encode("utf-16"),
          "utf16.json": '{"title": "x"}'.encode("utf-16"), "bom.json": b"\xef\xbb\xbf{}", "random.yaml": bytes(range(256)),
          "random.json": bytes(range(255, -1, -1)), "gzip.yaml": b"\x1f\x8b\x08\x00\x00\x00\x00\x00"}
# Not every one of them is malformed to a parser, but none is an experiment.

EVERY_TYPE = [None, True, 0, -1, 1.5, 10 ** 30, "", "x", "${nobody}", [], [1], {}, {"x": 1}]
ABSENT = object()


def process(*arguments, **more):
    return {"type": "process", "path": "echo", "arguments": list(arguments), "timeout": 5, **more}


def k8s(kind, name, module, func, /, **arguments):
    """An activity of the Kubernetes plugin that names its secrets."""
    activity = python(kind, name, module, func, **arguments)
    activity["provider"]["secrets"] = ["cluster"]
    return activity


def sample(url):
    """An experiment that holds every key of the format at least once. `url` is of a server that is there."""
    return {
        "version": "1.0.0", "title": "Every key", "description": "In its place.", "tags": ["a"], "runtime": {
            "rollbacks": {"strategy": "always"}, "hypothesis": {"strategy": "default"}},
        "contributions": {"reliability": "high"}, "extensions": [{"name": "x", "key": 1}],
        "configuration": {"plain": "x", "from-env": {"type": "env", "key": "HOME", "default": "x", "env_var_type": "str"},
                          "asked": {"type": "probe", "name": "ask", "provider": process("1")}},
        "secrets": {"cluster": {"KUBERNETES_CONTEXT": "c"}, "app": {"token": {"type": "env", "key": "HOME"}}},
        "steady-state-hypothesis": {"title": "Held", "probes": [
            {"type": "probe", "name": "says", "tolerance": {"type": "regex", "pattern": "^ok", "target": "stdout"}, "provider": process("ok")},
            {"type": "probe", "name": "status", "tolerance": [200, 204], "provider": {
                "type": "http", "url": url, "method": "GET", "headers": {"X-A": "b"}, "timeout": [1, 2], "verify_tls": True,
                "expected_status": 200, "arguments": {"q": "1"}, "max_retries": 0, "keep_alive": False, "auth": ["a", "b"]}},
            {"type": "probe", "name": "range", "tolerance": {"type": "range", "range": [0, 5], "target": "status"}, "provider": process("x")},
            {"type": "probe", "name": "json", "tolerance": {"type": "jsonpath", "path": "$.status", "expect": [0], "count": 1},
             "provider": process("x")},
            {"type": "probe", "name": "judged", "provider": process("x"), "tolerance": {
                "type": "probe", "name": "judge", "provider": {**process(), "arguments": {"a": "b"}}}}]},
        "controls": [{"name": "c", "provider": {"type": "python", "module": "no.such.control"}, "scope": "before", "automatic": False}],
        "method": [
            {"type": "action", "name": "act", "background": False, "pauses": {"before": 0, "after": 0.01}, "provider": process("x"),
             "controls": [{"name": "d", "provider": {"type": "python", "module": "no.such.control"}}]},
            {"ref": "says"},
            {**k8s("action", "end-pods", "pod.actions", "terminate_pods", label_selector="app=x", name_pattern="x", all=False, rand=True,
                   mode="fixed", qty=1, grace_period=0, ns="x", order="alphabetic"), "dry": None},
            k8s("action", "scale", "deployment.actions", "scale_deployment", name="x", replicas=0, ns="x"),
            k8s("probe", "count", "pod.probes", "count_pods", label_selector="app=x", phase="Running", ns="x"),
            k8s("probe", "conditions", "pod.probes", "pods_in_conditions", label_selector="a=b", ns="x",
                conditions=[{"type": "Ready", "status": "True"}]),
            k8s("action", "start", "actions", "start_microservice", spec_path="spec.json", ns="x")],
        "rollbacks": [{"type": "action", "name": "back", "provider": process("x")}],
    }


def places(value, path=()):
    """The path of every key and every list item, the outer ones first."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield path + (key,)
        yield from places(inner, path + (key,))


def changed(document, path, value):
    document = copy.deepcopy(document)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if value is ABSENT:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return document


class Stub(http.server.BaseHTTPRequestHandler):
    """A cluster that has nothing and a service that is well: every request is answered at once."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = self.path.partition("?")[0] == "/"
        body = json.dumps({"ok": 1} if found else {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 404, "reason": "NotFound",
            "message": "nothing is here"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

    def log_message(self, *_):
        pass


class Commands:
    """Runs the commands over documents and collects what must not be."""

    def __init__(self, lab):
        self.lab, self.lock, self.commands, self.number = lab, threading.Lock(), 0, 0

    def trouble(self, arguments, env):
        """What is wrong with one command's end, or None."""
        run = self.lab.chaos(*arguments, timeout=SECONDS, env=env, cwd=env["TMPDIR"])
        with self.lock:
            self.commands += 1
        said = run.out + run.err
        if run.code not in (0, 1, 2):
            return run, f"exit {run.code}"
        if "panicked at" in said or "RUST_BACKTRACE" in said:
            return run, "a panic"
        # Within a log record a traceback is indented: that is the Toolkit's text for a failure nobody foresaw.
        if any(line.startswith("Traceback") for line in said.splitlines()):
            return run, "a traceback"
        return run, None

    def place(self):
        """A folder of its own for one document, so that runs beside each other share nothing but HOME."""
        with self.lock:
            self.number += 1
            folder = self.lab.path(f"d{self.number}")
        os.mkdir(folder)
        return folder, {"TMPDIR": folder, "CHAOS_STATE_DIR": os.path.join(folder, "state")}

    def malformed(self, name, content):
        folder, env = self.place()
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        for arguments in (["validate", name], ["run", name], ["run", "--no-validation", name]):
            run, trouble = self.trouble(arguments, env)
            need(not trouble, f"{name}: {trouble}: {run}")
            need(run.code != 0 or "--no-validation" in arguments, f"{name} is taken for an experiment: {run}")
            need(run.code == 0 or (run.out + run.err).strip(), f"{name}: not a word: {run}")

    def mistyped(self, document, path, value):
        folder, env = self.place()
        text = "left out" if value is ABSENT else json.dumps(value)
        with open(os.path.join(folder, "e.json"), "w", encoding="utf-8") as f:
            json.dump(changed(document, path, value), f)
        for arguments in (["validate", "e.json"], ["run", "e.json"], ["run", "--no-validation", "e.json"]):
            run, trouble = self.trouble(arguments, env)
            if trouble:
                return f"{'.'.join(map(str, path))} = {text}: {trouble}: {run}"
            if run.code and not (run.out + run.err).strip():
                return f"{'.'.join(map(str, path))} = {text}: not a word: {run}"
        return None

    def every_type(self, document):
        """Every key, every type. All that goes wrong is counted; the first few are shown."""
        jobs = [(path, value) for path in places(document) for value in [ABSENT, *EVERY_TYPE]
                if not (value == 10 ** 30 and "pauses" in path)]  # that long a pause is none of our business
        with ThreadPoolExecutor(4) as pool:
            troubles = [t for t in pool.map(lambda job: self.caught(document, *job), jobs) if t]
        print(f"      {len(jobs)} experiments, {self.commands} commands so far", flush=True)
        need(not troubles, f"{len(troubles)} of {len(jobs)} go wrong; the first:\n" + "\n".join(troubles[:4]))

    def caught(self, *job):
        try:
            return self.mistyped(*job)
        except Exception as error:  # noqa: BLE001 (a hang is told like the rest)
            return f"{job[1:]}: {error}"


def main():
    opts, tally = options(), Tally()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with Lab(opts.chaos) as lab:
        lab.env["KUBECONFIG"] = lab.write("kubeconfig.json", kubeconfig(url, {"token": "x"}))
        commands = Commands(lab)
        for name, content in {**MALFORMED, **BINARY}.items():
            tally.check(f"malformed: {name}", commands.malformed, name, content)
        for name in ("no-such-file.yaml", "."):
            folder, env = commands.place()
            run, trouble = commands.trouble(["run", name], env)
            tally.check(f"malformed: {name}", need, not trouble and run.code in (1, 2) and run.out + run.err, f"{trouble}: {run}")
        document = sample(url + "/")
        folder, env = commands.place()
        with open(os.path.join(folder, "spec.json"), "w", encoding="utf-8") as f:
            json.dump({"kind": "Pod"}, f)
        with open(os.path.join(folder, "e.json"), "w", encoding="utf-8") as f:
            json.dump(document, f)
        run, trouble = commands.trouble(["run", "e.json"], env)
        tally.check("the sample itself is played", need, not trouble and "Playing your experiment's method now" in run.err, str(run))
        tally.check("every key, every type", commands.every_type, document)
    server.shutdown()
    tally.end(f"; {commands.commands} commands")


if __name__ == "__main__":
    main()
