"""Activities: a function of a module is called as the Toolkit calls it, and asked for its signature."""

import importlib
import inspect

from chaos_bridge.main import Fatal

# Signatures take far longer to find out than most calls to make.
PARAMETERS = {}


def function(module, name):
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        raise Fatal(error)


def parameters(called):
    try:
        return PARAMETERS[called]
    except KeyError:
        found = PARAMETERS[called] = frozenset(inspect.signature(called).parameters)
        return found
    except TypeError:
        return frozenset(inspect.signature(called).parameters)


def call(body, bridge):
    """Op `call`: `module`, `func`, `arguments`, `secrets` (if asked for), `configuration` (if it changed since)."""
    if "configuration" in body:
        bridge.configuration = body["configuration"]
    called = function(body["module"], body["func"])
    arguments = body["arguments"]
    try:
        names = parameters(called)
    except Exception as error:
        raise Fatal(error)
    if "secrets" in body and "secrets" in names:
        arguments["secrets"] = body["secrets"]
    if "configuration" in names:
        arguments["configuration"] = dict(bridge.configuration)
    return {"output": called(**arguments)}


def signature(body, bridge):
    """Op `signature`: what validation needs to know of `module`'s function `func`."""
    try:
        module = importlib.import_module(body["module"])
    except Exception as error:
        # Why is for whoever reads the log.
        return {"known": "nothing", "why": "%s: %s" % (type(error).__name__, error)}
    functions = inspect.getmembers(module, lambda item: inspect.isfunction(item) or inspect.isbuiltin(item))
    for name, found in functions:
        if name != body["func"]:
            continue
        try:
            declared = inspect.signature(found).parameters.values()
        except ValueError as error:
            return {"known": "unreadable", "why": str(error)}
        return {"known": "signature", "parameters": [
            {"name": one.name, "kind": one.kind.name, "required": one.default is inspect.Parameter.empty}
            for one in declared
        ]}
    return {"known": "module", "functions": [name for name, _ in functions]}
