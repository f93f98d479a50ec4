"""Holds the answers of the two servers against each other.

What differs from one run of one server to the next (identities, times, revisions, random names) is masked; every other
difference must be one that `known` names, and every one that it names must show.
"""
import fnmatch
import re

MASKED_KEYS = {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "continue", "selfLink", "startTime", "completionTime",
               "lastTransitionTime", "lastUpdateTime", "lastProbeTime", "lastScheduleTime", "startedAt", "finishedAt",
               "acquireTime", "renewTime", "controller-uid", "podIP", "hostIP", "pod-template-hash", "ca.crt"}
PATTERNS = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"(?<=[-.])[bcdfghjklmnpqrstvwxz2456789]{5}(?=$|[\"' )])"), "RANDOM"),
    (re.compile(r"0xc[0-9a-f]{9}"), "POINTER"),
    (re.compile(r"(?<=in record \()\d+(?=\))"), "REVISION"),
    (re.compile(r"\b(127|10)\.\d+\.\d+\.\d+\b"), "ADDRESS"),
]


def masked(value, key=""):
    """A value as it would be in every run. `managedFields` are left out: the cases about them look at them by themselves."""
    if isinstance(value, dict):
        return {k: masked(v, k) for k, v in value.items() if k != "managedFields"}
    if key in MASKED_KEYS and value is not None:
        return f"<{key}>"
    if isinstance(value, (list, tuple)):
        return [masked(one) for one in value]
    if isinstance(value, str):
        for pattern, name in PATTERNS:
            value = pattern.sub(name, value)
    return value


def differences(real, ours, path=""):
    """(path, real, ours) of every leaf that differs; a member that only one has is one difference."""
    if isinstance(real, dict) and isinstance(ours, dict):
        for key in sorted(real.keys() | ours.keys()):
            below = f"{path}.{key}" if path else str(key)
            yield from differences(real.get(key, MISSING), ours.get(key, MISSING), below)
    elif isinstance(real, list) and isinstance(ours, list) and len(real) == len(ours):
        for number, (one, other) in enumerate(zip(real, ours)):
            yield from differences(one, other, f"{path}.{number}")
    elif real is not ours and (real != ours or type(real) is not type(ours)):
        yield path, real, ours


class Missing:
    """What one of the two does not have."""

    def __repr__(self):
        return "nothing"


MISSING = Missing()


class Known:
    """A difference that may show: in cases whose `area: name` fits `cases`, at paths that fit `paths`; and why."""

    def __init__(self, cases, paths, reason):
        self.cases, self.paths, self.reason = cases, paths.split(" "), reason
        self.seen = set()

    def covers(self, case, path):
        if not fnmatch.fnmatchcase(case, self.cases):
            return False
        fits = [pattern for pattern in self.paths if fnmatch.fnmatchcase(path, pattern)]
        self.seen.update(fits)
        return bool(fits)

    def stale(self):
        """The paths at which nothing differed."""
        return [path for path in self.paths if path not in self.seen]


def judge(case, real, ours, known):
    """The differences that nobody named, as text; empty when all are well."""
    found = []
    for path, one, other in differences(masked(real), masked(ours)):
        # All that cover it are asked, so that none is called stale for standing behind another.
        if not any([entry.covers(case, path) for entry in known]):
            found.append(f"{path}\n    real       {one!r:.700}\n    playground {other!r:.700}")
    return found
