"""Evaluates a table of calls of `chaoslib` and prints what each gave, one JSON line a call.

  words.py [--shim RUST SHIM]    with the shim, as crates/drivers/src/python/shim.rs (RUST) lists it from the folder SHIM

Played by `referees/extensions.py` with an installed chaostoolkit-lib and with the shim; the lines must be the same.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
OBJECT = {"a": 1, "l": [1, 2, 3], "m": {"x": "y", "n": 3.5}, "status": 200, "stdout": "hello 42\n", "body": '{"k": [1, 2]}'}
CONFIGURATION = {"name": "Jane", "n": 7, "o": {"k": [1]}, "none": None, "yes": True, "f": 0.5, "path": "$.a"}
SECRETS = {"t": {"tok": "hush", "name": "hidden"}, "u": {"tok": "other", "only": "mine"}}
EXPERIMENT = {"title": "t", "steady-state-hypothesis": {"probes": [{"name": "p", "type": "probe", "v": 1}, {"name": "q"}]},
              "method": [{"name": "m"}, {"name": "p", "v": 2}, {"ref": "q"}], "rollbacks": [{"name": "r"}], "é": 1.0}


def probe(**provider):
    return {"type": "probe", "name": "p", "provider": provider}


def python(func, **more):
    return probe(type="python", module="stranger", func=func, **more)


def calls():
    """`(module, function, arguments)` of every call of the table."""
    texts = ["", "plain", "${name}", "$name", "x ${n} y", "${o}", "${none}", "${tok}", "$only!", "$$n", "${a-b}", "${ name }", "$5",
             "cost: 5$", "${missing}", "${missing} ${n}", "${é}", "$$${n}", "${n}${yes}", "${NAME}", "{name}", "${name", "$_x"]
    for data in texts + [[t for t in texts], {"k": texts, "${n}": {"deep": "${f}"}}, 5, None, [], {}, True]:
        yield "chaoslib", "substitute", [data, CONFIGURATION, SECRETS]
        yield "chaoslib", "substitute", [data, {}, None]
        yield "chaoslib", "substitute", [data, None, {}]
    for text in ["a=1", "a:int=1", "a:float=1.5", "a:bool=no", "a:bool=TRUE", "a:bytes=é", "a:json=[1]", "a:str=x=y", "a:int=x",
                 "a:thing=1", "a", "a:b:int=3", "a=", "a:json=", "a:json={", "a:integer=4", "a:number=4", "a:string=s"]:
        yield "chaoslib", "convert_vars", [[text]]
    yield "chaoslib", "convert_vars", [["a=1", "a=2", "b:int=3"]]
    yield "chaoslib", "merge_vars", [{"a": 1}, None]
    yield "chaoslib", "merge_vars", [{"a": 1}, ["vars.json", "more.json"]]
    yield "chaoslib", "merge_vars", [None, ["vars.yaml", "vars.env"]]
    for document in [{}, EXPERIMENT, {"b": [1, 2.0, None, True], "a": "é\n"}]:
        yield "chaoslib", "experiment_hash", [document]
        yield "chaoslib", "experiment_hash", [document, "sha256"]
        yield "chaoslib", "canonical_json", [document]
    tolerances = [True, False, 200, 1, 0, "x", "${n}", "${o}", [200, 404], [1, 5], ["a", "c"], [1, 2, 3], [],
                  {"type": "regex", "pattern": "h.llo"}, {"type": "regex", "pattern": r"\d+", "target": "stdout"},
                  {"type": "regex", "pattern": "^${name}$"}, {"type": "regex", "pattern": "x", "target": "nope"},
                  {"type": "range", "range": [1, 5]}, {"type": "range", "range": [0.5, 3.5], "target": "a"},
                  {"type": "jsonpath", "path": "$.l[*]"}, {"type": "jsonpath", "path": "${path}"},
                  {"type": "jsonpath", "path": "$.l[*]", "count": 3}, {"type": "jsonpath", "path": "$.l[*]", "count": 2},
                  {"type": "jsonpath", "path": "$.m.x", "expect": "y"}, {"type": "jsonpath", "path": "$.l[*]", "expect": [1, 2, 3]},
                  {"type": "jsonpath", "path": "$.m.x", "expect": "${name}"}, {"type": "jsonpath", "path": "$.k[0]", "target": "body"},
                  dict(python("within", arguments={"value": 0, "low": 0, "high": 5})),
                  dict(python("fails", arguments={"value": 0})), {"type": "nothing"}, 1.5, None]
    values = [True, 1, 0, 200, 1.0, "x", "3", " 4 ", "1_0", "abc", "hello", None, [], [1], OBJECT, {"status": 404}, "b", float("inf")]
    for tolerance in tolerances:
        for value in values:
            yield "chaoslib.hypothesis", "within_tolerance", [tolerance, value, CONFIGURATION, SECRETS]
    for tolerance in tolerances + [
            {"type": "regex"}, {"type": "regex", "pattern": "("}, {"type": "regex", "pattern": 3}, {"type": "jsonpath"}, {},
            {"type": "jsonpath", "path": ""}, {"type": "jsonpath", "path": "$.["}, {"type": "range"}, {"type": "range", "range": 3},
            {"type": "range", "range": [1]}, {"type": "range", "range": ["a", 1]}, {"type": "range", "range": [1, "b"]}, {"type": "probe"}]:
        yield "chaoslib.hypothesis", "ensure_hypothesis_tolerance_is_valid", [tolerance]
    echo = {"type": "process", "path": "echo"}
    activities = [None, {}, {"ref": ""}, {"ref": 3}, {"ref": "x"}, {"type": "x"}, {"type": "action"}, {"type": "action", "name": "a"},
                  {"type": "action", "name": "a", "provider": {"x": 1}}, {"type": "action", "name": "a", "provider": {"type": "ftp"}},
                  probe(**echo), dict(probe(**echo), timeout="x"), dict(probe(**echo), timeout=3), dict(probe(**echo), background="yes"),
                  dict(probe(**echo), pauses={"before": "x"}), dict(probe(**echo), pauses={"after": "x", "before": "${x}"}),
                  dict(probe(**echo), pauses={"after": 1}), probe(type="process"), probe(type="process", path="no-such-program"),
                  probe(type="http"), probe(type="http", url="http://x", headers=[1]), probe(type="http", url="http://x"),
                  probe(type="python"), probe(type="python", module="stranger"), probe(type="python", module="nowhere", func="f"),
                  python("nothing"), python("Class"), python("within", arguments={"value": 1}),
                  python("within", arguments={"value": 1, "low": 1, "high": 2, "more": 3}),
                  python("within", arguments={"value": 1, "low": 1, "high": 2}), python("anything", arguments={"x": 1}), python("asks")]
    for activity in activities:
        yield "chaoslib.activity", "ensure_activity_is_valid", [activity]
    for activity in [python("asks", secrets=["t", "u", "no"], arguments={"text": "${name} ${tok}"}), python("asks"), python("fails"),
                     python("fails", arguments={"value": "${n}"}), python("broken"), probe(**echo, arguments=["a", "", None, 3, "${n}"]),
                     probe(**echo, arguments={"-n": "x"}), probe(**echo, arguments="a  ${name} | tr a b"), probe(**echo),
                     probe(type="process", path="sh", arguments=["-c", "echo no >&2; exit 3"]),
                     probe(type="process", path="sleep", arguments=["5"], timeout=0.1)]:
        yield "chaoslib.activity", "run_activity", [activity, CONFIGURATION, SECRETS]
    yield "chaoslib.activity", "get_all_activities_in_experiment", [EXPERIMENT]
    yield "chaoslib.caching", "cache_activities", [{"method": [{"name": "m", "v": 1}]}]
    yield "stranger", "cached", [EXPERIMENT]
    os.environ.update(HERE="there", COUNT="3", EMPTY="", WORDS="[1, 2]")
    for declared in ["x", 3, None, {"k": 1}, {"type": "env", "key": "HERE"}, {"type": "env", "key": "AWAY"}, {"type": "other", "key": 1},
                     {"type": "env", "key": "AWAY", "default": "5", "env_var_type": "int"}, {"type": "env", "key": "EMPTY"},
                     {"type": "env", "key": "COUNT", "env_var_type": "float"}, {"type": "env", "key": "WORDS", "env_var_type": "json"},
                     {"type": "env", "key": "COUNT", "env_var_type": "odd"}, {"type": "env", "key": "AWAY", "default": None}]:
        yield "chaoslib.configuration", "load_configuration", [{"v": declared}]
        yield "chaoslib.configuration", "load_configuration", [{"v": declared}, {"v": "over", "w": 1}]
        yield "chaoslib.secret", "load_secrets", [{"t": {"v": declared}}]
        yield "chaoslib.secret", "load_secrets", [{"t": {"v": declared}}, {}, {"t": {"v": "over"}}]
    yield "chaoslib.configuration", "load_dynamic_configuration", [{"a": 1, "b": probe(**echo, arguments=["${a}"]),
                                                                    "c": python("fails"), "d": python("asks")}, SECRETS]
    for kind in ["stranger", "nowhere", "words"]:
        yield "chaoslib.discovery", "discover_actions", [kind]
        yield "chaoslib.discovery.discover", "discover_activities", [kind, "probe"]
    yield "chaoslib.discovery", "initialize_discovery_result", ["chaostoolkit-x", "1.0", "x"]
    for name in ["null", "boolean", "integer", "number", "string", "byte", "set", "tuple", "list", "mapping", "object", "odd"]:
        yield "chaoslib.discovery.discover", "portable_type_name_to_python_type", [name]
    yield "stranger", "handlers", []
    yield "stranger", "raised", []
    yield "stranger", "under_control", [{"controls": [{"name": "c", "provider": {"type": "python", "module": "stranger"}}]}]


def plain(value):
    """What can be compared; what differs from call to call is not."""
    text = json.dumps(value, default=repr, sort_keys=True)
    return re.sub(r'("id"|"date"): "[^"]*"', r"\1: _", re.sub(r"0x[0-9a-f]+", "0x", text))


def main():
    if sys.argv[1:2] == ["--shim"]:
        with open(sys.argv[2], encoding="utf-8") as f:
            listed = re.findall(r'\("([\w.]+)", include_str!\("bridge/shim/(\w+\.py)"\)\)', f.read())
        sources = {}
        for name, path in listed:
            with open(os.path.join(sys.argv[3], path), encoding="utf-8") as f:
                sources[name] = f.read()
        with open(os.path.join(sys.argv[3], "finder.py"), encoding="utf-8") as f:
            finder = {}
            exec(f.read(), finder)
        finder["install"](sources)
        sys.meta_path.insert(0, sys.meta_path.pop())  # here the library is installed, too
    import copy
    import importlib

    for module, function, arguments in calls():
        said = json.dumps([module, function, plain(arguments)])
        try:
            gave = getattr(importlib.import_module(module), function)(*copy.deepcopy(arguments))
            gave = plain(bool(gave) if function == "within_tolerance" else gave)
        except Exception as error:
            # The words of errors that nobody foresaw are Python's own.
            foreseen = type(error).__module__ == "chaoslib.exceptions"
            gave = "%s: %s" % (type(error).__name__, error) if foreseen else "an unexpected error"
        print(json.dumps([said, gave]))


if __name__ == "__main__":
    main()
