#!/usr/bin/env python3
"""Plays the same cases against `chaos playground up` and a real control plane, and holds their answers against each other.

Every case says what must be true on both, and the answers of the two, masked for identities, times and random names, must
be the same but for the differences that parity/known.py names with their reasons. One that is named and does not show
fails too, so the list stays true. An assertion is counted once, and only when both servers played it.
"""
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


def verdict(case, sides):
    """What is wrong with a case that has been played, as text, or None."""
    troubles = [f"{name}: {trouble}" for name, (_, trouble) in sides.items() if trouble]
    if len(sides) < 2:
        troubles.append(f"only the {' and the '.join(sides)} played it")
    elif not troubles or all(view is not None for view, _ in sides.values()):
        troubles += compare.judge(case, sides["real"][0], sides["playground"][0], known.KNOWN)
    return "\n".join(troubles)


def main():
    opts = options(only=("", "the areas to play, with commas between; the list of known differences is held to all areas only"))
    areas = [area for area in AREAS if area in (opts.only.split(",") if opts.only else AREAS)]
    failed = both = 0
    with Lab(opts.chaos) as lab:
        try:
            found = play([real(), playground(lab)], areas)
        finally:
            lab.chaos("playground", "down")
    for area in areas:
        sides = {name: records for name, (records, _) in found[area].items()}
        times = ", ".join(f"{name} {seconds:.0f} s" for name, (_, seconds) in sorted(found[area].items()))
        print(f"-- {area} ({times})")
        for name in dict.fromkeys(name for records in sides.values() for name in records):
            played = {server: records[name] for server, records in sides.items() if name in records}
            both += len(played) == 2
            trouble = verdict(f"{area}: {name}", played)
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
