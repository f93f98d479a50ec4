#!/usr/bin/env python3
"""Watches `chaos demo` as a stranger does, and interrupts it at many moments: it ends in time and leaves nothing.

On a terminal (80 and 200 columns, without colours, dumb) and in a pipe; where it cannot write; twice; ended by Ctrl-C,
SIGTERM and SIGKILL at random moments; and its memory, all its processes taken together.
"""
import os
import random
import signal
import stat
import subprocess
import threading
import time

from lab import Lab, Tally, need, options, until
from terminal import Seat

MEMORY = 150  # MB, of all processes of the demo together
SECONDS = 60  # for the whole demo
ENDING = 5  # seconds from a signal to the end
CLICKED = "█"


class Stranger:
    """Somebody who starts the demo in a folder of their own."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.tmp = lab.path(f"tmp-{name}")
        os.mkdir(self.tmp)
        self.env = {**lab.env, "TMPDIR": self.tmp, "TERM": "xterm-256color"}

    def sit(self, columns=80, cwd=None, args=(), **env):
        merged = {name: value for name, value in {**self.env, **env}.items() if value is not None}
        return Seat([self.lab.chaos_path, "demo", *args], columns, env=merged, cwd=cwd or self.fresh())

    def fresh(self):
        folder = self.lab.path(f"at-{self.name}-{time.monotonic_ns()}")
        os.mkdir(folder)
        return folder

    def whole(self, **how):
        """A demo to its end: what it wrote."""
        started, folder = time.monotonic(), self.fresh()
        seat = self.sit(cwd=folder, **how)
        code = seat.to_the_end(SECONDS)
        need(code == 0, f"it ended with {code} after {time.monotonic() - started:.0f} s:\n{seat.said}")
        self.nothing_is_left(seat)
        need(os.listdir(folder) == ["demo-journals"], f"it left {os.listdir(folder)}")
        seat.close()
        return seat

    def nothing_is_left(self, seat):
        until("the end of its processes", ENDING, lambda: not in_session(seat.process.pid), patience=1)
        need(not os.listdir(self.tmp), f"folders are left: {os.listdir(self.tmp)}")

    # --- as it is meant ---

    def on_a_terminal(self, columns):
        seat = self.whole(columns=columns)
        text = seat.screen().text()
        flat = text.replace("\n", "").replace(" ", "")
        for promised in ("What was learnt", "A weakness:", "It holds:", "status: deviated", "status: completed", CLICKED, "demo-journals"):
            need(promised.replace(" ", "") in flat, f"no {promised!r} on the screen:\n{text}")
        need("\x1b[" in seat.said, "no colours")
        ours = [line for line in text.splitlines() if not line.startswith("[")]
        if columns >= 80:
            need(max(map(len, ours)) <= columns, f"a line of its own is too long: {max(ours, key=len)}")

    def without_colours(self):
        seat = self.whole(NO_COLOR="1")
        need("\x1b[3" not in seat.said and "\x1b[1m" not in seat.said, "colours in spite of NO_COLOR")

    def dumb(self):
        seat = self.whole(TERM="dumb")
        need("\x1b" not in seat.said, "a dumb terminal was sent escape sequences")
        need("answered\r\n" in seat.said, "rows of customers are not printed as lines")

    def not_unicode(self):
        seat = self.whole(LANG="C", LC_ALL=None)
        need(seat.said.isascii(), "not only ASCII where only ASCII can be shown")

    def in_a_pipe(self):
        """One line after the other, nothing that moves a cursor; run twice, the second takes the place of the first's journals."""
        folder = self.fresh()
        for _ in range(2):
            p = subprocess.run([self.lab.chaos_path, "demo"], env=self.env, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
            need(p.returncode == 0, f"it ended with {p.returncode}: {p.stdout}")
            need("\x1b" not in p.stdout and "\r" not in p.stdout, "it moves a cursor in a pipe")
            need("What was learnt" in p.stdout and "10 of 10 answered" in p.stdout and "0 of 10 answered" in p.stdout, f"it shows no customers: {p.stdout}")
            names = sorted(os.listdir(os.path.join(folder, "demo-journals")))
            need(names == ["1-one-replica.json", "2-two-replicas.json"], f"journals: {names}")
        need(not os.listdir(self.tmp), f"folders are left: {os.listdir(self.tmp)}")

    def two_at_once(self):
        codes = []
        both = [threading.Thread(target=lambda: codes.append(self.sit().to_the_end(SECONDS))) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        need(codes == [0, 0], f"they ended with {codes}")
        need(not os.listdir(self.tmp), f"folders are left: {os.listdir(self.tmp)}")

    # --- where things are in the way ---

    def ports_are_taken(self):
        """What the shop, its database and a kubelet listen on is taken on every address of this machine."""
        import socket
        held = []
        for port in (8080, 27017, 10250, 53):
            held.append(socket.socket())
            try:
                held[-1].bind(("0.0.0.0", port))
                held[-1].listen()
            except OSError:
                pass  # taken already: just as well
        try:
            self.whole()
        finally:
            for one in held:
                one.close()

    def journals_cannot_be_written(self):
        """It says so before it starts anything."""
        folder = self.fresh()
        with open(os.path.join(folder, "file"), "w", encoding="utf-8"):
            pass
        for journals in ("file", "file/below", "/proc/journals"):
            started = time.monotonic()
            seat = self.sit(cwd=folder, args=("--journals", journals))
            code = seat.to_the_end(10)
            need(code == 1 and "--journals DIR takes another" in seat.said, f"{journals}: it ended with {code}: {seat.said}")
            need(time.monotonic() - started < 2, "that took long")
            self.nothing_is_left(seat)
        need(os.listdir(folder) == ["file"], f"it left {os.listdir(folder)}")

    def no_temporary_folder(self):
        seat = self.sit(TMPDIR="/proc/nowhere")
        code = seat.to_the_end(10)
        need(code == 1 and "TMPDIR" in seat.said, f"it ended with {code}: {seat.said}")

    def no_network(self):
        """Without even a loopback interface it says what is missing."""
        p = subprocess.run(["unshare", "--user", "--map-root-user", "--net", self.lab.chaos_path, "demo"], env=self.env, cwd=self.fresh(),
                           capture_output=True, text=True, timeout=SECONDS, check=False)
        need(p.returncode == 1 and "loopback" in p.stderr, f"it ended with {p.returncode}: {p.stderr}")
        need(not os.listdir(self.tmp), f"folders are left: {os.listdir(self.tmp)}")

    # --- interrupted ---

    def interrupted(self, how, after):
        """Ended by a signal after so many seconds: in time, whole."""
        folder = self.fresh()
        seat = self.sit(cwd=folder)
        seat.read(after)
        ports, over = listening(seat.process.pid), seat.process.poll() is not None
        if over:
            pass
        elif how == "Ctrl-C":
            try:
                seat.type(b"\x03")
            except OSError:
                over = True  # it has just ended
        elif how == "hang-up":
            os.kill(seat.process.pid, signal.SIGHUP)
        else:
            os.kill(seat.process.pid, signal.SIGTERM)
        started = time.monotonic()
        code = seat.to_the_end(ENDING)
        need(code is not None, f"{how} after {after:.2f} s: it goes on for {time.monotonic() - started:.1f} s: {seat.said[-1500:]}")
        # Before it can listen for signals there is nothing yet, and a signal ends it as any program; after its last words there is nothing left to end.
        over = over or "What was learnt" in seat.said
        need(code == 1 or over and code == 0 or code < 0 and not seat.said.strip("^C\r\n"), f"{how} after {after:.2f} s: it ended with {code}: {seat.said[-1500:]}")
        self.nothing_is_left(seat)
        need(not listening_at(ports), f"{how} after {after:.2f} s: still listening: {listening_at(ports)}")
        journals = os.path.join(folder, "demo-journals")
        for name in os.listdir(journals) if os.path.isdir(journals) else []:
            self.lab.journal(os.path.join(journals, name))
        seat.close()

    def killed(self, after):
        """SIGKILL: its runs end by themselves, and what is left is only a folder."""
        seat = self.sit()
        seat.read(after)
        ports = listening(seat.process.pid)
        seat.process.kill()
        seat.process.wait()
        until("the end of its runs", ENDING, lambda: not in_session(seat.process.pid), patience=1)
        need(not listening_at(ports), f"still listening: {listening_at(ports)}")
        seat.close()

    def swept(self):
        """The next demo takes away the folders of those that were killed."""
        need(os.listdir(self.tmp), "the killed ones left no folder: this check sees nothing")
        self.interrupted("SIGTERM", 1.0)

    def swept_by_playground(self):
        self.killed(3.0)
        need(os.listdir(self.tmp), "the killed one left no folder: this check sees nothing")
        self.lab.chaos("playground", "up", "--detach", env=self.env)
        self.lab.chaos("playground", "down", env=self.env)
        need(not os.listdir(self.tmp), f"folders are left: {os.listdir(self.tmp)}")

    # --- what it takes ---

    def memory(self):
        seat, peaks, over = self.sit(), [0], threading.Event()

        def look():
            while not over.wait(0.05):
                peaks[0] = max(peaks[0], sum(map(resident, in_session(seat.process.pid))))

        watcher = threading.Thread(target=look)
        watcher.start()
        started = time.monotonic()
        code = seat.to_the_end(SECONDS)
        over.set()
        watcher.join()
        need(code == 0, f"it ended with {code}")
        peak = peaks[0] / 1e6
        need(peak < MEMORY, f"{peak:.0f} MB at its peak; the bound is {MEMORY} MB")
        return f"{peak:.0f} MB at the peak (bound {MEMORY}), {time.monotonic() - started:.0f} s (bound {SECONDS})"


def stats():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                fields = f.read().rpartition(")")[2].split()
            yield int(pid), fields[0], int(fields[3])
        except OSError:
            pass


def in_session(session):
    """The processes of a session that live: everything the demo started, whatever became of their parents."""
    return [pid for pid, state, of in stats() if of == session and state != "Z"]


def resident(pid):
    """Bytes."""
    try:
        with open(f"/proc/{pid}/statm", encoding="utf-8") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def sockets():
    """Sockets that listen: inode to port."""
    found = {}
    with open("/proc/net/tcp", encoding="utf-8") as f:
        for line in f.readlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                found[fields[9]] = fields[1]
    return found


def listening(pid):
    """Where a process listens."""
    known, own = sockets(), []
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{fd}"
            if stat.S_ISSOCK(os.stat(path).st_mode):
                own.append(os.readlink(path)[len("socket:["):-1])
    except OSError:
        pass
    return {inode: known[inode] for inode in own if inode in known}


def listening_at(ports):
    return [where for inode, where in sockets().items() if inode in ports]


def watch(tally, lab, moments):
    """What is watched, as sequences that do not disturb each other: each is a stranger's, with a temporary folder of their own."""
    def on_terminals():
        one = Stranger(lab, "terminals")
        for columns in (80, 200, 40):
            tally.check(f"on a terminal of {columns} columns", one.on_a_terminal, columns)
        tally.check("NO_COLOR", one.without_colours)
        tally.check("a dumb terminal", one.dumb)
        tally.check("a terminal that knows only ASCII", one.not_unicode)

    def in_the_way():
        one = Stranger(lab, "in-the-way")
        tally.check("in a pipe, twice", one.in_a_pipe)
        tally.check("two at once", one.two_at_once)
        tally.check("its ports are taken", one.ports_are_taken)
        tally.check("journals that cannot be written", one.journals_cannot_be_written)
        tally.check("no temporary folder", one.no_temporary_folder)
        tally.check("no network at all", one.no_network)

    def killed():
        one = Stranger(lab, "killed")
        for after in (0.3, 4.0, 6.5, 7.5, 13.0):
            tally.check(f"SIGKILL after {after:.1f} s", one.killed, after)
        tally.check("the next demo sweeps", one.swept)
        tally.check("the next playground sweeps", one.swept_by_playground)

    def interrupted(turn):
        one = Stranger(lab, f"interrupted-{turn}")
        for n, after in list(enumerate(moments))[turn::2]:
            how = ("Ctrl-C", "SIGTERM", "hang-up", "Ctrl-C", "SIGTERM")[n % 5]
            tally.check(f"{how} after {after:.2f} s", one.interrupted, how, after)

    return [on_terminals, in_the_way, killed, lambda: interrupted(0), lambda: interrupted(1)]


def main():
    opts = options(rounds=(20, "how often it is interrupted"), seed=(7, "of the moments; 0 draws one"))
    tally = Tally()
    seed = opts.seed or random.SystemRandom().randrange(1, 10**6)
    chance = random.Random(seed)
    moments = [chance.uniform(0, 17) for _ in range(opts.rounds)]
    with Lab(opts.chaos) as lab:
        # Alone, as its time is measured; the others mostly wait.
        note = tally.check("memory of all its processes", Stranger(lab, "memory").memory) or ""
        sequences = [threading.Thread(target=sequence) for sequence in watch(tally, lab, moments)]
        for sequence in sequences:
            sequence.start()
        for sequence in sequences:
            sequence.join()
    tally.end(f"; {note}; seed {seed}")


if __name__ == "__main__":
    main()
