"""Controls that hang: a run that is asked to stop plays its rollbacks nevertheless, leaves a journal, ends, and leaves nothing behind.

Part of python_hostile.py. That changes of a cluster are put back as well is tested in the engine, with time that is not real.
"""
import json
import os
import signal
import threading
import time

from lab import need, until

CONTROL = '''
import ctypes, json, os, time

HOW = json.loads(os.environ["HANGS"])

def sleeps():
    time.sleep(600)

def ignores():
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass

def holds():
    ctypes.PyDLL(None).sleep(600)

def may_hang(name, context=None):
    if HOW["at"] != name or "of" in HOW and (context or {}).get("name") != HOW["of"]:
        return
    open(HOW["mark"], "w").close()
    globals()[HOW["how"]]()

class Handler:
    def __getattr__(self, name):
        return lambda *given, **more: may_hang(name)

def configure_control(experiment, configuration, secrets, settings, event_registry):
    if HOW["at"] in HOW["handlers"]:
        event_registry.register(Handler())

def before_activity_control(context, **rest):
    may_hang("before_activity", context)

def after_activity_control(context, **rest):
    may_hang("after_activity", context)

def after_method_control(context, **rest):
    may_hang("after_method")

def before_rollback_control(context, **rest):
    may_hang("before_rollback")

def after_rollback_control(context, **rest):
    may_hang("after_rollback")

def after_experiment_control(context, **rest):
    may_hang("after_experiment")

def cleanup_control():
    may_hang("cleanup")

def back():
    return "back"
'''

HANDLERS = ["start_method", "method_completed", "start_activity", "activity_completed", "finish"]

# Where and how it hangs, the activity that it is about, and whether that is before the stop already.
HANGS = [
    ("after_activity", "sleeps", "p", False),
    ("after_activity", "ignores", "p", False),
    ("before_activity", "sleeps", "p", True),
    ("after_method", "holds", None, False),
    ("before_rollback", "ignores", None, False),
    ("before_activity", "sleeps", "back", False),
    ("after_rollback", "sleeps", None, False),
    ("after_experiment", "holds", None, False),
    ("cleanup", "sleeps", None, False),
    ("start_activity", "sleeps", None, True),
    ("method_completed", "ignores", None, False),
    ("finish", "ignores", None, False),
]


def experiment():
    process = {"type": "process", "path": "sleep", "arguments": "1"}
    return {
        "title": "hanging", "description": "Controls that hang.",
        "controls": [{"name": "hanging", "provider": {"type": "python", "module": "hanging_control"}}],
        "method": [{"type": "action", "name": "p", "provider": process}],
        "rollbacks": [
            {"type": "action", "name": "back", "provider": {"type": "python", "module": "hanging_control", "func": "back"}},
            {"type": "action", "name": "ours", "provider": {"type": "process", "path": "true"}},
        ],
    }


def started(lab, at, how, of, journal="journal.json"):
    mark = os.path.join(lab.work, "hangs-now")
    for gone in (mark, os.path.join(lab.work, "journal.json")):
        if os.path.exists(gone):
            os.remove(gone)
    hangs = {"at": at, "how": how, "mark": mark, "handlers": HANDLERS, **({"of": of} if of else {})}
    lab.write("hanging_control.py", CONTROL)
    lab.write("hanging.json", json.dumps(experiment()))
    console = open(os.path.join(lab.work, "console"), "w+", encoding="utf-8")
    chaos = lab.start("--no-version-check", "run", "--rollback-strategy", "always", "--journal-path", journal, "hanging.json",
                      env={"HANGS": json.dumps(hangs)}, stderr=console)
    console.close()
    return chaos, mark, lambda: open(console.name, encoding="utf-8").read()


def ends(lab, at, how, of, before):
    chaos, mark, shown = started(lab, at, how, of)
    try:
        until("the moment to stop", 30, lambda: os.path.exists(mark) if before else "Action: p" in shown())
        began = time.monotonic()
        chaos.terminate()
        code = chaos.wait(timeout=40)
        took = time.monotonic() - began
    finally:
        chaos.kill()
    need(os.path.exists(mark), f"nothing hung: {shown()}")
    need(code == 1, f"exit code {code}: {shown()}")
    need(took < 20, f"it went on for {took:.1f} s: {shown()}")
    lab.alone()
    journal = lab.journal()
    need(journal["status"] == "interrupted", f"status {journal['status']}")
    told = {record["activity"]["name"]: record.get("status") for record in journal["rollbacks"]}
    need(told == {"back": "succeeded", "ours": "succeeded"}, f"the rollbacks: {told}: {shown()}")


def finishes(lab):
    """Nobody stopped the run, so its last handler has time; a signal ends that at once, and the journal is there."""
    chaos, mark, shown = started(lab, "finish", "ignores", None)
    try:
        until("the last handler", 30, lambda: os.path.exists(mark))
        need(lab.journal()["status"] == "completed", "there is no journal yet")
        chaos.terminate()
        code = chaos.wait(timeout=15)
    finally:
        chaos.kill()
    need(code == 0, f"exit code {code} of a run that completed: {shown()}")
    lab.alone()


def unread(lab, signals, seconds):
    """A journal that nobody reads."""
    fifo = os.path.join(lab.work, "unread")
    if os.path.exists(fifo):
        os.remove(fifo)
    os.mkfifo(fifo)
    chaos, _, shown = started(lab, "nowhere", "sleeps", None, journal="unread")
    try:
        until("the end of the run", 30, lambda: "Experiment ended" in shown())
        time.sleep(0.3)
        began = time.monotonic()
        for _ in range(signals):
            os.kill(chaos.pid, signal.SIGTERM)
            time.sleep(0.1)
        code = chaos.wait(timeout=20)
        took = time.monotonic() - began
    finally:
        chaos.kill()
    need(code == 1 and "chaos recover" in shown(), f"exit code {code}: {shown()}")
    need(took < seconds, f"it went on for {took:.1f} s")
    lab.alone()


def late(lab):
    """A journal whose reader comes a second after the signal: it is written whole."""
    fifo = os.path.join(lab.work, "read")
    os.mkfifo(fifo)
    chaos, _, shown = started(lab, "nowhere", "sleeps", None, journal="read")
    read = []

    def reader():
        time.sleep(1)
        with open(fifo, encoding="utf-8") as f:
            read.append(f.read())
    try:
        until("the end of the run", 30, lambda: "Experiment ended" in shown())
        time.sleep(0.3)
        chaos.terminate()
        thread = threading.Thread(target=reader, daemon=True)
        thread.start()
        code = chaos.wait(timeout=20)
        thread.join(5)
    finally:
        chaos.kill()
    need(code == 0, f"exit code {code}: {shown()}")
    need(read and json.loads(read[0])["status"] == "completed", "the journal is not whole")


def checks(tally, lab):
    for at, how, of, before in HANGS:
        where = f"{at} of {of}" if of else at
        tally.check(f"a control that {how} in {where}, and SIGTERM{' meanwhile' if before else ''}", ends, lab, at, how, of, before)
    tally.check("a handler whose last word hangs, and SIGTERM", finishes, lab)
    tally.check("a journal that nobody reads, and SIGTERM", unread, lab, 1, 5)
    tally.check("a journal that nobody reads, and SIGTERM twice", unread, lab, 2, 2)
    tally.check("a journal that is read after SIGTERM", late, lab)
