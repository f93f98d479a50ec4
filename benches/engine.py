#!/usr/bin/env python3
"""CPU and memory of the engine itself, beside the Toolkit's: activities that are cheap, and many.

Both commands play the same experiments in turn, with console, log file and journal as they are without any option. CPU is user
and system time of the whole tree of processes, the programs that activities run included. The server that is called is a
process of its own and not counted; it keeps connections open for whoever wants to go on with them.

Commands and server share one processor, so that neither command is charged for waking another one, which on a virtual machine
costs as much as a connection. Both are played equally often, in turn, and of each the least counts: whoever else is at work only
adds to what a run takes, and to both alike.

The Toolkit opens a connection for each call, ours that follow one another at once share them, as docs/compatibility.md explains.
What ours cost with a connection each (`keep_alive: false`) is printed, and the floor of that: what a bare loop over a socket takes of
the kernel for as many connections, requests and responses.
"""
import json
import multiprocessing
import os
import resource
import selectors
import shutil
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "referees"))
from lab import Lab, need, options, usage  # noqa: E402

ROUNDS = 6  # so often each of them is played
FEW, CALLS, MANY, SIZE = 3, 2000, 10_000, 10_000
# How many times less CPU than the Toolkit, of a few programs, and of many calls.
PROGRAMS_TIMES, CALLS_TIMES = 20.0, 20.0
PEAK_MB = 40.0


def serve(listener, body):
    """Answers every request on every connection with `body`, until it is killed."""
    head = f"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = head.encode() + body
    ready = selectors.DefaultSelector()
    listener.setblocking(False)
    ready.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                try:
                    ready.register(listener.accept()[0], selectors.EVENT_READ)
                except BlockingIOError:
                    pass
                continue
            try:
                request = key.fileobj.recv(65536)
            except OSError:
                request = b""
            if request:
                key.fileobj.sendall(answer)
            else:
                ready.unregister(key.fileobj)
                key.fileobj.close()


class Server:
    """A server on a free port, whose responses have bodies of `size` bytes."""

    def __init__(self, size):
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = listener.getsockname()[1]
        self.process = multiprocessing.get_context("fork").Process(target=serve, args=(listener, b"x" * size), daemon=True)
        self.process.start()
        listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()


def programs(count):
    return [{"type": "action", "name": f"run-{i}", "provider": {"type": "process", "path": "true"}} for i in range(count)]


def calls(count, port, **more):
    provider = {"type": "http", "url": f"http://127.0.0.1:{port}/health", **more}
    return [{"type": "probe", "name": f"call-{i}", "provider": provider} for i in range(count)]


class Cost:
    """What one run took: CPU of the user and of the system in ms, peak RSS in MB of 10^6 bytes."""

    def __init__(self, user, system, rss):
        self.user, self.all, self.rss = user, user + system, rss

    def __str__(self):
        return f"{self.all:.1f} ms CPU ({self.user:.1f} of the user), {self.rss:.1f} MB"


def play(lab, chaos, method):
    """Plays it once."""
    lab.write("experiment.json", {"title": "A measure", "description": "Of the engine.", "method": method})
    code, user, system, rss, said = usage([chaos, "run", "experiment.json"], lab.work, lab.env)
    need(code == 0, f"{chaos} ended with {code}: {said}")
    journal = lab.journal()
    done = sum(record["status"] == "succeeded" for record in journal["run"])
    need(journal["status"] == "completed" and done == len(method), f"{chaos}: {journal['status']}, {done} of {len(method)}")
    for name in ("journal.json", "chaostoolkit.log"):
        os.unlink(lab.path(name))
    shutil.rmtree(lab.state, ignore_errors=True)
    return Cost(user, system, rss)


def least(costs):
    return min(cost.all for cost in costs)


def beside(lab, opts, what, method):
    """Plays it with both, in turn: (the Toolkit's costs, ours)."""
    play(lab, opts.toolkit, method)  # the first one compiles what it imports
    theirs, ours = [], []
    for _ in range(ROUNDS):
        for costs, chaos, who in ((theirs, opts.toolkit, "the Toolkit"), (ours, opts.chaos, "ours")):
            costs.append(play(lab, chaos, method))
            print(f"{what}: {who}: {costs[-1]}", flush=True)
    return theirs, ours


def floor(port):
    """System time in ms of as many calls by a bare loop; of five times as many, for the clock of such times is coarse."""
    request = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n".encode()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_stime
    for _ in range(5 * CALLS):
        with socket.socket() as connection:
            connection.connect(("127.0.0.1", port))
            connection.send(request)
            need(connection.recv(4096), "the server closed the connection")
    return (resource.getrusage(resource.RUSAGE_SELF).ru_stime - before) * 1000 / 5


def main():
    opts = options(toolkit=("", "the Toolkit's chaos, beside ours"))
    need(opts.toolkit, "--toolkit PATH: the Toolkit's chaos")
    opts.toolkit = os.path.abspath(opts.toolkit)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    failed = []

    def bound(kept, text):
        failed.extend([] if kept else [text])
        return text + ("" if kept else ": NOT KEPT")

    told = []
    with Lab(opts.chaos) as lab:
        theirs, ours = beside(lab, opts, f"{FEW} programs", programs(FEW))
        times = least(theirs) / least(ours)
        told.append(bound(times >= PROGRAMS_TIMES, f"{FEW} programs {least(ours):.1f} ms, {times:.0f} times less (at least {PROGRAMS_TIMES:.0f})"))
        with Server(2) as server:
            theirs, ours = beside(lab, opts, f"{CALLS} calls", calls(CALLS, server.port))
            apart = [play(lab, opts.chaos, calls(CALLS, server.port, keep_alive=False)) for _ in range(ROUNDS)]
            bare = floor(server.port)
        print(f"{CALLS} calls: a connection each: ours: {least(apart):.1f} ms CPU; a bare loop: {bare:.1f} ms of the system", flush=True)
        times = least(theirs) / least(ours)
        # How the clock divides so short a time between user and system is chance; the mean is nearest to it.
        own = statistics.mean(cost.user for cost in theirs) / statistics.mean(cost.user for cost in ours)
        told.append(bound(times >= CALLS_TIMES, f"{CALLS} calls {least(ours):.0f} ms, {times:.1f} times less (at least {CALLS_TIMES:.0f}), of "
                          f"the user's alone {own:.0f} times less; with a connection each {least(apart):.0f} ms, of which the connections are {bare:.0f}"))
        with Server(SIZE) as server:
            began = time.monotonic()
            many = play(lab, opts.chaos, calls(MANY, server.port))
        print(f"{MANY} calls with {SIZE} bytes each: ours: {many}, {time.monotonic() - began:.1f} s", flush=True)
        told.append(bound(many.rss < PEAK_MB, f"{MANY} calls with {MANY * SIZE / 1e6:.0f} MB of output: {many.rss:.1f} MB at the peak (at most {PEAK_MB:.0f})"))
    print("engine-speed: " + "; ".join(told))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
