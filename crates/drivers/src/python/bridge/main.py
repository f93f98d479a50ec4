"""The interpreter's side of the bridge: receives requests, serves them, and sends replies and log records.

A request is a line of JSON, `{"id": n, "op": "...", ...}`; its reply is `{"id": n, "ok": value}` or `{"id": n, "error": {...}}`.
Requests with `"beside": true` are served in a thread of their own, all others on the main thread, one after the other, for that
is where extensions expect signals, event loops and interruptions. The main thread receives too; a thread of its own does so while
it is long at something. Standard input, output and error belong to the extensions; whatever they do with them, the bridge goes on.
"""

import importlib
import importlib.machinery
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
import types

# What every run pays for is imported here, so it is little: `queue` and `importlib.abc` would bring much that nobody needs.
from _queue import SimpleQueue

# What an op is served by: the bridge's module, and its function `(body, bridge) -> value`. Modules are loaded when first asked.
OPS = {
    "call": ("calls", "call"),
    "discover": ("discover", "discover"),
    "extensions": ("discover", "extensions"),
    "notify": ("notify", "notify"),
    "signature": ("calls", "signature"),
    "control_module": ("controls", "module"),
    "control_validate": ("controls", "validate"),
    "control_call": ("controls", "call"),
    "control_news": ("controls", "news"),
}

# More than this in one reply would fill up the journal and the memory of whoever reads it.
MOST = 64 << 20


class Bridge:
    """What the functions that serve ops share."""

    def __init__(self, pipe):
        self.pipe = pipe
        self.fd = pipe.fileno()
        self.pid = os.getpid()
        self.sending = threading.Lock()
        # Who holds this reads the pipe; what another thread than the main one reads for it goes through the queue.
        self.reading = threading.Lock()
        self.requests = SimpleQueue()
        # What the main thread is serving, and the threads that serve something.
        self.serving = None
        self.threads = {}
        self.configuration = {}
        self.functions = {}

    def send(self, message):
        self.send_bytes(message.encode("ascii") + b"\n")

    def send_bytes(self, line):
        # A copy of us that an extension forked must not speak for us.
        if os.getpid() != self.pid:
            return
        with self.sending:
            view = memoryview(line)
            while view:
                view = view[os.write(self.fd, view):]

    def tell(self, **message):
        self.send(json.dumps(message))


class Sources:
    """Imports the bridge's own modules, and stand-ins, from the sources that came through the pipe."""

    def __init__(self, sources):
        self.sources = sources

    def find_spec(self, name, path=None, target=None):
        package, _, stem = name.rpartition(".")
        if package == "chaos_bridge" and stem in self.sources:
            return importlib.machinery.ModuleSpec(name, self, origin="<chaos>/" + stem + ".py")
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        origin = module.__spec__.origin
        stem = module.__name__.rpartition(".")[2]
        exec(compile(self.sources[stem], origin, "exec"), module.__dict__)


class Records(logging.Handler):
    """Sends the records of the Toolkit's logger on; they become lines of the log."""

    def __init__(self, bridge):
        super().__init__()
        self.bridge = bridge

    def emit(self, record):
        try:
            exc = None
            if record.exc_info and record.exc_info[0] is not None:
                exc = logging.Formatter().formatException(record.exc_info)
            log = {"level": record.levelname, "text": record.getMessage(), "module": record.module,
                   "line": record.lineno, "exc": exc}
            self.bridge.tell(log=log)
        except Exception:
            self.handleError(record)


def json_form(value):
    """What JSON cannot hold, as the Toolkit writes it, or as text."""
    if hasattr(value, "isoformat"):
        text = value.isoformat()
        # What has every attribute, like a mock, gives another of its kind.
        if issubclass(type(text), str):
            return text
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


ENCODER = json.JSONEncoder(default=json_form)


def written(value):
    """The JSON text of a value. Keys that JSON cannot hold become text, too."""
    try:
        return ENCODER.encode(value)
    except TypeError:
        return json.dumps(with_text_keys(value), default=json_form)


def with_text_keys(value):
    if isinstance(value, dict):
        plain = (str, int, float, bool, type(None))
        return {key if isinstance(key, plain) else str(key): with_text_keys(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_text_keys(item) for item in value]
    return value


def qualified(kind):
    """A class as the Toolkit shows it: built-in ones without their module."""
    name = type.__dict__["__qualname__"].__get__(kind)
    module = type.__dict__["__module__"].__get__(kind)
    if type(module) is not str or module in ("builtins", "__main__"):
        return name
    return module + "." + name


# As they are: a class may have attributes of these names that say otherwise, or raise.
TRACEBACK = BaseException.__dict__["__traceback__"].__get__
CODE = SystemExit.__dict__["code"].__get__


def text_of(raised):
    """What an exception says of itself. Saying so may fail in any way."""
    try:
        return str(raised)
    except BaseException as error:
        return "<its text cannot be had: %s>" % type(error).__name__


def error_of(raised):
    """An exception as it is told."""
    what = type(raised)
    kind = "failed" if issubclass(what, Exception) else "interrupt"
    code = None
    if issubclass(what, KeyboardInterrupt):
        kind = "keyboard"
    elif issubclass(what, SystemExit):
        code = CODE(raised)
        kind, code = "exit", code if issubclass(type(code), int) else (0 if code is None else 1)
    elif issubclass(what, Fatal):
        kind = "fatal"
        raised = raised.cause
    trail = TRACEBACK(raised)
    # Our own frames are nobody's business.
    while trail is not None and trail.tb_frame.f_code.co_filename.startswith("<chaos>"):
        trail = trail.tb_next
    text = text_of(raised)
    try:
        lines = traceback.format_tb(trail, -50)
    except BaseException:
        lines = []
    try:
        shown = traceback.format_exception_only(type(raised), raised)[0].strip()
    except BaseException:
        shown = "%s: %s" % (qualified(type(raised)), text)
    return {"class": qualified(type(raised)), "message": text, "shown": shown, "kind": kind, "code": code,
            "traceback": lines}


class Fatal(Exception):
    """Not the function's own failure: the run cannot go on as it is written."""

    def __init__(self, cause):
        super().__init__(text_of(cause))
        self.cause = cause


def function(bridge, op):
    # Kept here, for an extension may clear out `sys.modules`.
    if op not in bridge.functions:
        stem, name = OPS[op]
        bridge.functions[op] = getattr(importlib.import_module("chaos_bridge." + stem), name)
    return bridge.functions[op]


def answer(bridge, body):
    """The reply to a request, as a line."""
    number = body["id"]
    try:
        value = function(bridge, body["op"])(body, bridge)
        bridge.serving = None if bridge.serving == number else bridge.serving
        line = '{"id": %d, "ok": %s}' % (number, written(value))
        if len(line) > MOST:
            raise ValueError("the value that was returned takes %d MiB of JSON, more than the %d that are kept"
                             % (len(line) >> 20, MOST >> 20))
        return line
    except BaseException as raised:
        bridge.serving = None if bridge.serving == number else bridge.serving
        return '{"id": %d, "error": %s}' % (number, json.dumps(error_of(raised)))
    finally:
        for name in ("stdout", "stderr"):
            try:
                getattr(sys, name).flush()
            except BaseException:
                # They are whatever an extension put there, and it was served.
                pass


def aside(bridge, body):
    bridge.threads[body["id"]] = threading.get_ident()
    try:
        line = answer(bridge, body)
    finally:
        bridge.threads.pop(body["id"], None)
    bridge.send(line)


# What a reader gives that has nothing for the main thread.
AGAIN = object()

# Seconds for which the main thread may be at one thing before another thread reads the pipe in its place.
PATIENCE = 0.05


def take(bridge):
    """Reads the pipe once. What is for the main thread is returned, `None` when nobody needs us any more; the rest is done."""
    try:
        line = bridge.pipe.readline()
    except (OSError, ValueError):
        line = b""
    if not line.endswith(b"\n"):
        threading.Thread(target=farewell, args=(bridge,), daemon=True, name="chaos farewell").start()
        return None
    body = json.loads(line)
    if body.get("tagged"):
        body = untagged(body)
    if "cancel" in body:
        cancel(bridge, body["cancel"])
    elif body.get("beside"):
        threading.Thread(target=aside, args=(bridge, body), daemon=True, name=body["op"]).start()
    else:
        return body
    return AGAIN


def farewell(bridge):
    """Whatever keeps the interpreter alive after its last words ends with it."""
    time.sleep(bridge.grace)
    os.killpg(0, signal.SIGKILL)


def next_request(bridge):
    """The main thread's next request, `None` at the end. While it is idle it reads itself: a change of threads costs as much as
    a call."""
    while True:
        if bridge.reading.acquire(False):
            try:
                body = AGAIN
                while body is AGAIN:
                    # What was read in our place comes first, and is only in the queue once the lock was let go.
                    body = take(bridge) if bridge.requests.empty() else bridge.requests.get()
                return body
            finally:
                bridge.reading.release()
        body = bridge.requests.get()
        if body is not AGAIN:
            return body


def watch(bridge):
    """Reads while the main thread is long at something, so that it can be interrupted and others are served beside it."""
    last = None
    while True:
        time.sleep(PATIENCE)
        if bridge.serving is None or bridge.serving != last:
            last = bridge.serving
            continue
        with bridge.reading:
            body = AGAIN
            while body is AGAIN and bridge.serving == last:
                body = take(bridge)
            bridge.requests.put(body)
        if body is None:
            return
        # The main thread may have begun to wait before we let go: it is to look who reads now.
        bridge.requests.put(AGAIN)


def untagged(value):
    """Undoes the tags of what JSON cannot hold: from the outside in, for the tag `$object` says that what is in it is none."""
    if isinstance(value, list):
        return [untagged(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, inner), = value.items()
        if key == "$date":
            return date(inner)
        if key == "$bytes":
            import base64

            return base64.b64decode(inner)
        if key == "$int":
            return int(inner)
        if key == "$float":
            return float(inner)
        if key == "$object":
            value = inner
    return {key: untagged(item) for key, item in value.items()}


def date(text):
    import datetime

    if "T" in text:
        return datetime.datetime.fromisoformat(text)
    return datetime.date.fromisoformat(text)


def cancel(bridge, number):
    """Interrupts what is being served under this number, wherever it is."""
    if bridge.serving == number:
        bridge.cancelled = number
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    elif number in bridge.threads:
        throw(bridge.threads[number])


def throw(thread):
    """Throws into a thread what ends it when it next runs Python code."""
    import ctypes

    try:
        from chaoslib.exceptions import ExperimentExitedException as kind
    except Exception:
        kind = SystemExit
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))


def catch_signals(bridge):
    """Signals that an extension sends to its own process are meant for the run."""

    def interrupt(_number, _frame):
        if bridge.serving is not None:
            raise KeyboardInterrupt

    def leave(number, _frame):
        code = 20 if number == signal.SIGUSR1 else 30
        if bridge.serving is not None:
            raise SystemExit(code)
        bridge.tell(signal=signal.Signals(number).name)

    def ignore(_number, _frame):
        pass

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, ignore)
    signal.signal(signal.SIGHUP, ignore)
    signal.signal(signal.SIGUSR1, leave)
    signal.signal(signal.SIGUSR2, leave)
    # Reading a terminal from its background would stop us.
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)


def forked(bridge):
    """In a copy of us that an extension forked: it must not hold the pipe, nor serve anything."""
    try:
        os.close(bridge.fd)
    except OSError:
        pass
    bridge.requests = SimpleQueue()
    bridge.requests.put(None)
    bridge.copy = True


def set_up_logging(bridge):
    logger = logging.getLogger("chaostoolkit")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(Records(bridge))
    stand_in = types.ModuleType("logzero")
    stand_in.logger = logger
    sys.modules["logzero"] = stand_in


def die_with_parent():
    """A run that is killed must not leave us behind, even if we hang. Where this is not to be had, the closed pipe ends us."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except Exception:
        pass


def serve(pipe):
    bridge = Bridge(pipe)
    bridge.grace = 5.0
    bridge.copy = False
    os.set_inheritable(bridge.fd, False)
    sources = sys.modules["chaos_bridge"].SOURCES
    sys.meta_path.append(Sources(sources["bridge"]))
    finder = {}
    exec(compile(sources["finder"], "<chaos>/finder.py", "exec"), finder)
    finder["install"](sources["shim"])
    sys.modules["chaos_bridge"].bridge = bridge
    sys.argv = ["chaos"]
    if sys.platform == "linux":
        die_with_parent()
    catch_signals(bridge)
    set_up_logging(bridge)
    os.register_at_fork(after_in_child=lambda: forked(bridge))
    bridge.tell(id=0, ok={"version": list(sys.version_info[:3]), "old": False})
    threading.Thread(target=watch, args=(bridge,), daemon=True, name="chaos bridge").start()
    while True:
        number = None
        try:
            body = next_request(bridge)
            if body is None:
                break
            number = bridge.serving = body["id"]
            line = answer(bridge, body)
            if bridge.copy:
                break
            number = None
            bridge.send(line)
        except KeyboardInterrupt:
            bridge.serving = None
            # It came between the function and our word of it.
            if number is not None:
                bridge.send('{"id": %d, "error": %s}' % (number, json.dumps(error_of(KeyboardInterrupt()))))
        except OSError:
            # The pipe is gone: an extension closed what it does not own.
            os._exit(70)
    if bridge.copy:
        # As the extension would have ended it: nothing of it is ours.
        os._exit(0)
