#!/usr/bin/env python3
"""Plays the same cases against `chaos playground up` and a real control plane, and holds their answers against each other.

Every case says what must be true on both, and the answers of the two, masked for identities, times and random names, must
be the same but for the differences that parity/known.py names with their reasons. One that is named and does not show
fails too, so the list stays true. An assertion is counted once, and only when both servers played it.

What the playground answered stands. The control plane's controllers work side by side and may be late: an area in which they
were not as expected, or not as the playground, is played there again, up to TRIES times in all, and the playground must be
as one of these times. Each is told.
"""
import fnmatch
import importlib
import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from lab import Lab, Tally, need, options, setting
from parity import compare, known
from parity.player import Player, Server

AREAS = ["deployments", "rollouts", "jobs", "endpoints", "autoscaling", "disruption", "volumes", "namespaces", "replicasets", "garbage",
         "watching", "deleting", "objects", "patches", "apply", "lists", "tables", "subresources", "defaults", "mistakes", "discovery"]
# How many areas are played at once on each server.
AT_ONCE = 7
# How often the control plane plays an area.
TRIES = 3


def real():
    with open(setting("K8S_ADMIN_TOKEN_FILE"), encoding="utf-8") as token, open(setting("K8S_CA"), encoding="utf-8") as ca:
        return Server("real", setting("K8S_URL"), token.read().strip(), ca.read())


def playground(lab):
    """Starts one, and reads where it is from the kubeconfig that it wrote."""
    up = lab.chaos("playground", "up", "--detach", "--nodes", "3")
    need(up.code == 0, str(up))
    exports = lab.chaos("playground", "env").out
    path = re.search(r"^export KUBECONFIG='?([^'\n]*)'?$", exports, re.M).group(1)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    import base64
    field = lambda name: re.search(rf'(?<![\w-]){name}:\s*"?([^",}}\s]+)', text).group(1)
    ca = base64.b64decode(field("certificate-authority-data")).decode()
    return Server("playground", field("server"), field("token"), ca)


def play(servers, areas):
    """Every area on every server; returns {area: {server: records}}."""
    found = {area: {} for area in areas}

    def one(server, area):
        player = Player(server, area)
        started = time.monotonic()
        player.play(importlib.import_module(f"parity.{area}").play)
        found[area][server.name] = (player.records, time.monotonic() - started)

    def side(server):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda area: one(server, area), areas))

    sides = [threading.Thread(target=side, args=(server,)) for server in servers]
    for thread in sides:
        thread.start()
    for thread in sides:
        thread.join()
    return found


def unlike(case, sides):
    """What is wrong with a case that each side played once, as text; empty if nothing is."""
    troubles = [f"{name}: {trouble}" for name, (_, trouble) in sides.items() if trouble]
    if len(sides) < 2:
        troubles.append(f"only the {' and the '.join(sides)} played it")
    elif not troubles or all(view is not None for view, _ in sides.values()):
        troubles += compare.judge(case, sides["real"][0], sides["playground"][0], known.KNOWN)
    return "\n".join(troubles)


class Area:
    """An area as it was played: once on the playground, once or more on the control plane."""

    def __init__(self, name, played):
        self.name, (self.ours, seconds), theirs = name, played["playground"], played["real"]
        self.real, self.times = [theirs[0]], f"playground {seconds:.0f} s, real {theirs[1]:.0f} s"

    def again(self, played):
        records, seconds = played["real"]
        self.real.append(records)
        self.times += f", again {seconds:.0f} s"

    def cases(self):
        """What the playground played, and what the control plane played each time."""
        always = [name for name in self.real[-1] if all(name in records for records in self.real)]
        return list(dict.fromkeys([*self.ours, *always]))

    def sides(self, name, records):
        return {server: side[name] for server, side in (("real", records), ("playground", self.ours)) if name in side}

    def verdict(self, name):
        """What is wrong with a case, as text: empty if the playground was as the control plane was one time."""
        troubles = [unlike(f"{self.name}: {name}", self.sides(name, records)) for records in self.real]
        return "" if "" in troubles else troubles[-1]

    def doubtful(self):
        """The cases that are wrong, though nothing is wrong with what the playground did by itself."""
        return [name for name in self.cases() if not self.ours.get(name, (None, None))[1] and self.verdict(name)]

    def on_both(self):
        return sum(name in self.ours and any(name in records for records in self.real) for name in self.cases())


def in_doubt(areas):
    """Areas that the control plane may play otherwise another time, each with what is wrong now."""
    found = {name: f"{case}: {area.verdict(case)}" for name, area in areas.items() for case in area.doubtful()[:1]}
    for entry in known.KNOWN if len(areas) == len(AREAS) else []:
        if entry.stale():
            found.update({name: f"{entry.cases} at {' '.join(entry.stale())}: it differs no more" for name in areas if name not in found and fnmatch.fnmatchcase(name, entry.cases.split(":")[0])})
    return found


def main():
    opts = options(only=("", "the areas to play, with commas between; the list of known differences is held to all areas only"))
    areas = [area for area in AREAS if area in (opts.only.split(",") if opts.only else AREAS)]
    failed = both = 0
    server = real()
    with Lab(opts.chaos) as lab:
        try:
            found = {area: Area(area, played) for area, played in play([server, playground(lab)], areas).items()}
        finally:
            lab.chaos("playground", "down")
    for turn in range(2, TRIES + 1):
        doubts = in_doubt(found)
        for area, why in doubts.items():
            print(f"again {area}: the control plane plays it for the {turn}. time, for {why[:700]}".replace("\n", "\n      "), flush=True)
        for area, played in play([server], list(doubts)).items():
            found[area].again(played)
    for area in areas:
        print(f"-- {area} ({found[area].times})")
        both += found[area].on_both()
        for name in found[area].cases():
            trouble = found[area].verdict(name)
            failed += bool(trouble)
            print(f"ok    {area}: {name}" if not trouble else f"FAIL  {area}: {name}\n      " + trouble.replace("\n", "\n      "))
    for entry in known.KNOWN if not opts.only else []:
        for path in entry.stale():
            failed += 1
            print(f"FAIL  known difference no longer shows: {entry.cases} at {path} ({entry.reason})")
    if not opts.only:
        for entry in known.KNOWN:
            print(f"known {entry.cases} at {' '.join(entry.paths)}: {entry.reason}")
    print(f"parity: {both} assertions on both, {len(known.KNOWN)} known differences, {failed} failed", flush=True)
    raise SystemExit(1 if failed or not both else 0)


if __name__ == "__main__":
    main()
