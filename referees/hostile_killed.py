"""`kill -9` of a playground with `--data`, and what may happen to its files; `hostile.py` plays it.

A write is noted before it is asked for and again when it was acknowledged, so that after `up` each object is known to be
as acknowledged, or as last asked for.
"""
import http.client
import os
import random
import shutil
import subprocess
import threading
import time

from lab import need
from playgrounds import MAPS, Playground, config_map


class Writer(threading.Thread):
    """Creates, updates and deletes objects of its own, and remembers what was acknowledged."""

    def __init__(self, playground, number, known, dice):
        super().__init__(daemon=True)
        self.client, self.number, self.known, self.dice = playground.client(timeout=10), number, known, dice
        self.trouble, self.count = None, 0

    def run(self):
        try:
            while True:
                name = f"w{self.number}-{self.dice.randrange(30)}"
                was, _ = self.known.get(name, (None, None))
                # Written down before it is asked for: whether it happened is not known if no answer comes.
                if was is None:
                    goal, call = 1, ("POST", MAPS, config_map(name, n="1", x="y" * self.dice.randrange(20_000)))
                elif self.dice.random() < 0.3:
                    goal, call = None, ("DELETE", f"{MAPS}/{name}")
                else:
                    goal, call = was + 1, ("PUT", f"{MAPS}/{name}", config_map(name, n=str(was + 1), x="y" * self.dice.randrange(20_000)))
                self.known[name] = (was, goal)
                code, answer = self.client.call(*call)
                if code not in (200, 201):
                    self.trouble = f"{call[:2]}: {code} {str(answer)[:300]}"
                    self.known[name] = (was, was)
                    return
                self.known[name] = (goal, goal)
                self.count += 1
        except (http.client.HTTPException, OSError):
            return  # it was killed


def present(playground):
    code, found = playground.client().call("GET", MAPS)
    need(code == 200, f"{code} {found}")
    return {item["metadata"]["name"]: int(item["data"]["n"]) for item in found["items"] if "n" in item.get("data", {})}


def held_against(known, found):
    """What must be there, is; and nothing that was never asked for."""
    for name, (was, goal) in known.items():
        there = found.get(name)
        need(there in (was, goal), f"{name}: acknowledged is {was}, asked for {goal}, there is {there}")
        known[name] = (there, there)
    strange = set(found) - set(known)
    need(not strange, f"nobody made {strange}")


class Killed:
    """Each method ends with the data as a playground left it that was killed or stopped."""

    def __init__(self, lab, seed):
        self.lab, self.dice = lab, random.Random(seed)
        self.data, self.known = lab.path("data"), {}
        self.file = os.path.join(self.data, "objects.jsonl")

    def up(self, **more):
        return Playground(self.lab, "killed", "--data", self.data, **more)

    def refused(self, *words, data=None, **popen):
        """`up` says why not, and ends."""
        log = self.lab.path("refused.log")
        with open(log, "wb") as out:
            p = self.lab.start("--no-log-file", "playground", "up", "--name", "refused", "--data", data or self.data, stdout=out, stderr=out, **popen)
        code = p.wait(20)
        with open(log, encoding="utf-8") as f:
            said = f.read()
        missing = [word for word in words if word not in said]
        need(code != 0 and not missing and "panicked" not in said, f"ended with {code}, without {missing}: {said}")

    def rounds(self, count):
        acknowledged = 0
        for n in range(count):
            playground = self.up()
            held_against(self.known, present(playground))
            writers = [Writer(playground, number, self.known, random.Random(self.dice.random())) for number in range(4)]
            for writer in writers:
                writer.start()
            time.sleep(self.dice.uniform(0.02, 0.6))
            playground.kill()
            for writer in writers:
                writer.join(15)
                need(writer.trouble is None, writer.trouble)
                acknowledged += writer.count
            if n % 4 == 3:  # as if the kill had come in the middle of a write
                with open(self.file, "ab") as f:
                    f.write(b'{"sum":"0123456789abcdef","revision":99999999,"resource":"/configmaps","namesp'[: self.dice.randrange(1, 70)])
        playground = self.up()
        held_against(self.known, present(playground))
        playground.kill()
        need(acknowledged > 50 * count / 4, f"only {acknowledged} writes were acknowledged")
        print(f"      {acknowledged} acknowledged writes, {count} kills", flush=True)

    def full_disk(self):
        """Files cannot grow any more: writes are refused in words, reads go on, and what was acknowledged stays."""
        limit = os.path.getsize(self.file) + 400_000
        playground = self.up(file_limit=limit)
        writer = Writer(playground, 9, self.known, self.dice)
        writer.start()
        writer.join(20)
        need(writer.trouble and "500" in writer.trouble and "could not be written to disk" in writer.trouble, f"a full disk: {writer.trouble}")
        held_against(self.known, present(playground))
        before = cpu(playground)
        time.sleep(1)
        burnt = cpu(playground) - before
        need(burnt < 0.6, f"on a full disk it is busy {burnt:.0%} of the time")
        playground.kill()
        playground = self.up()
        held_against(self.known, present(playground))
        code, answer = playground.client().call("POST", MAPS, config_map("room", n="1"))
        need(code == 201, f"{code} {answer}")
        self.known["room"] = (1, 1)
        playground.stop()

    def damaged(self):
        """A line in the middle that is not what was written; another format; what is none of ours."""
        with open(self.file, "rb") as f:
            good = f.read()
        lines = good.split(b"\n")
        middle = len(lines) // 2
        try:
            for bad in (b"garbage", lines[middle].replace(b'"', b"'", 9), lines[middle][:-20], b"\x00" * 500, lines[middle].replace(b"a", b"b")):
                with open(self.file, "wb") as f:
                    f.write(b"\n".join([*lines[:middle], bad, *lines[middle + 1:]]))
                self.refused("objects.jsonl", f"line {middle + 1} is damaged", f"head -n {middle}")
            with open(self.file, "wb") as f:
                f.write(b'{"format":99,"revision":7}\n')
            self.refused("format 99", "a newer chaos wrote it")
            with open(self.file, "wb") as f:
                f.write(b'{"revision":7,"resource":"example.org/novelties","namespace":"","name":"x","object":{}}\n')
            self.refused("example.org/novelties", "a newer chaos wrote it")
        finally:
            with open(self.file, "wb") as f:
                f.write(good)
        playground = self.up()
        held_against(self.known, present(playground))
        playground.stop()

    def two_at_once(self):
        playground = self.up()
        self.refused(self.data, "is used by another playground")
        held_against(self.known, present(playground))
        playground.stop()

    def not_writable(self):
        self.refused("Not a directory", data=os.path.join(self.lab.write("a-file", "x"), "data"))
        shared = os.path.join("/tmp", f"hostile-{os.getpid()}")
        os.mkdir(shared, 0o755)
        try:
            if os.geteuid() == 0:  # to root nothing is read-only: somebody else runs it
                chaos = os.path.join(shared, "chaos")
                shutil.copy(self.lab.chaos_path, chaos)
                data = os.path.join(shared, "data")
                shutil.copytree(self.data, data)
                p = subprocess.run([chaos, "--no-log-file", "playground", "up", "--name", "refused", "--data", data], user=65534, group=65534,
                                   env={**self.lab.env, "CHAOS_STATE_DIR": self.foreign_state()}, cwd="/", capture_output=True, text=True,
                                   timeout=20, check=False)
                need(p.returncode != 0 and data in p.stderr + p.stdout and "Permission denied" in p.stderr + p.stdout, f"{p}")
            else:
                os.chmod(self.data, 0o555)
                self.refused(self.data, "Permission denied")
        finally:
            os.chmod(self.data, 0o755)
            shutil.rmtree(shared)

    def foreign_state(self):
        state = os.path.join("/tmp", f"hostile-{os.getpid()}", "state")
        os.mkdir(state)
        os.chown(state, 65534, 65534)
        return state


def cpu(playground):
    """Seconds of CPU that it took so far."""
    with open(f"/proc/{playground.process.pid}/stat", encoding="utf-8") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
