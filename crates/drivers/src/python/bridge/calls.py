"""Activities: a function of a module is called as the Toolkit calls it, and asked for its signature."""

import importlib
import types

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
        found = PARAMETERS[called] = named(called)
        return found
    except TypeError:
        # It cannot be a key.
        return named(called)


def is_plain(called):
    """Whether its code says all of its signature: no decorator has anything to add. `inspect` takes long to import."""
    return type(called) is types.FunctionType and not called.__dict__


def declared_by(called):
    """The parameters of a plain function, as `inspect.signature` has them but for their order."""
    code = called.__code__
    names = code.co_varnames
    by_place, by_name = code.co_argcount, code.co_kwonlyargcount
    optional = len(called.__defaults__ or ())
    found = []
    for index, name in enumerate(names[:by_place]):
        kind = "POSITIONAL_ONLY" if index < code.co_posonlyargcount else "POSITIONAL_OR_KEYWORD"
        found.append({"name": name, "kind": kind, "required": index < by_place - optional})
    for name in names[by_place:by_place + by_name]:
        found.append({"name": name, "kind": "KEYWORD_ONLY", "required": name not in (called.__kwdefaults__ or ())})
    rest = by_place + by_name
    if code.co_flags & 0x04:
        found.append({"name": names[rest], "kind": "VAR_POSITIONAL", "required": False})
        rest += 1
    if code.co_flags & 0x08:
        found.append({"name": names[rest], "kind": "VAR_KEYWORD", "required": False})
    return found


def named(called):
    if is_plain(called):
        return frozenset(one["name"] for one in declared_by(called))
    import inspect

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
    return called(**arguments)


def signature(body, bridge):
    """Op `signature`: what validation needs to know of `module`'s function `func`."""
    try:
        module = importlib.import_module(body["module"])
    except Exception as error:
        # Why is for whoever reads the log.
        return {"known": "nothing", "why": "%s: %s" % (type(error).__name__, error)}
    plain = getattr(module, body["func"], None)
    if is_plain(plain):
        return {"known": "signature", "parameters": declared_by(plain)}
    import inspect

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
