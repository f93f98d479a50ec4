#!/usr/bin/env python3
"""Extensions in Python that do their worst: a clear failure each time, the run goes on, and no process is left behind.

Each check plays an experiment of three activities: the hostile one, one that says that an interpreter still serves it, and one
of ours. The run must go to its end, the hostile activity's record must say what happened, the others must succeed, and when
`chaos` has ended, no process may be left that had the work folder in its environment.
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

import python_hanging
from lab import Lab, Tally, need, options, until

HOSTILE = '''
import ctypes, os, signal, sys, threading, time

def fine():
    return "fine"

def prints():
    line = "x" * 1023 + "\\n"
    for _ in range(10 * 1024):
        sys.stdout.write(line)
    return len(line)

def prints_unread():
    os.write(1, b"y" * (1 << 20))

def sleeps(seconds=600):
    time.sleep(seconds)

def sleeps_in_c():
    ctypes.CDLL(None).sleep(600)

def ignores_interruptions():
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass

def holds_the_lock():
    ctypes.PyDLL(None).sleep(600)

def forks_and_both_return():
    return os.fork()

def forks_and_stays():
    if os.fork() == 0:
        time.sleep(600)
        os._exit(0)
    return "forked"

def forks_and_dies():
    if os.fork() == 0:
        time.sleep(600)
    os._exit(3)

def starts_a_program():
    import subprocess
    subprocess.Popen(["sleep", "600"])
    return "started"

def returns_100_mb():
    return "z" * (100 << 20)

def returns_a_set():
    return {1}

def returns_itself():
    cycle = []
    cycle.append(cycle)
    return cycle

def returns_depth():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    return deep

def returns_some_depth():
    deep = []
    for _ in range(500):
        deep = [deep]
    return deep

def returns_a_surrogate():
    return "\\ud800"

def returns_a_liar():
    class Liar:
        def __str__(self):
            raise RuntimeError("no text for you")
        __repr__ = __str__
    return Liar()

def returns_odd_keys():
    return {(1, 2): 3}

def raises_without_text():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no")
    raise Mute()

def raises_from_module_5():
    raise type("Odd", (Exception,), {"__module__": 5})("odd")

def raises_a_liar():
    class Liar(Exception):
        __class__ = property(lambda self: KeyboardInterrupt)
        __traceback__ = property(lambda self: 1 / 0)
    raise Liar("a lie")

def raises_what_exits():
    class Leaving(Exception):
        def __str__(self):
            raise SystemExit(3)
    raise Leaving()

def leaves_a_stdout_that_exits():
    class Stream:
        def write(self, text):
            return len(text)
        def flush(self):
            raise SystemExit(3)
    sys.stdout = Stream()
    return "replaced"

def has_no_stdout():
    del sys.stdout
    return "deleted"

def returns_a_mock():
    from unittest.mock import MagicMock
    return MagicMock()

def returns_a_date():
    import datetime
    return datetime.datetime(2020, 1, 2, 3, 4)

def exits_at_once():
    os._exit(7)

def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)

def segfaults():
    import faulthandler
    faulthandler.disable()
    ctypes.string_at(0)

def aborts():
    os.abort()

def eats_the_stack():
    sys.setrecursionlimit(1 << 30)
    def down():
        return down()
    return down()

def closes_stdout():
    os.close(1)
    sys.stdout.close()
    return "closed"

def closes_everything():
    os.closerange(0, 1024)
    return "closed"

def writes_to_every_pipe():
    for fd in range(3, 64):
        try:
            os.write(fd, b"garbage\\n")
        except OSError:
            pass
    return "written"

def writes_half_a_line():
    for fd in range(3, 64):
        try:
            os.write(fd, b'{"id": 1')
        except OSError:
            pass
    return "written"

def starts_threads():
    for _ in range(5):
        threading.Thread(target=time.sleep, args=(600,)).start()
    return "started"

def deadlocks():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()

def takes_the_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    return "taken"

def forgets_modules():
    for name in list(sys.modules):
        if name.startswith(("chaos_bridge", "json", "threading")):
            del sys.modules[name]
    return "forgotten"

def is_suspended():
    os.kill(os.getpid(), signal.SIGSTOP)
    return "woken"

def moves_away():
    os.chdir("/")
    return os.getcwd()

def stays_at_exit():
    import atexit
    atexit.register(time.sleep, 600)
    return "registered"
'''

# What is called, and how its record must look: a pattern for the output, or for the last line of the exception.
RETURNS = [
    ("prints 10 MB", "prints", r"1024"),
    ("writes 1 MB past Python's buffer", "prints_unread", r"None"),
    ("forks, and the copy stays", "forks_and_stays", r"forked"),
    ("forks, and the copy returns too", "forks_and_both_return", r"\d+"),
    ("leaves a program running", "starts_a_program", r"started"),
    ("returns a set", "returns_a_set", r"\{1\}"),
    ("returns half a character", "returns_a_surrogate", r"."),
    ("closes its stdout", "closes_stdout", r"closed"),
    ("starts threads that never end", "starts_threads", r"started"),
    ("returns keys that are no text", "returns_odd_keys", r"\{'\(1, 2\)': 3\}"),
    ("ignores signals from now on", "takes_the_signals", r"taken"),
    ("throws modules away", "forgets_modules", r"forgotten"),
    ("moves to another folder", "moves_away", r"/"),
    ("puts a stdout in place whose flush exits", "leaves_a_stdout_that_exits", r"replaced"),
    ("deletes its stdout", "has_no_stdout", r"deleted"),
    ("returns a mock", "returns_a_mock", r"<MagicMock id="),
    ("returns a date", "returns_a_date", r"2020-01-02T03:04:00"),
    ("sleeps when it is to end", "stays_at_exit", r"registered"),
]
FAILS = [
    ("returns 100 MB", "returns_100_mb", r"100 MiB of JSON"),
    ("returns a value that contains itself", "returns_itself", r"Circular reference"),
    ("returns a value of endless depth", "returns_depth", r"RecursionError|levels deep"),
    ("returns a value 500 levels deep", "returns_some_depth", r"levels deep|nest|deep"),
    ("returns what has no text", "returns_a_liar", r"no text for you"),
    ("raises what has no text", "raises_without_text", r"Mute"),
    ("raises from a module that is a number", "raises_from_module_5", r"odd"),
    ("raises what lies about its class and traceback", "raises_a_liar", r"a lie"),
    ("raises what exits when it is shown", "raises_what_exits", r"Leaving"),
    ("ends its interpreter", "exits_at_once", r"ended with status 7"),
    ("kills its interpreter", "is_killed", r"killed by signal 9"),
    ("crashes its interpreter", "segfaults", r"killed by signal 11"),
    ("aborts its interpreter", "aborts", r"killed by signal 6"),
    ("forks and ends, its pipes held by the copy", "forks_and_dies", r"ended with status 3"),
    ("closes every file", "closes_everything", r"interpreter"),
    ("writes garbage to the bridge's pipe", "writes_to_every_pipe", r"pipe"),
    ("writes half a line to the bridge's pipe", "writes_half_a_line", r"pipe"),
]
# What only a stop ends.
STAYS = [
    ("sleeps", "sleeps"), ("sleeps in C", "sleeps_in_c"), ("holds the interpreter's lock", "holds_the_lock"),
    ("waits for a lock that nobody has", "deadlocks"), ("ignores its interruption", "ignores_interruptions"),
    ("stops itself", "is_suspended"),
]


def activity(name, func, **more):
    return {"type": "action", "name": name, "provider": {"type": "python", "module": "hostile_extension", "func": func}, **more}


def experiment(*method):
    ours = {"type": "action", "name": "ours", "provider": {"type": "process", "path": "true"}}
    return {"title": "hostile", "description": "An extension does its worst.", "method": [*method, ours],
            "rollbacks": [activity("back", "fine")]}


class Hostility(Lab):
    """A lab with the hostile extension; `marked` finds what it left running."""

    def set_up(self):
        self.env["PYTHONPATH"] = self.write("hostile_extension.py", HOSTILE) and self.work
        self.env["PYTHONFAULTHANDLER"] = ""
        self.env["HOSTILE_MARK"] = self.dir
        return self

    def marked(self):
        """Processes that inherited our mark, whatever became of their parents."""
        mark, found = f"HOSTILE_MARK={self.dir}".encode(), []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    if mark in f.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def alone(self):
        try:
            until("the end of every process", 5, lambda: not self.marked())
        except Exception:
            names = [open(f"/proc/{pid}/cmdline").read().replace("\0", " ")[:60] for pid in self.marked()]
            need(False, f"left behind: {names}")

    def play(self, what, timeout=60):
        self.write("experiment.json", json.dumps(what))
        ran = self.chaos("--no-version-check", "run", "experiment.json", timeout=timeout)
        need("panicked" not in ran.err, f"a panic: {ran}")
        self.alone()
        return ran, self.journal()


def records(journal):
    return {record["activity"]["name"]: record for record in journal["run"] + journal["rollbacks"]}


def survives(lab, func, expected, fails):
    ran, journal = lab.play(experiment(activity("hostile", func), activity("after", "fine")))
    need(ran.code == 0, f"exit code {ran.code}, not 0: {ran}")
    need(journal["status"] == "completed", f"status {journal['status']}")
    told = records(journal)
    hostile = told["hostile"]
    need(hostile["status"] == ("failed" if fails else "succeeded"), f"the record: {json.dumps(hostile)[:500]}")
    text = "".join(hostile["exception"][-1:]) if fails else str(hostile["output"])
    need(re.search(expected, text), f"nothing of /{expected}/ in: {text[:300]}")
    for name in ("after", "ours", "back"):
        need(told[name]["status"] == "succeeded", f"{name}: {json.dumps(told[name])[:500]}")
    need(ran.seconds < 30, f"it took {ran.seconds:.0f} s")


def stops(lab, func, number, background):
    method = [activity("hostile", func, background=background)]
    if background:
        method.append(activity("after", "fine"))
    lab.write("experiment.json", json.dumps(experiment(*method)))
    with open(os.path.join(lab.work, "console"), "w+", encoding="utf-8") as console:
        chaos = lab.start("--no-version-check", "run", "--rollback-strategy", "always", "experiment.json", stderr=console)
        shown = lambda: open(console.name, encoding="utf-8").read()  # noqa: E731
        until("the activity", 30, lambda: "Action: hostile" in shown() and (not background or "Action: ours" in shown()))
        time.sleep(0.3)
        began = time.monotonic()
        os.kill(chaos.pid, number)
        code = chaos.wait(timeout=30)
        took = time.monotonic() - began
    need(code == 1, f"exit code {code}: {shown()}")
    need(took < 15, f"it went on for {took:.1f} s")
    lab.alone()
    journal = lab.journal()
    need(journal["status"] == "interrupted", f"status {journal['status']}")
    need("status" not in records(journal)["hostile"], "the record has a status")
    need(records(journal)["back"]["status"] == "succeeded", f"the rollback: {records(journal)['back']}")


def killed(lab):
    """A `kill -9` of chaos itself: its interpreter goes with it."""
    lab.write("experiment.json", json.dumps(experiment(activity("hostile", "holds_the_lock"))))
    with open(os.path.join(lab.work, "console"), "w+", encoding="utf-8") as console:
        chaos = lab.start("--no-version-check", "run", "experiment.json", stderr=console)
        until("the activity", 30, lambda: "Action: hostile" in open(console.name, encoding="utf-8").read())
        time.sleep(0.3)
        chaos.kill()
        chaos.wait()
    lab.alone()


def validates(lab, source, expected):
    """A module that does its worst as it is imported."""
    lab.write("worse_extension.py", source)
    what = experiment()
    what["method"].insert(0, {"type": "action", "name": "worse", "provider":
                              {"type": "python", "module": "worse_extension", "func": "act"}})
    what["rollbacks"] = []
    lab.write("experiment.json", json.dumps(what))
    ran = lab.chaos("--no-version-check", "validate", "experiment.json", timeout=60)
    need(ran.code == 1 and re.search(expected, ran.err), f"no word of /{expected}/: {ran}")
    lab.alone()


# What an interpreter imports, or may, before an extension is served.
SHADOWS = ("collections copyreg enum functools importlib json keyword logging operator os re signal threading time traceback "
           "types typing decimal inspect _queue").split()


def shadowed(lab):
    """A stranger's folder with files that are called like modules of Python: none of it may be run."""
    folder = os.path.join(lab.dir, "strange")
    os.mkdir(folder)
    ran = os.path.join(lab.dir, "shadows-ran")
    for name in SHADOWS:
        with open(os.path.join(folder, name + ".py"), "w", encoding="utf-8") as f:
            f.write(f"open({ran!r}, 'a').write(__name__ + ' ')\nraise ImportError('a shadow')\n")
    with open(os.path.join(folder, "experiment.json"), "w", encoding="utf-8") as f:
        json.dump(experiment(activity("one", "fine")), f)
    for command in ("validate", "run"):
        told = lab.chaos("--no-version-check", "--change-dir", folder, command, "experiment.json", timeout=60)
        shadows = open(ran, encoding="utf-8").read() if os.path.exists(ran) else ""
        need(not shadows, f"{command} ran {shadows}")
        need(told.code == 0, f"{command}: {told}")


# Programs that never say hello. What they are given: -c, the first lines in Python, and the number of the file to answer on.
MUTE = [
    ("sleeps", "#!/bin/sh\nexec sleep 600\n"),
    ("writes half a line", f"#!{sys.executable}\nimport os, sys, time\nos.write(int(sys.argv[3]), b'{{\"id\": 0')\ntime.sleep(600)\n"),
    ("is busy for ever", "#!/bin/sh\nwhile :; do :; done\n"),
]
OLD = f"""#!{sys.executable}
import os, sys
os.write(int(sys.argv[3]), b'{{"id": 0, "ok": {{"version": [3, 7, 16], "old": true}}}}\\n')
os.read(int(sys.argv[3]), 1)
"""


def program(lab, name, text):
    path = lab.write(name.replace(" ", "-"), text)
    os.chmod(path, 0o755)
    return path


def mute(lab):
    """Interpreters that never answer end the validation after a while, and are gone then; all at once, for it takes its time."""
    lab.write("experiment.json", json.dumps(experiment(activity("one", "fine"), activity("two", "prints"))))
    started = []
    for name, text in MUTE:
        console = open(os.path.join(lab.work, "console-" + name), "w+", encoding="utf-8")
        ran = lab.start("--no-version-check", "--no-log-file", "--python", program(lab, name, text), "validate", "experiment.json",
                        stderr=console)
        started.append((name, ran, console))
    for name, ran, console in started:
        code = ran.wait(timeout=60)
        console.seek(0)
        told = console.read()
        console.close()
        need(code == 1, f"one that {name}: exit code {code}")
        need("did not answer as Python does within 30 seconds" in told, f"one that {name}: {told}")
        need(name.replace(" ", "-") + " (from --python)" in told, f"one that {name}: it is not named: {told}")
    lab.alone()


def mute_and_stopped(lab, number):
    """Whatever ends chaos ends an interpreter that never read a line of it."""
    lab.write("experiment.json", json.dumps(experiment(activity("one", "fine"))))
    for name, text in MUTE:
        ran = lab.start("--no-version-check", "--python", program(lab, name, text), "validate", "experiment.json",
                        stderr=subprocess.DEVNULL)
        until("the interpreter", 10, lambda: len(lab.marked()) > 1)
        os.kill(ran.pid, number)
        ran.wait(timeout=30)
        lab.alone()


def safeguard(lab):
    """A control that the named Python cannot be asked for: nothing is run without it. Where none was named, it is left out."""
    danger = os.path.join(lab.work, "danger")
    what = {"title": "guarded", "description": "d",
            "controls": [{"name": "guard", "provider": {"type": "python", "module": "nobodys_safeguard"}}],
            "method": [{"type": "action", "name": "danger", "provider": {"type": "process", "path": "touch", "arguments": [danger]}}]}
    lab.write("guarded.json", json.dumps(what))
    old, dead = program(lab, "old", OLD), program(lab, "dead", "#!/bin/sh\nexit 3\n")
    venv = os.path.join(lab.dir, "venv")
    os.makedirs(os.path.join(venv, "bin"))
    os.symlink(old, os.path.join(venv, "bin", "python"))
    settings = lab.write("python-settings.yaml", f"python: {old}\n")
    before = lab.env.pop("VIRTUAL_ENV", None)
    try:
        for name, flags, active, expected in (
            ("a VIRTUAL_ENV that is gone", [], "/gone", r"asked .*python3? \(from PATH; VIRTUAL_ENV=/gone has no bin/python\)"),
            ("a VIRTUAL_ENV that is too old", [], venv, r"\(from VIRTUAL_ENV\) is Python 3\.7\.16: extensions need 3\.8 or later"),
            ("a --python that is too old", ["--python", old], None, r"\(from --python\) is Python 3\.7\.16"),
            ("a --python that dies", ["--python", dead], None, r"\(from --python\) did not answer as Python does: it ended with status 3"),
            ("a --python that is not there", ["--python", "/gone/python"], None, r"there is no program `/gone/python`"),
            ("a setting that is too old", ["--settings", settings], None, r"\(from the setting `python`\) is Python 3\.7\.16"),
        ):
            if active:
                lab.env["VIRTUAL_ENV"] = active
            for more in ([], ["--no-validation"]):
                ran = lab.chaos("--no-version-check", *flags, "run", *more, "guarded.json", timeout=60)
                need(ran.code == 1 and not os.path.exists(danger), f"{name}: the danger was run: {ran}")
                need(re.search(r"WARNING\] .*" + expected, ran.err), f"{name}: no warning of /{expected}/: {ran}")
                need("nothing is run without it" in ran.err, f"{name}: {ran}")
            lab.env.pop("VIRTUAL_ENV", None)
        ran = lab.chaos("--no-version-check", "run", "guarded.json", timeout=60)
        need(ran.code == 0 and os.path.exists(danger), f"no Python was named: {ran}")
        log = open(os.path.join(lab.work, "chaostoolkit.log"), encoding="utf-8").read()
        need(re.search(r"cannot import `nobodys_safeguard`: .*; asked .* \(from PATH\)", log), "the log does not say who was asked")
        lab.env["VIRTUAL_ENV"] = "/gone"
        lab.write("experiment.json", json.dumps(experiment(activity("one", "fine"))))
        ran = lab.chaos("--no-version-check", "run", "experiment.json", timeout=60)
        need(ran.code == 0 and ran.err.count("VIRTUAL_ENV=/gone has no bin/python") == 1, f"it is not said once: {ran}")
    finally:
        lab.env.pop("VIRTUAL_ENV", None)
        if before:
            lab.env["VIRTUAL_ENV"] = before
    lab.alone()


REPLACED = '''
def before_activity_control(context, experiment):
    context["of"] = experiment["title"]

def after_activity_control(context, state):
    if state is not None:
        state["seen"] = len(state)

def after_method_control(context, state):
    state.append({"saw": [record["activity"]["name"] for record in state]})

def after_experiment_control(context, state):
    state["seen"] = [len(state["run"]), state["status"], state["experiment"]["title"]]
'''


def replaced(lab):
    """Controls whose interpreter is ended by an activity: the next interpreter is told of the run, and a recovery writes the same journal."""
    lab.write("hostile_control.py", REPLACED)
    what = experiment(activity("one", "fine"), activity("hostile", "exits_at_once"), activity("after", "fine"))
    what["controls"] = [{"name": "c", "provider": {"type": "python", "module": "hostile_control"}}]
    ran, journal = lab.play(what)
    need(ran.code == 0, f"{ran}")
    need(ran.err.count("interpreter was replaced") == 1, f"it is not said once: {ran}")
    named, last = journal["run"][:-1], journal["run"][-1]
    need([record["activity"]["of"] for record in named] == ["hostile"] * 4, f"{named}")
    need([record.get("seen", 0) > 4 for record in named] == [True] * 4, f"{named}")
    need(last == {"saw": ["one", "hostile", "after", "ours"]}, f"{last}")
    need(journal["seen"] == [5, "completed", "hostile"], f"{journal['seen']}")
    runs = os.path.join(lab.env["CHAOS_STATE_DIR"], "runs")
    run = max(os.listdir(runs), key=lambda name: os.path.getmtime(os.path.join(runs, name)))
    again = os.path.join(lab.work, "again.json")
    ran = lab.chaos("--no-version-check", "recover", run, "--journal-path", again, timeout=60)
    need(ran.code == 0 and json.load(open(again, encoding="utf-8")) == journal, f"the recovered journal differs: {ran}")


def plugin(lab):
    """A notification plugin that ends its interpreter while a probe is being called in Python."""
    lab.write("hostile_plugin.py", "import os\n\ndef notify(channel, event):\n    os._exit(3)\n")
    settings = lab.write("settings.yaml", "notifications:\n  - type: plugin\n    module: hostile_plugin\n")
    lab.write("experiment.json", json.dumps(experiment({**activity("long", "sleeps"), "provider": {
        "type": "python", "module": "hostile_extension", "func": "sleeps", "arguments": {"seconds": 2}}})))
    ran = lab.chaos("--no-version-check", "--settings", settings, "run", "experiment.json", timeout=60)
    need(ran.code == 0 and lab.journal()["status"] == "completed", f"the run did not go on: {ran}")
    need(records(lab.journal())["long"]["status"] == "succeeded", f"{records(lab.journal())['long']}")
    log = open(os.path.join(lab.work, "chaostoolkit.log"), encoding="utf-8").read()
    need("ended with status 3" in log, "the plugin was not called")
    lab.alone()


def interpreters(lab):
    """Programs that are no Python."""
    what = json.dumps(experiment(activity("one", "fine")))
    for name, script, expected in (
        ("no-python", "#!/bin/sh\nexit 3\n", r"ended with status 3"),
        ("babbles", "#!/bin/sh\nfor n in 1 2 3 4 5 6 7 8 9; do eval \"echo hello >&$n\"; done 2>/dev/null\nexit 0\n", r"is no Python|did not answer as Python does"),
        ("nothing", None, r"there is no program"),
    ):
        path = os.path.join(lab.work, name)
        if script:
            lab.write(name, script)
            os.chmod(path, 0o755)
        lab.write("experiment.json", what)
        ran = lab.chaos("--no-version-check", "--python", path, "--log-file-level", "debug", "run", "experiment.json", timeout=60)
        log = open(os.path.join(lab.work, "chaostoolkit.log"), encoding="utf-8").read()
        need(ran.code == 1, f"{name}: exit code {ran.code}")
        need("could not find Python module 'hostile_extension'" in ran.err, f"{name}: {ran}")
        need(re.search(expected, log), f"{name}: nothing of /{expected}/ in the log")
    lab.alone()


def main():
    opts, tally = options(), Tally()
    with Hostility(opts.chaos) as lab:
        lab.set_up()
        for name, func, expected in RETURNS:
            tally.check(f"an extension that {name}", survives, lab, func, expected, False)
        for name, func, expected in FAILS:
            tally.check(f"an extension that {name}", survives, lab, func, expected, True)
        for name, func in STAYS:
            for number in (signal.SIGINT, signal.SIGTERM):
                tally.check(f"an extension that {name}, and {number.name}", stops, lab, func, number, False)
        for name, func in STAYS[:2]:
            tally.check(f"an extension that {name} in the background, and SIGUSR2", stops_aside, lab, func)
        tally.check("an extension that hangs, and `kill -9` of chaos", killed, lab)
        tally.check("a module that ends its interpreter as it is imported", validates, lab, "import os\nos._exit(4)\n", "could not find")
        tally.check("a module that raises as it is imported", validates, lab, "raise ValueError('no')\n", "could not find")
        tally.check("a module that leaves as it is imported", validates, lab, "raise SystemExit(3)\n", "could not find")
        tally.check("a module that is no Python", validates, lab, "def act(:\n", "could not find")
        tally.check("files in the working folder that are called like Python's modules", shadowed, lab)
        tally.check("interpreters that are none", interpreters, lab)
        tally.check("interpreters that never answer", mute, lab)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            tally.check(f"interpreters that never answer, and {number.name} for chaos", mute_and_stopped, lab, number)
        tally.check("a control that the named Python cannot be asked for", safeguard, lab)
        tally.check("controls whose interpreter is ended by an activity", replaced, lab)
        tally.check("a notification plugin that ends its interpreter", plugin, lab)
        python_hanging.checks(tally, lab)
    tally.end()


def stops_aside(lab, func):
    """SIGUSR2 ends the run, rollbacks and background activities are not waited for."""
    lab.write("experiment.json", json.dumps(experiment(activity("hostile", func, background=True),
                                                       activity("after", "sleeps"))))
    with open(os.path.join(lab.work, "console"), "w+", encoding="utf-8") as console:
        chaos = lab.start("--no-version-check", "run", "experiment.json", stderr=console)
        until("the activity", 30, lambda: "Action: after" in open(console.name, encoding="utf-8").read())
        time.sleep(0.3)
        began = time.monotonic()
        os.kill(chaos.pid, signal.SIGUSR2)
        code = chaos.wait(timeout=30)
        took = time.monotonic() - began
    need(code == 1, f"exit code {code}")
    need(took < 15, f"it went on for {took:.1f} s")
    lab.alone()
    need(lab.journal()["status"] == "interrupted" and not lab.journal()["rollbacks"], "the journal tells otherwise")


if __name__ == "__main__":
    main()
