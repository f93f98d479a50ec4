"""Finds the activities of an extension and describes them in JSON's words."""
import collections.abc
import datetime
import importlib
import inspect
import logging
import platform
import typing
import uuid

from chaoslib import __version__
from chaoslib.exceptions import DiscoveryFailed

__all__ = [
    "discover_activities",
    "discover_actions",
    "discover_probes",
    "initialize_discovery_result",
    "portable_type_name",
    "portable_type_name_to_python_type",
]
logger = logging.getLogger("chaostoolkit")

# In this order, for True is an integer too.
NAMES = [
    (None, "null"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (bytes, "byte"),
    (set, "set"),
    (tuple, "tuple"),
    (list, "list"),
    (dict, "mapping"),
]
POSITIONAL = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)


def initialize_discovery_result(extension_name, extension_version, discovery_type):
    """A discovery without activities."""
    system = platform.uname()
    return {
        "chaoslib_version": __version__,
        "id": str(uuid.uuid4()),
        "target": discovery_type,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "platform": {
            "system": system.system,
            "node": system.node,
            "release": system.release,
            "version": system.version,
            "machine": system.machine,
            "proc": system.processor,
            "python": platform.python_version(),
        },
        "extension": {"name": extension_name, "version": extension_version},
        "activities": [],
        "system": None,
    }


def discover_actions(extension_mod_name):
    """The actions that a module exports."""
    return discover_activities(extension_mod_name, "action")


def discover_probes(extension_mod_name):
    """The probes that a module exports."""
    return discover_activities(extension_mod_name, "probe")


def discover_activities(extension_mod_name, activity_type):
    """The functions that a module names in `__all__`, as activities of this type."""
    try:
        module = importlib.import_module(extension_mod_name)
    except ImportError as error:
        raise DiscoveryFailed("could not import extension module '{}'".format(extension_mod_name)) from error
    exported = getattr(module, "__all__", None)
    if exported is None:
        logger.warning(
            "'%s' does not expose the __all__ attribute. It is required to determine "
            "what functions are actually exported as activities.",
            extension_mod_name,
        )
        return []
    functions = ((name, getattr(module, name, None)) for name in sorted(set(exported)))
    return [
        describe(name, function, extension_mod_name, activity_type)
        for name, function in functions
        if inspect.isfunction(function)
    ]


def describe(name, function, module, kind):
    signature = inspect.signature(function)
    arguments = []
    for parameter in signature.parameters.values():
        if parameter.kind not in POSITIONAL:
            continue
        argument = {"name": parameter.name}
        if parameter.default is not parameter.empty:
            argument["default"] = parameter.default
        if parameter.annotation is not parameter.empty:
            argument["type"] = portable_type_name(parameter.annotation)
        arguments.append(argument)
    activity = {
        "type": kind,
        "name": name,
        "mod": module,
        "doc": inspect.getdoc(function),
        "arguments": arguments,
    }
    if signature.return_annotation is not signature.empty:
        activity["return_type"] = portable_type_name(signature.return_annotation)
    return activity


def portable_type_name(python_type):
    """The name of a type that other languages have too; `object` if there is none."""
    for known, name in NAMES:
        if python_type is known:
            return name
    origin = typing.get_origin(python_type)
    if origin in (list, collections.abc.Sequence):
        return "list"
    if origin in (dict, collections.abc.Mapping):
        return "mapping"
    if origin is set:
        return "set"
    return "object"


def portable_type_name_to_python_type(name):
    """The type that has this name; `object` if none has."""
    for known, portable in NAMES:
        if portable == name:
            return known
    return object
