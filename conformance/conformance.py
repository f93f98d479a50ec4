#!/usr/bin/env python3
"""Differential conformance runner for a `chaos` command.

  conformance.py --chaos CMD --corpus DIR [--record | --check] [--filter GLOB] [-j N]

Every case is a folder holding case.json, usually an experiment file, optional
helper files, and (once recorded) expected.json.  The case's files are copied
to a fresh temporary folder which is both the working directory and HOME; the
command is run there; what can be observed is normalised and either recorded
or compared.

Facets (each scored on its own):
  exit    exit status
  journal journal.json, normalised (times, durations, platform, versions)
  log     console lines on stderr as "LEVEL message"
  sink    HTTP requests received on the fixture's /sink route
  stdout  what was printed on stdout
  files   other output files the case names in "outputs"
  timing  wall-clock/journal duration bounds, where the case gives them
  order   key order of the journal (advisory: never fails a case unless
          --strict-order)

case.json keys:
  args        list of command-line arguments (placeholders allowed)
  env         extra environment (placeholders allowed; null removes a name)
  note        what the case exercises
  feature     feature group, for the per-feature totals
  needs       list among: python (a Python interpreter for python providers),
              chaoslib (importable `chaoslib` names), jsonpath, vault, tls,
              click-text (exact usage-error wording), plugin:NAME
  setup       list of shell command lines run first in the case folder
  stdin       text fed to the command
  signal      {"after": "text in stderr", "sig": "SIGINT", "delay": 0.2,
               "group": false}
  outputs     extra files to compare (.json parsed, .log parsed as log lines)
  journal     path of the journal if not journal.json; null: do not look
  duration    [min, max] seconds for the journal's "duration"
  wall        [min, max] seconds for the whole command
  unordered   list among "log", "run", "rollbacks", "sink", "during":
              compare as multisets ("during": set of distinct states)
  log_set     true: compare the set of distinct log lines only
  log_prefix  true: also compare the raw prefix (colour codes, timestamp shape)
  skip        facets not to compare
  oddity      "fix": the peer is wrong here and a replacement may differ
              (left out with --skip-oddities)
  decided     why expected.json says something else than the peer did
  timeout     seconds (default 30)

Placeholders in args, env and text files: @@FIXTURE_URL@@ @@FIXTURE_NETLOC@@
@@FIXTURE_TLS_URL@@ @@WORK@@.

If the recorded peer died with an uncaught exception ("crash" in
expected.json), a replacement is only held to: same exit status, same log
lines before the crash, same notifications before the crash.
"""
import argparse
import collections
import difflib
import fnmatch
import gzip
import http.server
import json
import os
import re
import shlex
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

FACETS = ["exit", "journal", "log", "sink", "stdout", "files", "timing", "order"]
def make_pem():
    """A throwaway certificate for 127.0.0.1, made anew at each start."""
    with tempfile.TemporaryDirectory() as d:
        key, crt = os.path.join(d, "k"), os.path.join(d, "c")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", crt], check=True, capture_output=True)
        return open(crt).read() + open(key).read()
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$")


# --------------------------------------------------------------------------
# fixture server
# --------------------------------------------------------------------------
class Fixture:
    def __init__(self):
        self.lock = threading.Lock()
        self.sinks = collections.defaultdict(list)
        self.counts = collections.defaultdict(int)
        self.roots = {}
        self.http = self._start(False)
        self.https = self._start(True)
        self.netloc = "127.0.0.1:%d" % self.http.server_address[1]
        self.tls_netloc = "127.0.0.1:%d" % self.https.server_address[1]

    def _start(self, tls):
        fixture = self

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass

        class H(Handler):
            fix = fixture

        srv = Server(("127.0.0.1", 0), H)
        if tls:
            d = tempfile.mkdtemp(prefix="conf-tls-")
            p = os.path.join(d, "pem")
            with open(p, "w") as f:
                f.write(make_pem())
            ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ctx.load_cert_chain(p)
            shutil.rmtree(d)
            srv.socket = ctx.wrap_socket(
                srv.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=srv.serve_forever, daemon=True).start()
        return srv


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fix = None

    def log_message(self, *a):
        pass

    def reply(self, code, body=b"", ctype="text/plain; charset=utf-8", headers=()):
        if isinstance(body, str):
            body = body.encode("utf-8")
        self.send_response_only(code)
        if ctype:
            self.send_header("Content-Type", ctype)
        for k, v in headers:
            self.send_header(k, v)
        if code not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and code not in (204, 304):
            self.wfile.write(body)

    def handle_any(self):
        n = int(self.headers.get("Content-Length") or 0)
        if "chunked" in (self.headers.get("Transfer-Encoding") or ""):
            data = b""
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                chunk = self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
                data += chunk
        else:
            data = self.rfile.read(n) if n else b""
        u = urllib.parse.urlsplit(self.path)
        parts = u.path.split("/")
        # /c/<case>/...
        token = ""
        rest = parts[1:]
        if len(parts) > 3 and parts[1] == "c":
            token = parts[2]
            rest = parts[3:]
        route = rest[0] if rest else ""
        arg = rest[1] if len(rest) > 1 else ""
        q = urllib.parse.parse_qs(u.query, keep_blank_values=True)
        try:
            self.dispatch(token, route, arg, rest, q, u, data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = handle_any
    do_LIST = handle_any

    def dispatch(self, token, route, arg, rest, q, u, data):
        fix = self.fix
        if route == "status":
            self.reply(int(arg), "status %s" % arg)
        elif route == "json":
            self.reply(
                200,
                json.dumps(
                    {
                        "hello": "world",
                        "count": 3,
                        "ratio": 0.5,
                        "ok": True,
                        "nothing": None,
                        "items": [
                            {"name": "a", "value": 1},
                            {"name": "b", "value": 2},
                        ],
                    }
                ),
                "application/json",
            )
        elif route == "json-charset":
            self.reply(200, '{"hello": "world"}', "application/json; charset=utf-8")
        elif route == "json-bad":
            self.reply(200, '{"hello": ', "application/json")
        elif route == "number":
            self.reply(200, arg, "application/json")
        elif route == "echo":
            hs = {}
            for k, v in self.headers.items():
                k = k.lower()
                if k in ("host", "user-agent", "accept-encoding", "connection"):
                    continue
                hs[k] = v
            out = {
                "method": self.command,
                "path": "/" + "/".join(rest),
                "query": u.query,
                "headers": dict(sorted(hs.items())),
                "body": data.decode("utf-8", "replace"),
            }
            self.reply(200, json.dumps(out), "application/json")
        elif route == "slow":
            time.sleep(int(arg) / 1000.0)
            self.reply(200, "slow %s" % arg)
        elif route == "text":
            self.reply(200, urllib.parse.unquote(arg))
        elif route == "html":
            self.reply(200, "<p>%s</p>" % arg, "text/html")
        elif route == "notype":
            self.reply(200, "h\u00e9llo w\u00f6rld \u2713".encode("utf-8"), None)
        elif route == "utf8-nocharset":
            self.reply(200, "caf\u00e9", "text/plain")
        elif route == "latin1":
            self.reply(
                200, "caf\u00e9".encode("latin-1"), "text/plain; charset=iso-8859-1"
            )
        elif route == "gzip":
            self.reply(
                200,
                gzip.compress(b"zipped", mtime=0),
                headers=[("Content-Encoding", "gzip")],
            )
        elif route == "headers":
            self.reply(
                200,
                "ok",
                headers=[
                    ("X-One", "1"),
                    ("x-lower", "two"),
                    ("X-Multi", "a"),
                    ("X-Multi", "b"),
                ],
            )
        elif route == "redirect":
            code = int(arg or 302)
            to = q.get("to", ["echo/landed"])[0]
            self.reply(code, "", headers=[("Location", "/c/%s/%s" % (token, to))])
        elif route == "drop":
            with fix.lock:
                fix.counts[(token, "drop")] += 1
                n = fix.counts[(token, "drop")]
            if arg and n > int(arg):
                self.reply(200, "finally")
                return
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif route == "seq":
            # /seq/<key>/<a,b,c>: next word on each call; a number sets status
            words = rest[2].split(",")
            with fix.lock:
                i = fix.counts[(token, arg)]
                fix.counts[(token, arg)] += 1
            w = words[min(i, len(words) - 1)]
            self.reply(int(w) if w.isdigit() else 200, w)
        elif route == "file":
            # /file/<name>?type=..&auth=..&code=..
            want = q.get("auth", [None])[0]
            if want is not None and self.headers.get("Authorization") != want:
                self.reply(401, "denied: %s" % self.headers.get("Authorization"))
                return
            p = os.path.join(fix.roots.get(token, "/nonexistent"), arg)
            with open(p, "rb") as f:
                body = f.read()
            self.reply(
                int(q.get("code", ["200"])[0]), body, q.get("type", ["text/plain"])[0]
            )
        elif route == "v1":
            self.vault(token, rest, data)
        elif route == "sink":
            hs = {}
            for k, v in self.headers.items():
                if k.lower() in ("content-type", "authorization") or k.lower().startswith("x-"):
                    hs[k.lower()] = v
            try:
                body = json.loads(data) if data else None
            except ValueError:
                body = {"__text__": data.decode("utf-8", "replace")}
            with fix.lock:
                fix.sinks[token].append(
                    {
                        "method": self.command,
                        "path": "/" + "/".join(rest) + ("?" + u.query if u.query else ""),
                        "headers": dict(sorted(hs.items())),
                        "json": body,
                    }
                )
            self.reply(int(arg) if arg.isdigit() else 200, "ok")
        else:
            self.reply(404, "no such route: %s" % route)

    def vault(self, token, rest, data):
        """a tiny Vault KV emulation: token auth 's.root', approle, v1 and v2"""
        path = "/".join(rest[1:])
        tok = self.headers.get("X-Vault-Token")

        def js(code, o):
            self.reply(code, json.dumps(o), "application/json")

        if path == "auth/approle/login":
            b = json.loads(data or b"{}")
            if b.get("role_id") == "role" and b.get("secret_id") == "sekret":
                return js(200, {"auth": {"client_token": "s.approle"}})
            return js(400, {"errors": ["invalid role or secret ID"]})
        if path == "auth/kubernetes/login":
            b = json.loads(data or b"{}")
            if b.get("role") == "kr" and b.get("jwt"):
                return js(200, {"auth": {"client_token": "s.k8s"}})
            return js(400, {"errors": ["bad jwt"]})
        if tok not in ("s.root", "s.approle", "s.k8s"):
            return js(403, {"errors": ["permission denied"]})
        db = {"mypassword": "shh", "mylogin": "jane", "n": 3}
        if path in ("secret/data/foo/bar", "kv/data/foo/bar"):
            return js(200, {"data": {"data": db, "metadata": {"version": 1}}})
        if path in ("secret/foo/bar", "kv/foo/bar"):
            return js(200, {"data": db})
        return js(404, {"errors": []})


# --------------------------------------------------------------------------
# normalisation
# --------------------------------------------------------------------------
class Norm:
    def __init__(self, subs):
        self.subs = subs  # list of (literal, replacement)

    def s(self, text):
        for a, b in self.subs:
            text = text.replace(a, b)
        text = re.sub(r"0x[0-9a-f]{6,}", "0x_", text)
        text = re.sub(r"(failed to connect to \S+): .*", r"\1: <detail>", text, flags=re.S)
        text = re.sub(
            r"(Failed parsing YAML experiment): .*", r"\1: <detail>", text, flags=re.S
        )
        text = re.sub(
            r"(Failed parsing YAML settings): .*", r"\1: <detail>", text, flags=re.S
        )
        text = re.sub(
            r"(Failed to parse (?:variable|control) file '[^']*'): .*",
            r"\1: <detail>",
            text,
            flags=re.S,
        )
        return text

    def deep(self, o):
        if isinstance(o, str):
            return self.s(o)
        if isinstance(o, list):
            return [self.deep(x) for x in o]
        if isinstance(o, dict):
            return {self.s(k): self.deep(v) for k, v in o.items()}
        return o

    def journal(self, o):
        o = self._times(o)
        return self.deep(o)

    def _times(self, o):
        if isinstance(o, list):
            return [self._times(x) for x in o]
        if not isinstance(o, dict):
            return o
        is_run = "activity" in o and "start" in o
        is_root = "chaoslib-version" in o
        is_disco = "chaoslib_version" in o and "activities" in o
        out = {}
        for k, v in o.items():
            if is_run or is_root:
                if k in ("start", "end") and isinstance(v, str):
                    out[k] = "<iso>" if ISO.match(v) else "<bad time: %s>" % v
                    continue
                if k == "duration":
                    ok = isinstance(v, float)
                    out[k] = "<float>" if ok else "<bad duration: %r>" % (v,)
                    continue
            if is_root and k in ("chaoslib-version", "platform", "node"):
                out[k] = "<str>" if isinstance(v, str) else v
                continue
            if is_disco and k in ("chaoslib_version", "id", "date"):
                out[k] = "<str>" if isinstance(v, str) else v
                continue
            if is_disco and k == "platform":
                out[k] = {x: "<str>" for x in v}
                continue
            if is_run and k == "exception" and isinstance(v, list):
                txt = "".join(x for x in v if isinstance(x, str))
                lines = [x for x in txt.splitlines() if x.strip()]
                out[k] = ["<traceback>", lines[-1] if lines else ""]
                continue
            out[k] = self._times(v)
        return out


HDR = re.compile(
    r"^(?P<pre>(?:\x1b\[[0-9;]*m)?)"
    r"\[(?P<ts>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<lvl>[A-Z]+)\]"
    r"(?P<mod> \[[\w.]+:\d+\])?(?P<post>(?:\x1b\[[0-9;]*m)?) (?P<msg>.*)$"
)


def parse_log(text, norm, prefix=False):
    """-> (entries, crash_tail): entries are 'LEVEL message' strings"""
    out = []
    crash = None
    lines = text.split("\n")
    i = 0
    cur = None

    def close():
        nonlocal cur
        if cur is None:
            return
        head, body = cur
        cur = None
        if head.startswith("DEBUG"):
            return
        if any(b.strip().startswith("Traceback (most recent call last)") for b in body):
            k = next(
                j
                for j, b in enumerate(body)
                if b.strip().startswith("Traceback (most recent call last)")
            )
            body = body[:k] + ["<traceback>"]
        out.append(norm.s("\n".join([head] + body)))

    while i < len(lines):
        ln = lines[i]
        i += 1
        m = HDR.match(ln)
        if m:
            close()
            h = "%s %s" % (m["lvl"], m["msg"])
            if prefix and m["lvl"] != "DEBUG":
                h = "%s%s%s%s" % (
                    m["pre"].replace("\x1b", "ESC"),
                    m["lvl"],
                    " [mod:line]" if m["mod"] else "",
                    m["post"].replace("\x1b", "ESC") + " " + m["msg"],
                )
                if m["pre"].startswith("\x1b") is False and not m["pre"]:
                    h = "(plain)" + h
            elif m["mod"] and m["lvl"] != "DEBUG":
                h = "%s [mod:line] %s" % (m["lvl"], m["msg"])
            cur = (h, [])
            continue
        if cur is not None and (ln.startswith("    ") or ln == ""):
            if ln.strip() or ln.startswith("    "):
                cur[1].append(ln[4:])
            continue
        close()
        if not ln.strip():
            continue
        if ln.startswith("{") and '"levelname"' in ln:
            try:
                o = json.loads(ln)
            except ValueError:
                o = None
            if o:
                out.append(
                    "JSON[%s] %s %s"
                    % (",".join(o), o.get("levelname"), norm.s(str(o.get("message"))))
                )
                continue
        if ln.startswith("Traceback (most recent call last)"):
            rest = [x for x in lines[i:] if x.strip()]
            tail = [x for x in rest if not x.startswith(" ")]
            crash = norm.s(tail[-1]) if tail else "?"
            cur = None
            break
        if (
            re.match(r"^line \d+:\d+ ", ln)
            or "ANTLR runtime" in ln
            or ln.startswith("Matplotlib is building the font cache")
        ):
            continue  # noise of libraries the peer loads
        if re.search(r"Warning: ", ln) and re.match(r"^/\S+:\d+: ", ln):
            i += 1  # python warning + its source line
            continue
        block = [ln.rstrip()]
        while i < len(lines) and not (
            HDR.match(lines[i])
            or lines[i].startswith(("Traceback (most", "{"))
            or re.match(r"^line \d+:\d+ ", lines[i])
        ):
            block.append(lines[i].rstrip())
            i += 1
        for x in norm.s("\n".join(block)).split("\n"):
            if x.strip():
                out.append("RAW " + x)
    close()
    return out, crash


# --------------------------------------------------------------------------
# running
# --------------------------------------------------------------------------
def load_case(d):
    with open(os.path.join(d, "case.json")) as f:
        return json.load(f)


def run_case(d, opts, fix):
    case = load_case(d)
    cid = os.path.basename(d)
    work = os.path.realpath(tempfile.mkdtemp(prefix="chaos-"))
    url = "http://%s/c/%s" % (fix.netloc, cid)
    tls = "https://%s/c/%s" % (fix.tls_netloc, cid)
    fix.roots[cid] = work
    with fix.lock:
        fix.sinks[cid] = []
        for k in [k for k in fix.counts if k[0] == cid]:
            del fix.counts[k]
    ph = [
        ("@@FIXTURE_URL@@", url),
        ("@@FIXTURE_TLS_URL@@", tls),
        ("@@FIXTURE_NETLOC@@", fix.netloc),
        ("@@WORK@@", work),
    ]

    def sub(t):
        for a, b in ph:
            t = t.replace(a, b)
        return t

    try:
        for root, _, files in os.walk(d):
            rel = os.path.relpath(root, d)
            dst = os.path.join(work, rel) if rel != "." else work
            os.makedirs(dst, exist_ok=True)
            for fn in files:
                if rel == "." and fn in ("case.json", "expected.json"):
                    continue
                with open(os.path.join(root, fn), "rb") as f:
                    data = f.read()
                if b"@@" in data:
                    data = sub(data.decode("utf-8")).encode("utf-8")
                p = os.path.join(dst, fn)
                with open(p, "wb") as f:
                    f.write(data)
                shutil.copymode(os.path.join(root, fn), p)
        env = {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "HOME": work,
            "TMPDIR": work,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "PYTHONDONTWRITEBYTECODE": "1",
            "FIXTURE_URL": url,
            "FIXTURE_TLS_URL": tls,
            "FIXTURE_NETLOC": fix.netloc,
        }
        for kv in opts.env:
            k, _, v = kv.partition("=")
            env[k] = v
        for k, v in (case.get("env") or {}).items():
            if v is None:
                env.pop(k, None)
            else:
                env[k] = sub(v)
        if opts.extra_pythonpath:
            env["PYTHONPATH"] = os.pathsep.join(
                x for x in (env.get("PYTHONPATH"), opts.extra_pythonpath) if x
            )
        for line in case.get("setup") or []:
            subprocess.run(
                ["sh", "-c", sub(line)],
                cwd=work,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        cmd = opts.chaos_argv + [sub(a) for a in case["args"]]
        t0 = time.time()
        proc = subprocess.Popen(
            cmd,
            cwd=work,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        bufs = {"out": b"", "err": b""}
        sig = case.get("signal")
        fired = [False]

        def fire():
            try:
                n = getattr(signal, sig["sig"])
                if sig.get("group"):
                    os.killpg(proc.pid, n)
                else:
                    os.kill(proc.pid, n)
            except OSError:
                pass

        def pump(stream, key):
            while True:
                b = os.read(stream.fileno(), 65536)
                if not b:
                    return
                bufs[key] += b
                if sig and key == "err" and not fired[0]:
                    if sig["after"].encode() in bufs[key]:
                        fired[0] = True
                        threading.Timer(sig.get("delay", 0.2), fire).start()

        ts = [
            threading.Thread(target=pump, args=(proc.stdout, "out"), daemon=True),
            threading.Thread(target=pump, args=(proc.stderr, "err"), daemon=True),
        ]
        for t in ts:
            t.start()
        try:
            if case.get("stdin") is not None:
                proc.stdin.write(case["stdin"].encode())
            proc.stdin.close()
        except OSError:
            pass
        timed_out = False
        try:
            rc = proc.wait(timeout=case.get("timeout", 30))
        except subprocess.TimeoutExpired:
            timed_out = True
            rc = "TIMEOUT"
            try:
                os.killpg(proc.pid, signal.SIGKILL)
            except OSError:
                pass
            proc.wait()
        wall = time.time() - t0
        for t in ts:
            t.join(timeout=3)
        try:  # anything the experiment left behind in the background
            os.killpg(proc.pid, signal.SIGKILL)
        except OSError:
            pass

        norm = Norm(
            [
                (url, "@@FIXTURE_URL@@"),
                (tls, "@@FIXTURE_TLS_URL@@"),
                (fix.netloc, "@@FIXTURE_NETLOC@@"),
                (fix.tls_netloc, "@@FIXTURE_TLS_NETLOC@@"),
                (work, "@@WORK@@"),
            ]
        )
        res = {"exit": rc}
        err = bufs["err"].decode("utf-8", "replace")
        out = bufs["out"].decode("utf-8", "replace")
        log, crash = parse_log(err, norm, case.get("log_prefix", False))
        if case.get("log_set"):
            seen = []
            for x in log:
                if x not in seen:
                    seen.append(x)
            log = sorted(seen)
        elif "log" in (case.get("unordered") or []):
            log = sorted(log)
        res["log"] = log
        if crash is not None and not timed_out:
            res["crash"] = crash
        out = norm.s(out)
        out = re.sub(r"\d+\.\d+\.\d+[\w.+-]*", "<ver>", out)
        res["stdout"] = [x.rstrip() for x in out.split("\n")]
        while res["stdout"] and not res["stdout"][-1]:
            res["stdout"].pop()

        jp = case.get("journal", "journal.json")
        journal = None
        raw = None
        if jp:
            p = os.path.join(work, jp)
            if os.path.exists(p):
                with open(p, encoding="utf-8", errors="replace") as f:
                    txt = f.read()
                try:
                    raw = json.loads(txt)
                    journal = norm.journal(raw)
                except ValueError:
                    journal = "<invalid json>"
        if isinstance(journal, dict):
            # the peer leaves all secrets, in clear, inside the provider of a
            # configuration probe; a replacement must not
            conf = (journal.get("experiment") or {}).get("configuration")
            for v in conf.values() if isinstance(conf, dict) else ():
                if isinstance(v, dict) and v.get("type") == "probe":
                    if isinstance(v.get("provider"), dict):
                        v["provider"].pop("secrets", None)
            un = case.get("unordered") or []
            for k in ("run", "rollbacks"):
                if k in un and isinstance(journal.get(k), list):
                    journal[k] = sorted(journal[k], key=canon)
            if "during" in un:
                dur = (journal.get("steady_states") or {}).get("during")
                if isinstance(dur, list):
                    uniq = {canon(x): x for x in dur}
                    journal["steady_states"]["during"] = [uniq[k] for k in sorted(uniq)]
        res["journal"] = journal
        if raw is not None and isinstance(raw, dict):
            res["journal_duration"] = raw.get("duration")
        with fix.lock:
            sink = list(fix.sinks[cid])
        clean = []
        for s in sink:
            s = norm.journal(s)
            if isinstance(s.get("json"), dict) and "ts" in s["json"]:
                v = s["json"]["ts"]
                s["json"]["ts"] = "<float>" if isinstance(v, float) else repr(v)
            if isinstance(s.get("json"), dict) and isinstance(s["json"].get("payload"), dict):
                s["json"]["payload"] = norm.journal(s["json"]["payload"])
            clean.append(s)
        if "sink" in (case.get("unordered") or []):
            clean.sort(key=canon)
        res["sink"] = clean
        files = {}
        for name in case.get("outputs") or []:
            p = os.path.join(work, name)
            if not os.path.exists(p):
                files[name] = None
                continue
            with open(p, encoding="utf-8", errors="replace") as f:
                txt = f.read()
            if name.endswith(".json"):
                try:
                    files[name] = norm.journal(json.loads(txt))
                except ValueError:
                    files[name] = "<invalid json>"
            elif name.endswith(".log"):
                files[name] = parse_log(txt, norm, case.get("log_prefix", False))[0]
            else:
                files[name] = norm.s(txt).split("\n")
        res["files"] = files
        res["wall"] = wall
        return res
    finally:
        fix.roots.pop(cid, None)
        if opts.keep:
            print("kept %s: %s" % (cid, work))
        else:
            shutil.rmtree(work, ignore_errors=True)


def canon(o):
    return json.dumps(o, sort_keys=True, ensure_ascii=False)


def pretty(o):
    return json.dumps(o, sort_keys=True, indent=1, ensure_ascii=False).split("\n")


def diff(a, b, limit):
    out = [
        x
        for x in difflib.unified_diff(a, b, "expected", "actual", lineterm="", n=1)
        if not x.startswith(("---", "+++"))
    ]
    if limit and len(out) > limit:
        out = out[:limit] + ["... (%d more lines)" % (len(out) - limit)]
    return out


def compare(case, exp, got, opts):
    """-> {facet: None (not applicable) | [] (pass) | diff lines}"""
    res = {f: None for f in FACETS}
    skip = set(case.get("skip") or [])
    crash = "crash" in exp
    lim = 0 if opts.full_diff else 14
    if "exit" not in skip:
        ok = exp["exit"] == got["exit"]
        res["exit"] = [] if ok else ["exit: expected %r, got %r" % (exp["exit"], got["exit"])]
    if "log" not in skip:
        a, b = exp["log"], got["log"]
        if crash:
            b = b[: len(a)]
        res["log"] = [] if a == b else diff(a, b, lim)
    if "sink" not in skip and (exp["sink"] or got["sink"]):
        a, b = exp["sink"], got["sink"]
        if crash:
            b = b[: len(a)]
        res["sink"] = [] if canon(a) == canon(b) else diff(pretty(a), pretty(b), lim)
    if "journal" not in skip and not crash and (exp["journal"] is not None or got["journal"] is not None):
        a, b = exp["journal"], got["journal"]
        same = canon(a) == canon(b)
        res["journal"] = [] if same else diff(pretty(a), pretty(b), lim)
        if same and "order" not in skip:
            x = json.dumps(a, ensure_ascii=False)
            y = json.dumps(b, ensure_ascii=False)
            res["order"] = (
                []
                if x == y
                else diff(
                    json.dumps(a, indent=1).split("\n"), json.dumps(b, indent=1).split("\n"), lim
                )
            )
    if "stdout" not in skip and not crash and (exp["stdout"] or got["stdout"]):
        a, b = exp["stdout"], got["stdout"]
        res["stdout"] = [] if a == b else diff(a, b, lim)
    if "files" not in skip and not crash and exp.get("files"):
        a, b = exp["files"], got["files"]
        res["files"] = [] if canon(a) == canon(b) else diff(pretty(a), pretty(b), lim)
    if "timing" not in skip and not crash:
        bad = []
        seen = False
        if case.get("duration"):
            seen = True
            lo, hi = case["duration"]
            v = got.get("journal_duration")
            if not (isinstance(v, (int, float)) and lo <= v <= hi):
                bad.append("journal duration %r not in [%s, %s]" % (v, lo, hi))
        if case.get("wall"):
            seen = True
            lo, hi = case["wall"]
            if not lo <= got["wall"] <= hi:
                bad.append("wall %.2fs not in [%s, %s]" % (got["wall"], lo, hi))
        if seen:
            res["timing"] = bad
    return res


def main():
    ap = argparse.ArgumentParser(description="differential conformance runner")
    ap.add_argument("--chaos", required=True, help="the command under test (may hold arguments)")
    ap.add_argument("--corpus", required=True, action="append")
    mode = ap.add_mutually_exclusive_group()
    mode.add_argument("--record", action="store_true")
    mode.add_argument("--check", action="store_true")
    ap.add_argument("--filter", default="*", help="glob(s) on the case id, comma separated")
    ap.add_argument("-j", type=int, default=2, dest="jobs")
    ap.add_argument("--env", action="append", default=[], help="NAME=VALUE for every case")
    ap.add_argument(
        "--extra-pythonpath",
        default="",
        help="folder appended to PYTHONPATH (peer extras: jsonpath2, hvac)",
    )
    ap.add_argument("--skip-needs", default="", help="skip cases needing any of these (comma separated)")
    ap.add_argument("--skip-oddities", action="store_true", help='skip cases marked "oddity": "fix"')
    ap.add_argument("--strict-order", action="store_true", help="journal key order fails a case")
    ap.add_argument("--full-diff", action="store_true")
    ap.add_argument("--quiet", action="store_true", help="print failing cases only")
    ap.add_argument("--keep", action="store_true", help="keep the temporary folders")
    ap.add_argument("--json", help="write the results to this file instead of printing totals")
    opts = ap.parse_args()
    opts.chaos_argv = shlex.split(opts.chaos)
    if "/" in opts.chaos_argv[0]:
        opts.chaos_argv[0] = os.path.abspath(opts.chaos_argv[0])
    if opts.extra_pythonpath:
        opts.extra_pythonpath = os.path.abspath(opts.extra_pythonpath)
    globs = [g.strip() for g in opts.filter.split(",") if g.strip()]
    bad_needs = {x for x in opts.skip_needs.split(",") if x}
    dirs = []
    for c in opts.corpus:
        for n in sorted(os.listdir(c)):
            d = os.path.join(c, n)
            if os.path.isfile(os.path.join(d, "case.json")) and any(
                fnmatch.fnmatch(n, g) for g in globs
            ):
                meta = load_case(d)
                if bad_needs & set(meta.get("needs") or []):
                    continue
                if opts.skip_oddities and meta.get("oddity") == "fix":
                    continue
                dirs.append(d)
    fix = Fixture()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    npass = nfail = 0
    totals = {f: [0, 0] for f in FACETS}
    feats = collections.defaultdict(lambda: [0, 0])
    report = []

    def work(d):
        try:
            return d, run_case(d, opts, fix), None
        except Exception as x:  # a broken case must not stop the run
            return d, None, "%s: %s" % (type(x).__name__, x)

    with ThreadPoolExecutor(max(1, opts.jobs)) as pool:
        for d, got, err in pool.map(work, dirs):
            cid = os.path.basename(d)
            case = load_case(d)
            if err:
                nfail += 1
                print("FAIL %s\n    runner error: %s" % (cid, err))
                continue
            if opts.record:
                keep = {
                    k: None if k in (case.get("skip") or []) else got[k]
                    for k in ("exit", "log", "stdout", "journal", "sink", "files")
                }
                if "crash" in got:
                    keep["crash"] = got["crash"]
                with open(os.path.join(d, "expected.json"), "w") as f:
                    json.dump(keep, f, indent=1, ensure_ascii=False)
                    f.write("\n")
                npass += 1
                print(
                    "RECORDED %s exit=%s %.1fs%s"
                    % (cid, got["exit"], got["wall"], " CRASH " + got["crash"] if "crash" in got else "")
                )
                sys.stdout.flush()
                continue
            ep = os.path.join(d, "expected.json")
            if not os.path.exists(ep):
                nfail += 1
                print("FAIL %s\n    no expected.json" % cid)
                continue
            with open(ep) as f:
                exp = json.load(f)
            res = compare(case, exp, got, opts)
            failed = [
                f
                for f, v in res.items()
                if v and (f != "order" or opts.strict_order)
            ]
            for f, v in res.items():
                if v is not None:
                    totals[f][0 if not v else 1] += 1
            ft = case.get("feature") or cid.split("-")[0]
            feats[ft][1 if failed else 0] += 1
            if failed:
                nfail += 1
                print("FAIL %s [%s]  (%s)" % (cid, ",".join(failed), case.get("note", "")))
                for f in failed:
                    for ln in res[f]:
                        print("    %s| %s" % (f, ln))
            else:
                npass += 1
                if not opts.quiet:
                    print("PASS %s" % cid)
            sys.stdout.flush()
            report.append({"case": cid, "feature": ft, "pass": not failed,
                           "facets": {f: (None if v is None else not v) for f, v in res.items()}})
    if not opts.record:
        if opts.json:  # whoever reads the file prints the totals
            with open(opts.json, "w") as f:
                json.dump({"passed": npass, "failed": nfail, "facets": totals,
                           "features": feats, "cases": report}, f, indent=1)
        else:
            print("\nper feature:")
            for k in sorted(feats):
                print("  %-14s %3d passed %3d failed" % (k, feats[k][0], feats[k][1]))
            print("per facet:")
            for f in FACETS:
                a, b = totals[f]
                print("  %-14s %3d passed %3d failed%s" % (f, a, b, " (advisory)" if f == "order" and not opts.strict_order else ""))
            print("%d passed, %d failed" % (npass, nfail))
    else:
        print("%d recorded, %d failed" % (npass, nfail))
    sys.exit(1 if nfail else 0)


if __name__ == "__main__":
    main()
