"""Records what Python makes of the texts in pyyaml.jsonl and json.jsonl: run it with PyYAML 6.0.3 and Python 3.11.

Each line is {"in": text} with either "out", the value as json.dumps writes it, or "error". To add a case, add a line with
"in" alone and run this in its folder. Dates are written in ISO form, bytes as text, sets and tuples as lists.
"""

import datetime
import json

import yaml


def plain(value):
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, set):
        return list(value)
    raise TypeError(f"{type(value)} is not JSON")


def yaml_error(error):
    problem = getattr(error, "problem", None) or str(error)
    return f"{type(error).__name__}: {problem}"


def record(path, read, describe):
    with open(path) as lines:
        texts = [json.loads(line)["in"] for line in lines]
    with open(path, "w") as lines:
        for text in texts:
            case = {"in": text}
            try:
                case["out"] = json.dumps(read(text), default=plain)
            except Exception as error:
                case["error"] = describe(error)
            lines.write(json.dumps(case) + "\n")


record("pyyaml.jsonl", yaml.safe_load, yaml_error)
record("json.jsonl", json.loads, str)
