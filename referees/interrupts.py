#!/usr/bin/env python3
"""Signals at 280 random moments of a run: a journal each time, and everything as before.

The run has a background action that scales a Deployment, a background program, a continuous hypothesis of a native and an
HTTP probe, foreground actions with pauses, and rollbacks. 100 times SIGTERM, 100 times SIGKILL, 20 times both, 15 each of INT,
HUP, USR1 and USR2, at moments from before the program listens to after its end; several runs at once, each in a namespace of
its own of one `chaos playground`. Then SIGTERM while something hangs, and the seconds until the journal is there.
"""
import glob
import http.server
import json
import os
import queue
import random
import signal
import statistics
import threading
import time

import journals
from lab import Lab, Tally, all_heard, need, options, until
from pieces import count, idle_deployment, kubeconfig, scale
from playgrounds import Playground

REPLICAS = 3
AT_ONCE = 2.0  # seconds from a signal to the journal, on a machine that does other things too
KINDS = {"TERM": 100, "KILL": 100, "TERM, then KILL": 20, "INT": 15, "HUP": 15, "USR1": 15, "USR2": 15}


def program(name, *line, **more):
    return {"type": "action", "name": name, **more, "provider": {"type": "process", "path": line[0], "arguments": list(line[1:])}}


def experiment(namespace, url):
    """About three seconds long."""
    return {
        "title": "Interrupted", "description": "At any moment.",
        "steady-state-hypothesis": {"title": "All is well", "probes": [
            count("nobody is there", namespace, tolerance=0),
            {"type": "probe", "name": "answers", "tolerance": 200, "provider": {"type": "http", "url": url, "timeout": 5}}]},
        "method": [
            {**scale("one beside", namespace, "one", 0), "background": True, "pauses": {"before": 0.2, "after": 0.4}},
            program("program beside", "sleep", "2.4", background=True),
            {**scale("two", namespace, "two", 1), "pauses": {"before": 0.8, "after": 0.7}},
            program("program", "sleep", "0.2"),
            {**scale("two again", namespace, "two", 5), "pauses": {"after": 0.4}}],
        "rollbacks": [scale("one back", namespace, "one", REPLICAS), {**scale("two back", namespace, "two", REPLICAS), "pauses": {"before": 0.2}}]}


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers 200; below /slow it never does; of the API it knows a Deployment that can be read, and changes if it is allowed to."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/slow"):
            return self.server.over.wait(120)
        return self.answer({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one", "namespace": "n", "uid": "u", "resourceVersion": "1"},
                            "spec": {"replicas": self.server.replicas, "selector": {"matchLabels": {"app": "one"}}}})

    def do_PATCH(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.hangs.is_set():
            self.server.patched.set()
            return self.server.over.wait(120)
        ours = [op["value"] for op in body if op["path"] == "/spec/replicas"] if isinstance(body, list) else [body["spec"]["replicas"]]
        self.server.replicas = ours[-1]
        return self.do_GET()

    do_PUT = do_PATCH

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Deaf(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128

    def handle_error(self, *_):
        """Whoever asked was killed."""


def serve():
    server = Deaf(("127.0.0.1", 0), Quiet)
    server.hangs, server.patched, server.over, server.replicas = threading.Event(), threading.Event(), threading.Event(), REPLICAS
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


def group(pid):
    """Processes that are alive in a process group: pid and name."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8") as f:
                    name, rest = f.read().rsplit(")", 1)
            except OSError:
                continue
            fields = rest.split()
            if int(fields[2]) == pid and fields[0] != "Z":
                found.append((int(entry), name.split("(", 1)[1]))
    return found


def end_all(left):
    for pid, _ in left:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself


def going_on(events):
    """How many programs had been started, and had not ended, when a run was killed: all that its log knows of."""
    started = {event["id"] for event in events if event["event"] == "activity-started" and event["activity"]["provider"]["type"] == "process"}
    ended = any(event["event"] == "run-ended" for event in events)
    return 0 if ended else len(started - {event["id"] for event in events if event["event"] == "activity-ended"})


class Seen:
    """What was counted over all rounds."""

    def __init__(self):
        self.lock, self.whole, self.troubles = threading.Lock(), dict.fromkeys(KINDS, 0), []
        self.fell = {"before": 0, "within": 0, "after": 0}
        self.waits, self.orphans, self.marks = [], 0, {}


class Worker(threading.Thread):
    """Plays one run after the other in a namespace of its own."""

    def __init__(self, number, lab, playground, url, rounds, seen):
        super().__init__(daemon=True)
        self.namespace, self.lab, self.rounds, self.seen = f"at-{number}", lab, rounds, seen
        self.client = playground.client()
        self.cwd = lab.path(self.namespace)
        os.mkdir(self.cwd)
        with open(os.path.join(self.cwd, "e.json"), "w", encoding="utf-8") as f:
            json.dump(experiment(self.namespace, url), f)
        self.journal = os.path.join(self.cwd, "journal.json")
        self.path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments"
        self.client.expect(201, "", "POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        for name in ("one", "two"):
            self.client.expect(201, "", "POST", self.path, idle_deployment(name, REPLICAS))

    def run(self):
        while True:
            try:
                number, kind, moment, gap = self.rounds.get_nowait()
            except queue.Empty:
                return
            try:
                self.play(number, kind, moment, gap)
                with self.seen.lock:
                    self.seen.whole[kind] += 1
            except Exception as trouble:  # noqa: BLE001
                with self.seen.lock:
                    when = "at its end" if moment is None else f"after {moment * 1000:.0f} ms"
                    self.seen.troubles.append(f"round {number}, {kind} {when}: {type(trouble).__name__}: {trouble}")
                for name in ("one", "two"):
                    self.client.call("PATCH", f"{self.path}/{name}", {"spec": {"replicas": REPLICAS}}, "application/merge-patch+json")

    def replicas(self):
        return [self.client.expect(200, "", "GET", f"{self.path}/{name}")["spec"]["replicas"] for name in ("one", "two")]

    def chaos(self, *args):
        return self.lab.chaos("--no-log-file", *args, env=self.env, cwd=self.cwd)

    def begin(self, number):
        self.state = os.path.join(self.cwd, f"state-{number}")
        self.env = {"CHAOS_STATE_DIR": self.state}
        if os.path.exists(self.journal):
            os.remove(self.journal)
        self.console = os.path.join(self.cwd, f"console-{number}.txt")
        with open(self.console, "wb") as console:
            return self.lab.start("--no-log-file", "run", "--hypothesis-strategy", "continuously", "--hypothesis-frequency", "0.2", "e.json",
                                  env=self.env, cwd=self.cwd, stdout=console, stderr=console)

    def play(self, number, kind, moment, gap):
        process = self.begin(number)
        if moment is None:
            while process.poll() is None and not os.path.exists(self.journal):
                time.sleep(0.002)
        else:
            time.sleep(moment)
        signals = kind.split(", then ")
        sent = time.monotonic()
        process.send_signal(getattr(signal, "SIG" + signals[0]))
        if len(signals) == 2:
            time.sleep(gap)
            process.kill()
        elif kind != "KILL":
            self.wait_for_journal(process, sent)
        try:
            code = process.wait(60)
        finally:
            left = group(process.pid)
            end = time.monotonic() + 10
            while any(name == "chaos" for _, name in left) and time.monotonic() < end:
                time.sleep(0.02)  # a program that is just being started has its own name in a moment
                left = group(process.pid)
            end_all(left)
            del self.lab.started[process.pid]
        killed = code == -signal.SIGKILL
        if left:
            # Nobody can end a program after a kill; otherwise we must have.
            need(killed and all(name == "sleep" for _, name in left), f"processes are left: {left}")
        self.judge(kind, code, killed, self.log(), len(left))

    def wait_for_journal(self, process, sent):
        """How long it takes from the signal until a valid journal is there, if the run was stopped by it."""
        while process.poll() is None and not os.path.exists(self.journal):
            time.sleep(0.002)
        if os.path.exists(self.journal):
            at_once = journals.read(self.journal)
            if at_once["status"] == "interrupted":
                with self.seen.lock:
                    self.seen.waits.append(time.monotonic() - sent)

    def log(self):
        """Names of runs and the only run's events; a torn last line is no event."""
        runs = os.path.join(self.state, "runs")
        names = os.listdir(runs) if os.path.isdir(runs) else []
        need(len(names) <= 1, f"runs: {names}")
        self.run_name = names[0] if names else None
        path = os.path.join(runs, self.run_name, "events.jsonl") if names else None
        if not path or not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as f:
            lines = f.read().split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def judge(self, kind, code, killed, events, orphans):
        with open(self.console, encoding="utf-8", errors="replace") as f:
            said = f.read()
        need("bug of ours" not in said and "panicked" not in said, f"it panicked: {said[-2000:]}")
        names = [event["event"] for event in events]
        began, ended = "run-started" in names, "run-ended" in names
        journal = journals.read(self.journal)
        fell = "before" if not began else "after" if ended and code == 0 else "within"
        with self.seen.lock:
            self.seen.fell[fell] += 1
            self.seen.orphans += orphans
            mark = names[-1] if killed and names else None
            self.seen.marks[mark] = self.seen.marks.get(mark, 0) + 1
        if killed:
            # What is already under way inside the API server is no longer the program's doing: let it arrive.
            all_heard(self.client.connection.port)
            time.sleep(0.05)
            journal = self.recover(began, journal, "stop-requested" in names, going_on(events))
        elif not began:
            # The Toolkit's codes, as a shell has them, and a line; without one only if it did not listen yet.
            number = getattr(signal, "SIG" + kind.split(",")[0])
            told = code == (1 if number == signal.SIGINT else 128 + number) and "came before the run began: nothing was changed" in said
            need(told or code == -number, f"it ended with {code}: {said[-1000:]}")
            need(journal is None and self.run_name is None or not events, f"a journal, or a log, of nothing: {names}")
        else:
            need(code == (0 if journal and journal["status"] == "completed" else 1), f"it ended with {code}, journal {journal and journal['status']}: {said[-1000:]}")
        if began:
            self.same_story(journal, events, killed)
        need(self.replicas() == [REPLICAS] * 2, f"replicas are {self.replicas()} after {names[-12:]}: {said[-1500:]}")
        listed = self.chaos("recover", "--format", "json")
        need(listed.code == 0 and json.loads(listed.out) == [], f"something is left open: {listed}")
        files = sorted(os.listdir(self.cwd))
        strays = [name for name in files if not name.startswith(("state-", "console-")) and name not in ("e.json", "journal.json")]
        need(not strays, f"files are left: {strays}")

    def recover(self, began, journal, stopped, programs):
        """After a kill: `chaos recover RUN`, twice; the journal."""
        if stopped:
            # The signal was answered, so there is a journal already; it may be caught between the two only before the first byte.
            need(journal is None or journal["status"] in ("interrupted", "completed"), f"journal: {journal and journal['status']}")
        if self.run_name is None:
            need(journal is None and self.chaos("recover", "--all").code == 0, "no run, but a journal, or nothing to recover fails")
            return None
        texts = []
        for _ in range(2):
            recovery = self.chaos("recover", self.run_name)
            need(recovery.code == 0, f"{recovery}")
            journal = journals.read(self.journal)
            need((journal is not None) == began, f"journal: {journal is not None}, run began: {began}: {recovery}")
            need(began or "killed before it began" in recovery.err, f"{recovery}")
            if not texts:
                need(recovery.err.count("if it still is, end it") == programs, f"of {programs} programs that outlived the run: {recovery}")
            if began:
                with open(self.journal, "rb") as f:
                    texts.append(f.read())
        need(len(set(texts)) <= 1, "the second recovery changes the journal")
        return journal

    def same_story(self, journal, events, killed):
        """The journal tells what the log tells."""
        ended = [event for event in events if event["event"] == "run-ended"]
        need(killed or ended, "the run ended, but its log does not say so")
        status = ended[0]["status"] if ended else "interrupted"
        asked = any(event["event"] == "stop-requested" for event in events)
        need(journal["status"] == status and status == ("interrupted" if asked or not ended else "completed"), f"{journal['status']}, its log says {status}, asked to stop: {asked}")
        starts = [event for event in events if event["event"] == "activity-started"]
        ends = {event["id"]: event["ended"] for event in events if event["event"] == "activity-ended"}
        for place, key in (("method", "run"), ("rollbacks", "rollbacks")):
            told = [(one["activity"]["name"], one.get("status")) for one in journal[key]]
            word = lambda event: None if ends.get(event["id"]) in (None, "interrupted") else ends[event["id"]]  # noqa: E731
            need(told == [(event["activity"]["name"], word(event)) for event in starts if event["place"] == place], f"{key}: {told}")
        rounds = [event["phase"] for event in events if event["event"] == "hypothesis-ended"]
        states = journal["steady_states"]
        need([states["before"] is not None, states["after"] is not None, len(states["during"])] == ["before" in rounds, "after" in rounds, rounds.count("during")],
             f"steady states: {rounds}")


def measure(lab, worker):
    """How long an undisturbed run takes; it must be as it is meant."""
    lengths = []
    for number in range(-3, 0):
        begun = time.monotonic()
        process = worker.begin(number)
        code = process.wait(60)
        lengths.append(time.monotonic() - begun)
        with open(worker.console, encoding="utf-8") as f:
            said = f.read()
        need(code == 0, f"an undisturbed run ended with {code}: {said[-2000:]}")
        journal = journals.read(worker.journal)
        need(journal["status"] == "completed" and all(one.get("status") == "succeeded" for one in journal["run"] + journal["rollbacks"]),
             f"an undisturbed run: {said[-2000:]}")
        need(len(journal["steady_states"]["during"]) >= 3, "the continuous hypothesis was looked at too rarely")
        worker.log()
        worker.same_story(journal, worker.log(), False)
        del lab.started[process.pid]
    return statistics.median(lengths)


def moments(length, dice, kinds):
    """Spread over the whole life: most evenly, some more at its begin and its end, where little time holds much.

    However quick or slow the machine is, some come at once, and some (None) when the journal is there.
    """
    rounds = []
    for kind, many in kinds.items():
        for index in range(many):
            where = index % 10
            if where == 0:
                moment = dice.uniform(0, 0.06) if index % 20 else 0.0
            elif where == 1:
                moment = length + dice.uniform(-0.06, 0.06) if index % 20 == 11 else None
            else:
                moment = (index + dice.random()) / many * length * 1.03
            rounds.append((kind, moment, dice.uniform(0, dice.choice([0.01, 0.25]))))
    dice.shuffle(rounds)
    return [(number, *one) for number, one in enumerate(rounds, 1)]


def everywhere(lab, playground, url, opts):
    dice, rounds, seen = random.Random(opts.seed), queue.Queue(), Seen()
    workers = [Worker(number, lab, playground, url, rounds, seen) for number in range(opts.width)]
    length = measure(lab, workers[0])
    kinds = {kind: max(1, round(many * opts.share)) for kind, many in KINDS.items()}
    print(f"      a run takes {length:.2f} s; {sum(kinds.values())} rounds, {opts.width} at once, seed {opts.seed}", flush=True)
    for one in moments(length, dice, kinds):
        rounds.put(one)
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(f"      signals fell {', '.join(f'{many} {where}' for where, many in seen.fell.items())} the run; "
          f"last words of the killed: {', '.join(f'{many} {mark}' for mark, many in sorted(seen.marks.items(), key=str) if mark)}", flush=True)
    print(f"      {seen.orphans} programs of process activities outlived a kill (nobody could end them)", flush=True)
    need(not seen.troubles, f"{len(seen.troubles)} rounds went wrong\n" + "\n".join(seen.troubles[:6]))
    need(min(seen.fell.values()) > 0, f"no signal in one place: {seen.fell}")
    return kinds, seen


# --- something hangs ---


def while_it_hangs(lab, name, keys, settle=0.5, ends=5, env=None, until_=None, code=1, second=None):
    """SIGTERM in the midst of something that hangs: the seconds to a valid journal, and to the end."""
    folder = lab.path(name)
    os.mkdir(folder)
    with open(os.path.join(folder, "e.json"), "w", encoding="utf-8") as f:
        json.dump({"title": name, "description": "It hangs.", "method": [], **keys}, f)
    place = os.path.join(folder, "journal.json")
    console = os.path.join(folder, "console.txt")
    with open(console, "wb") as out:
        process = lab.start("--no-log-file", "run", "--hypothesis-strategy", "continuously", "e.json", cwd=folder, stdout=out, stderr=out,
                            env={"CHAOS_STATE_DIR": os.path.join(folder, "state"), **(env or {})})
    until(f"{name}: its log", 10, lambda: glob.glob(os.path.join(folder, "state", "runs", "*", "events.jsonl")))
    time.sleep(settle)
    if until_:
        until(f"{name}: the moment", 20, until_)
    sent = time.monotonic()
    process.terminate()
    until(f"{name}: a journal", 20, lambda: os.path.exists(place) or process.poll() is not None, every=0.002)
    first = journals.read(place)
    there = time.monotonic() - sent
    need(first is not None and first["status"] == "interrupted", f"{name}: {first and first['status']}")
    need(there < AT_ONCE, f"{name}: the journal came {there:.1f} s after the signal")
    if second:
        second(process)
    ended = process.wait(ends + 30)
    over = time.monotonic() - sent
    with open(console, encoding="utf-8", errors="replace") as f:
        said = f.read()
    need(ended == code, f"{name}: it ended with {ended}: {said[-1500:]}")
    need(over < ends, f"{name}: it ended {over:.1f} s after the signal: {said[-1500:]}")
    left = group(process.pid)
    end_all(left)
    last = journals.read(place)
    need(last["status"] == "interrupted", f"{name}: at the end {last['status']}")
    need([one["activity"]["name"] for one in last["run"]][:len(first["run"])] == [one["activity"]["name"] for one in first["run"]], f"{name}: the journals tell different runs")
    print(f"      {name}: journal after {there * 1000:.0f} ms, end after {over:.2f} s", flush=True)
    return folder, last, left


def hangs(lab, server, url):
    """One after the other; each figure is printed."""
    slow = {"type": "http", "url": f"{url}/slow", "timeout": 60}
    statusless = lambda journal: [one.get("status") for one in journal["run"]] == [None] * len(journal["run"])  # noqa: E731
    nap = program("nap", "sleep", "60")

    _, journal, left = while_it_hangs(lab, "background", {"method": [{**nap, "background": True}, {**nap, "name": "too", "background": True}]})
    need(len(journal["run"]) == 2 and statusless(journal) and not left, f"{journal['run']}, {left}")

    deaf = program("deaf", "sh", "-c", "trap '' TERM INT HUP USR1; while :; do :; done")
    _, journal, left = while_it_hangs(lab, "deaf-program", {"method": [deaf]})
    need(len(journal["run"]) == 1 and statusless(journal) and not left, f"{journal['run']}, {left}")

    # Its own child holds the pipes open; that one is not ours to end.
    _, journal, left = while_it_hangs(lab, "deaf-grandchild", {"method": [program("deaf", "sh", "-c", "trap '' TERM; sleep 60; true")]})
    need(statusless(journal) and [name for _, name in left] in ([], ["sleep"]), f"{journal['run']}, {left}")

    _, journal, _ = while_it_hangs(lab, "http", {"method": [{"type": "action", "name": "asks", "provider": slow}]})
    need(len(journal["run"]) == 1 and statusless(journal), f"{journal['run']}")

    look = {"title": "slow", "probes": [{"type": "probe", "name": "asks", "tolerance": 200, "provider": slow}]}
    _, journal, _ = while_it_hangs(lab, "first-look", {"steady-state-hypothesis": look, "method": [nap]})
    need(journal["steady_states"] == {"before": None, "after": None, "during": []} and journal["run"] == [], f"{journal['steady_states']}")

    _, journal, _ = while_it_hangs(lab, "pause-before", {"method": [{**program("never", "true"), "pauses": {"before": 60}}]})
    need(journal["run"] == [], f"{journal['run']}")
    _, journal, _ = while_it_hangs(lab, "pause-after", {"method": [{**program("done", "true"), "pauses": {"after": 60}}]})
    need([one["status"] for one in journal["run"]] == ["succeeded"], f"{journal['run']}")

    env = {"KUBECONFIG": lab.write("hanging.json", kubeconfig(url + "/slow", {"token": "x"})), "CHAOS_KUBERNETES_TIMEOUT": "60"}
    _, journal, _ = while_it_hangs(lab, "kubernetes-read", {"method": [scale("to-zero", "n", "one", 0)]}, env=env)
    need(len(journal["run"]) == 1 and statusless(journal), f"{journal['run']}")

    # A change is never dropped half-way: it has its time limit, and so has what puts it back.
    env = {"KUBECONFIG": lab.write("quiet.json", kubeconfig(url, {"token": "x"})), "CHAOS_KUBERNETES_TIMEOUT": "2"}
    server.hangs.set()
    folder, journal, _ = while_it_hangs(lab, "kubernetes-change", {"method": [scale("to-zero", "n", "one", 0)]}, env=env, until_=server.patched.is_set, ends=30)
    need(len(journal["run"]) == 1, f"{journal['run']}")
    server.patched.clear()

    # And the same with somebody who has no patience: SIGKILL while it restores.
    env["CHAOS_KUBERNETES_TIMEOUT"] = "60"
    server.hangs.clear()
    changed = lambda: server.replicas == 0  # noqa: E731

    def impatient(process):
        until("a try to restore", 20, server.patched.is_set)
        process.kill()

    keys = {"method": [scale("to-zero", "n", "one", 0), {**nap, "background": True}, nap]}

    def hang_once_changed():
        if changed():
            server.hangs.set()
        return changed()

    folder, journal, _ = while_it_hangs(lab, "impatience", keys, env=env, until_=hang_once_changed, settle=0.5, code=-signal.SIGKILL, second=impatient)
    need([one.get("status") for one in journal["run"]] == ["succeeded", None, None] and "end" in journal["run"][2], f"{journal['run']}")
    server.hangs.clear()
    run = lab.chaos("--no-log-file", "recover", "--all", env={**env, "CHAOS_STATE_DIR": os.path.join(folder, "state")}, cwd=folder)
    need(run.code == 0 and server.replicas == REPLICAS, f"{server.replicas} replicas: {run}")
    need(journals.read(os.path.join(folder, "journal.json"))["run"] == journal["run"], "recovery tells another run")


def main():
    opts = options(seed=(5, "of the moments"), width=(8, "runs at once"), share=(1.0, "of the rounds"))
    # Whoever starts this may ignore some of them, and what is ignored stays so.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tally, note = Tally(), ""
    with Lab(opts.chaos) as lab:
        server, url = serve()
        playground = Playground(lab, "interrupts")
        lab.env["KUBECONFIG"] = os.path.join(lab.state, "playgrounds", "interrupts", "kubeconfig")
        done = tally.check("a signal at any moment", everywhere, lab, playground, url, opts)
        tally.check("SIGTERM while something hangs", hangs, lab, server, url)
        if done:
            kinds, seen = done
            waits = sorted(seen.waits)
            tally.check(f"the journal within {AT_ONCE:.0f} s of the signal", lambda: need(waits and waits[-1] < AT_ONCE, f"{waits[-5:]}"))
            whole = ", ".join(f"{seen.whole[kind]} of {many} {kind}" for kind, many in kinds.items())
            note = f"; {whole}; journal {statistics.median(waits) * 1000:.0f} ms after the signal, {waits[-1] * 1000:.0f} ms at most"
        server.over.set()
        playground.stop()
    tally.end(note)


if __name__ == "__main__":
    main()
