#!/usr/bin/env python3
"""How long `chaos --version` takes: the median wall time of 50 starts, which must stay under 5 ms."""
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "referees"))
from lab import options  # noqa: E402

BOUND_MS = 5.0


def main():
    opts = options()
    walls = []
    for _ in range(50):
        started = time.perf_counter()
        # posix_spawn, as a shell's start is: a fork of this interpreter would be counted too.
        pid = os.posix_spawn(opts.chaos, ["chaos", "--version"], os.environ, file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
        status = os.waitpid(pid, 0)[1]
        walls.append((time.perf_counter() - started) * 1000)
        if status:
            sys.exit(f"version: `chaos --version` ended with {os.waitstatus_to_exitcode(status)}")
    text = subprocess.run([opts.chaos, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    median = statistics.median(walls)
    print(f"version: `{text}` in {median:.1f} ms (median of 50, slowest {max(walls):.1f}; at most {BOUND_MS:.0f} ms)")
    return 0 if median < BOUND_MS else 1


if __name__ == "__main__":
    sys.exit(main())
