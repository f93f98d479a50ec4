"""Whether a text is a journal as the Chaos Toolkit writes it, down to its bytes. Python's standard library only."""
import json
import re
from datetime import datetime

from lab import Wrong, need

KEYS = ["chaoslib-version", "platform", "node", "experiment", "start", "status", "deviated", "steady_states", "run", "rollbacks", "end",
        "duration"]
# What a run record may hold, in this order; what is here in brackets may be absent.
RECORD = re.compile(r"activity output start( status( exception)?)?( end duration)?( tolerance_met)?")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
STATUSES = ("completed", "failed", "aborted", "interrupted")


def read(path):
    """The journal in a file; None if there is no file."""
    try:
        with open(path, encoding="utf-8", newline="") as f:
            text = f.read()
    except FileNotFoundError:
        return None
    return valid(text)


def valid(text):
    """The journal, or Wrong: what is not as it must be."""
    try:
        journal = json.loads(text)
    except ValueError as error:
        raise Wrong(f"the journal is no JSON: {error}: {text[-300:]!r}") from None
    need(text == json.dumps(journal, indent=2, ensure_ascii=False), "the journal is not written as Python writes it")
    need(list(journal) == KEYS, f"keys of the journal: {list(journal)}")
    for key in ("chaoslib-version", "platform", "node"):
        need(isinstance(journal[key], str) and journal[key], f"{key}: {journal[key]!r}")
    need(journal["status"] in STATUSES, f"status {journal['status']!r}")
    need(isinstance(journal["deviated"], bool), f"deviated {journal['deviated']!r}")
    experiment = journal["experiment"]
    need(isinstance(experiment, dict) and list(experiment)[-1] == "dry", f"keys of the experiment: {list(experiment)}")
    start, end = span(journal, "the journal")
    states = journal["steady_states"]
    need(list(states) == ["before", "after", "during"], f"steady_states: {list(states)}")
    need(isinstance(states["during"], list), "steady_states.during is no list")
    for state in [s for s in (states["before"], states["after"]) if s is not None] + states["during"]:
        need(list(state) == ["steady_state_met", "probes"], f"a steady state: {list(state)}")
        need(isinstance(state["steady_state_met"], bool), f"steady_state_met {state['steady_state_met']!r}")
        for probe in state["probes"]:
            record(probe, start, end)
            need("status" in probe and "tolerance_met" in probe, f"a probe of a steady state that was found out: {list(probe)}")
        need(state["steady_state_met"] == all(probe["tolerance_met"] for probe in state["probes"]), f"met, or not: {state}")
    for one in journal["run"] + journal["rollbacks"]:
        record(one, start, end)
        need("tolerance_met" not in one, f"a tolerance outside of the hypothesis: {list(one)}")
    starts = [one["start"] for one in journal["run"]]
    need(starts == sorted(starts), f"the method's activities are not in the order of their starts: {starts}")
    return journal


def record(one, start, end):
    """A run record: its keys, what they say of each other, and its times within the run's."""
    need(RECORD.fullmatch(" ".join(one)), f"a run record has the keys {list(one)}")
    need(isinstance(one["activity"], dict) and one["activity"].get("name"), f"a run record's activity: {one['activity']!r}")
    status = one.get("status")
    need(status in (None, "succeeded", "failed"), f"a run record's status {status!r}")
    need(status == "succeeded" or one["output"] is None, f"an output without success: {one}")
    need((status == "failed") == ("exception" in one), f"failed and exception: {list(one)}")
    need(status is None or "end" in one, f"a status without an end: {list(one)}")
    need(all(isinstance(line, str) and line.endswith("\n") for line in one.get("exception", [])), f"exception: {one.get('exception')}")
    begun, ended = span(one, f"the record of {one['activity']['name']}")
    need(start <= begun and ended <= end, f"{one['activity']['name']} {one['start']} is outside of the run")


def span(of, whose):
    """Start and end, which are not before each other; without an end the start twice."""
    need(TIME.fullmatch(of["start"]), f"{whose}: start {of['start']!r}")
    start = datetime.fromisoformat(of["start"])
    if "end" not in of:
        return start, start
    need(TIME.fullmatch(of["end"]), f"{whose}: end {of['end']!r}")
    end = datetime.fromisoformat(of["end"])
    need(isinstance(of["duration"], float), f"{whose}: duration {of['duration']!r}")
    need(start <= end and abs((end - start).total_seconds() - of["duration"]) < 2e-6, f"{whose}: {of['start']} to {of['end']} are not {of['duration']} s")
    return start, end
