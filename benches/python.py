#!/usr/bin/env python3
"""CPU of 1,000 calls through the bridge to Python, beside the Toolkit's for the same experiment.

The extension does nothing, so what is measured is ours. A call may cost at most 0.2 ms of CPU (user and system): that of our
process, its event log and journal included, and what the bridge's Python adds to the interpreter. It is the difference of a
run with 1,001 calls and one with a single call, divided by 1,000. The whole run with 1,000 calls, start of the interpreter
included, may take at most half of the Toolkit's CPU for it, measured in turn.
"""
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "referees"))
from lab import Lab, need, options, weigh  # noqa: E402

CALLS, RUNS, CALL_MS, SHARE = 1000, 5, 0.2, 0.5

EXTENSION = '''
import atexit, os, time

def act(number, configuration, secrets=None):
    return {"number": number, "of": configuration["of"]}

def leave():
    with open(os.environ["INTERPRETER_CPU"], "w") as f:
        f.write(str(time.process_time()))

atexit.register(leave)
'''


def experiment(calls):
    return {
        "title": "calls", "description": "An extension that does nothing, often.", "configuration": {"of": calls},
        "method": [{"type": "probe", "name": f"call {number}", "provider":
                    {"type": "python", "module": "idle_extension", "func": "act", "arguments": {"number": number}}}
                   for number in range(calls)],
    }


def measure(lab, chaos, calls):
    """One run: CPU in ms of everything, and of the interpreter alone."""
    lab.write("experiment.json", experiment(calls))
    code, cpu, _rss, said = weigh([chaos, "--no-version-check", "run", "experiment.json"], lab.work, lab.env)
    need(code == 0, f"{chaos} ended with {code}: {said}")
    with open(lab.path("journal.json"), encoding="utf-8") as f:
        journal = json.load(f)
    outputs = [record["output"] for record in journal["run"]]
    need(outputs == [{"number": number, "of": calls} for number in range(calls)], f"{chaos}: other outputs")
    os.remove(lab.path("chaostoolkit.log"))
    with open(lab.env["INTERPRETER_CPU"], encoding="utf-8") as f:
        return cpu, float(f.read()) * 1000


def main():
    opts = options(toolkit=("", "the Toolkit's chaos, beside ours"))
    need(opts.toolkit, "--toolkit names the Toolkit's chaos")
    toolkit = os.path.abspath(opts.toolkit)
    with Lab(opts.chaos) as lab:
        lab.write("idle_extension.py", EXTENSION)
        lab.env.update(PYTHONPATH=lab.work, VIRTUAL_ENV=os.path.dirname(os.path.dirname(toolkit)),
                       INTERPRETER_CPU=lab.path("interpreter"))
        theirs, whole, calls, rust, python = [], [], [], [], []
        for _ in range(RUNS):
            theirs.append(measure(lab, toolkit, CALLS)[0])
            whole.append(measure(lab, opts.chaos, CALLS)[0])
            (many, many_python), (one, one_python) = (measure(lab, opts.chaos, n) for n in (CALLS + 1, 1))
            calls.append((many - one) / CALLS)
            python.append((many_python - one_python) / CALLS)
            rust.append(calls[-1] - python[-1])
            print(f"{CALLS} calls: ours {whole[-1]:.0f} ms CPU, the Toolkit's {theirs[-1]:.0f} ms; a call: {calls[-1]:.3f} ms, "
                  f"of which {rust[-1]:.3f} in our process and {python[-1]:.3f} in the interpreter", flush=True)
    middle = statistics.median
    share = middle(whole) / middle(theirs)
    print(f"python-cpu: {middle(calls):.3f} ms a call (our process {middle(rust):.3f}, the interpreter {middle(python):.3f}; "
          f"at most {CALL_MS}); {CALLS} calls {middle(whole):.0f} ms, {share:.0%} of the Toolkit's {middle(theirs):.0f} ms "
          f"(at most {SHARE:.0%}), medians of {RUNS}")
    return 0 if middle(calls) <= CALL_MS and share <= SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
