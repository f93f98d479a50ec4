"""What the referees share: a place to work in, a `chaos` to run there, the control plane's API, and a tally.

Every referee is a program of its own, `referees/NAME.py --chaos PATH`, which prints one line a check and ends
with `NAME: N passed, M failed`; its exit status is 0 only if nothing failed. They expect what the control
plane's `env` file exports (KUBECONFIG, K8S_URL, K8S_CA, K8S_ADMIN_TOKEN_FILE): `.ci/run NAME` sees to that.
Python's standard library only.
"""
import argparse
import http.client
import json
import os
import resource
import select
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

# What is started in the background of a script ignores SIGINT, and so would all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Wrong(Exception):
    """What was seen is not what must happen; the text says both."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


def setting(name):
    """An environment variable that must be there: a referee that cannot work says so, it never skips."""
    value = os.environ.get(name)
    if not value:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {name} is not set; run it as `.ci/run {tally_name()}`")
    return value


def tally_name():
    return os.path.splitext(os.path.basename(sys.argv[0]))[0].replace("_", "-")


def options(**more):
    """Parses the command line that all referees share; `more` adds `name=(default, help)`."""
    doc = (sys.modules["__main__"].__doc__ or "").strip().splitlines()
    ap = argparse.ArgumentParser(description=doc[0] if doc else None)
    target = os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target")
    ap.add_argument("--chaos", default=os.path.join(target, "release", "chaos"), help="the command under test")
    for name, (default, text) in more.items():
        ap.add_argument(f"--{name}", default=default, type=type(default), help=text)
    opts = ap.parse_args()
    opts.chaos = os.path.abspath(opts.chaos)
    if not os.access(opts.chaos, os.X_OK):
        sys.exit(f"{os.path.basename(sys.argv[0])}: no program {opts.chaos}")
    return opts


class Tally:
    """Counts checks, prints one line each, and ends the program with their verdict."""

    def __init__(self):
        self.passed, self.failed, self.lock = 0, 0, threading.RLock()

    def check(self, name, run, *args, **more):
        """Runs one check: it passes unless it raises. Returns what it returned, or None."""
        return self._run("FAIL ", name, run, args, more)[0]

    def attempt(self, name, run, *args, **more):
        """Runs what somebody else's pace can spoil: True if it passes; False, told and not counted, if it is to be tried again."""
        return self._run("again", name, run, args, more)[1] is None

    def _run(self, otherwise, name, run, args, more):
        started = time.monotonic()
        result, trouble = None, None
        try:
            result = run(*args, **more)
        except Wrong as wrong:
            trouble = str(wrong)
        except Exception:  # a broken check is a failed one; the others still say what they know
            trouble = traceback.format_exc()
        seconds = time.monotonic() - started
        with self.lock:  # checks of several threads are told one after the other
            if trouble is None:
                self.passed += 1
                print(f"ok    {name} ({seconds:.1f} s)", flush=True)
            else:
                self.failed += otherwise == "FAIL "
                print(f"{otherwise} {name} ({seconds:.1f} s)\n      " + trouble.strip().replace("\n", "\n      "), flush=True)
        return result, trouble

    def end(self, note=""):
        print(f"{tally_name()}: {self.passed} passed, {self.failed} failed{note}", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)


class Run:
    """What one `chaos …` did: code (negative: killed by that signal), out, err, seconds, cpu (seconds), rss (KiB)."""

    def __init__(self, args, code, out, err, seconds, usage):
        self.args, self.code, self.out, self.err, self.seconds = args, code, out, err, seconds
        self.cpu, self.rss = usage.ru_utime + usage.ru_stime, usage.ru_maxrss

    def __str__(self):
        tail = "\n".join((self.out + self.err).splitlines()[-25:])
        return f"`chaos {' '.join(self.args)}` ended with {self.code} after {self.seconds:.1f} s; its last lines:\n{tail}"


class Lab:
    """A temporary working directory with a HOME, a state directory and `chaos` on the PATH.

    At its end the directory is removed and whatever was started here and still runs is killed.
    """

    def __init__(self, chaos):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="referee-"))
        self.home, self.state, bin_dir = (os.path.join(self.dir, name) for name in ("home", "state", "bin"))
        self.work = os.path.join(self.dir, "work")
        for folder in (self.home, bin_dir, self.work):
            os.mkdir(folder)
        # A link would tell some programs (a Python of a virtual environment) to look beside the link.
        with open(os.path.join(bin_dir, "chaos"), "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\nexec "{chaos}" "$@"\n')
        os.chmod(f.name, 0o755)
        self.chaos_path, self.started = chaos, {}
        self.env = {"PATH": bin_dir + os.pathsep + os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8", "TZ": "UTC",
                    "CHAOS_STATE_DIR": self.state}

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, *_):
        for process in self.started.values():
            if process.poll() is None:
                process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, content):
        """Writes a file in the working directory (anything but text as JSON) and returns its path."""
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(content if isinstance(content, str) else json.dumps(content, indent=1))
        return self.path(name)

    def start(self, *args, env=None, cwd=None, **popen):
        """Starts `chaos ARGS` itself (no shell between, so that its pid is the one to kill)."""
        full = {k: v for k, v in {**self.env, **(env or {})}.items() if v is not None}
        popen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
        process = subprocess.Popen([self.chaos_path, *args], cwd=cwd or self.work, env=full, stdin=subprocess.DEVNULL,
                                   start_new_session=True, **popen)
        self.started[process.pid] = process
        return process

    def chaos(self, *args, env=None, cwd=None, timeout=120, file_limit=None):
        """Runs `chaos ARGS` to its end; one that is not over after `timeout` seconds is killed and Wrong.

        With `file_limit` no file of it can grow beyond so many bytes: a write further on fails with EFBIG, as one
        on a full disk fails with ENOSPC (the signal that would come first is ignored).
        """
        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

        started = time.monotonic()
        p = self.start(*args, env=env, cwd=cwd, preexec_fn=None if file_limit is None else limited)
        texts = {}
        readers = [threading.Thread(target=lambda pipe: texts.update({pipe: pipe.read()}), args=(pipe,), daemon=True)
                   for pipe in (p.stdout, p.stderr)]
        for reader in readers:
            reader.start()
        late = False
        try:
            status, usage = wait4(p, timeout)
        except TimeoutError:
            late = True
            os.killpg(p.pid, signal.SIGKILL)
            status, usage = wait4(p, 10)
        seconds = time.monotonic() - started
        for reader in readers:  # what it started in the background may hold the pipes open
            reader.join(2)
        out, err = (texts.get(pipe, b"").decode("utf-8", "replace") for pipe in (p.stdout, p.stderr))
        for reader, pipe in zip(readers, (p.stdout, p.stderr)):
            if not reader.is_alive():
                pipe.close()
        run = Run(args, os.waitstatus_to_exitcode(status), out, err, seconds, usage)
        need(not late, f"not over after {timeout} s: {run}")
        return run

    def journal(self, name="journal.json"):
        try:
            with open(self.path(name), encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError) as error:
            raise Wrong(f"no usable {name}: {error}") from None


def wait4(process, timeout):
    """Waits for a child and returns (status, rusage of that child alone); TimeoutError after `timeout` seconds."""
    fd = os.pidfd_open(process.pid)
    try:
        if not select.select([fd], [], [], timeout)[0]:
            raise TimeoutError
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        os.close(fd)
    process.returncode = os.waitstatus_to_exitcode(status)
    return status, usage


# A child's peak memory is told as at least that of the process which became it, so a program that weighs little
# starts it: an interpreter without its library (about 9 MB) instead of this one.
STARTER = """
import os, sys
out = os.open(os.devnull, os.O_WRONLY)
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1)])
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_utime, usage.ru_stime, usage.ru_maxrss)
"""


def weigh(command, cwd, env):
    """Runs a command: its exit code, CPU in ms (user and system), peak RSS in MB of 10^6 bytes, and what it said of errors."""
    code, user, system, rss, said = usage(command, cwd, env)
    return code, user + system, rss, said


def usage(command, cwd, env):
    """As weigh(), with the CPU of the user and of the system apart; both of the command and all that it started and waited for."""
    p = subprocess.run([sys.executable, "-I", "-S", "-c", STARTER, *command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=120, check=True)
    code, user, system, rss = p.stdout.split()
    return int(code), float(user) * 1000, float(system) * 1000, int(rss) * 1024 / 1e6, p.stderr[-2000:]


class Api:
    """The control plane's API as its administrator; objects are plain dictionaries."""

    def __init__(self):
        url = urllib.parse.urlsplit(setting("K8S_URL"))
        self.token = open(setting("K8S_ADMIN_TOKEN_FILE"), encoding="utf-8").read().strip()
        context = ssl.create_default_context(cafile=setting("K8S_CA"))
        self.connection = http.client.HTTPSConnection(url.hostname, url.port, context=context, timeout=30)

    def call(self, method, path, body=None, kind="application/json", missing_ok=False):
        headers = {"Authorization": "Bearer " + self.token, "Accept": "application/json", "Content-Type": kind}
        for last in (False, True):
            try:
                self.connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = self.connection.getresponse()
                raw = answer.read()
                break
            except (http.client.HTTPException, OSError):  # the server closes idle connections
                self.connection.close()
                if last:
                    raise
        if answer.status == 404 and missing_ok:
            return None
        need(answer.status < 400, f"{method} {path}: {answer.status} {raw[:300].decode(errors='replace')}")
        return json.loads(raw)

    def get(self, path):
        """The object, or None if there is none."""
        return self.call("GET", path, missing_ok=True)

    def patch(self, path, body):
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def pods(self, namespace, selector=""):
        return self.call("GET", f"/api/v1/namespaces/{namespace}/pods?labelSelector={urllib.parse.quote(selector)}")["items"]

    def fresh_namespace(self, name):
        """Makes an empty namespace, removing one of that name with all that it holds."""
        self.no_namespace(name)
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        until(f"the service account of {name}", 20, lambda: self.get(f"/api/v1/namespaces/{name}/serviceaccounts/default"))

    def no_namespace(self, name):
        path = f"/api/v1/namespaces/{name}"
        if self.get(path):
            self.call("DELETE", path, missing_ok=True)
            until(f"the end of namespace {name}", 90, lambda: not self.get(path))


CLOSE_WAIT = "08"  # of a connection in /proc/net/tcp: the client has closed it, the server has not
# A machine may be this many times slower than the one on which the seconds of `until` were chosen.
PATIENCE = 3


def until(what, seconds, condition, every=0.05, patience=PATIENCE):
    """Waits until `condition()` is true and returns what it returned; Wrong after `seconds`, times `patience`.

    Where the seconds are a promise of ours, and not the time that others need, the patience is 1.
    """
    seconds *= patience
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        need(time.monotonic() < end, f"waited {seconds} s in vain for {what}")
        time.sleep(every)


def all_heard(port):
    """Waits until a server on this machine has done with everybody who is gone: until then it may read what a dead client sent."""
    def lingering():
        with open("/proc/net/tcp", encoding="utf-8") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        return [row for row in rows if row[3] == CLOSE_WAIT and int(row[1].rpartition(":")[2], 16) == port]

    until(f"the server on port {port} to close what its clients closed", 10, lambda: not lingering(), 0.005)


def is_ready(pod):
    conditions = pod.get("status", {}).get("conditions", [])
    return "deletionTimestamp" not in pod["metadata"] and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
