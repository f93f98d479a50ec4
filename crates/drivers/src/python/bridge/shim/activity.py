"""Checks and plays an activity from within an extension."""
import importlib
import inspect
import json
import logging
import numbers
import os
import shutil
import subprocess
import traceback
import urllib.error
import urllib.parse
import urllib.request

from chaoslib import decode_bytes, substitute
from chaoslib.exceptions import ActivityFailed, InvalidActivity

__all__ = ["ensure_activity_is_valid", "get_all_activities_in_experiment", "run_activity"]
logger = logging.getLogger("chaostoolkit")


def get_all_activities_in_experiment(experiment):
    """Those of the hypothesis, of the method and of the rollbacks."""
    hypothesis = experiment.get("steady-state-hypothesis") or {}
    return [*hypothesis.get("probes", ()), *experiment.get("method", ()), *experiment.get("rollbacks", ())]


def ensure_activity_is_valid(activity):
    """Raises InvalidActivity with the first complaint."""
    if not activity:
        raise InvalidActivity("empty activity is no activity")
    if "ref" in activity:
        ref = activity["ref"]
        if not isinstance(ref, str) or not ref:
            raise InvalidActivity("reference to activity must be non-empty strings")
        return
    kind, name, provider = activity.get("type"), activity.get("name"), activity.get("provider")
    if not kind:
        raise InvalidActivity("an activity must have a type")
    if kind not in ("probe", "action"):
        raise InvalidActivity("'{}' is not a supported activity type".format(kind))
    if not name:
        raise InvalidActivity("an activity must have a name")
    if not provider:
        raise InvalidActivity("an activity requires a provider")
    check = provider.get("type")
    if not check:
        raise InvalidActivity("a provider must have a type")
    if check not in CHECKS:
        raise InvalidActivity("unknown provider type '{}'".format(check))
    timeout = activity.get("timeout")
    if timeout is not None and not isinstance(timeout, numbers.Number):
        raise InvalidActivity("activity timeout must be a number")
    for when in ("before", "after"):
        pause = (activity.get("pauses") or {}).get(when)
        if isinstance(pause, str) and not (pause.startswith("${") and pause.endswith("}")):
            raise InvalidActivity(
                "activity {} pause must be a number or a pattern to a variable "
                "from the configuration or secrets".format(when)
            )
    if "background" in activity and not isinstance(activity["background"], bool):
        raise InvalidActivity("activity background must be a boolean")
    CHECKS[check](activity, provider)


def check_python(activity, provider):
    name, module, func = activity["name"], provider.get("module"), provider.get("func")
    if not module:
        raise InvalidActivity("a Python activity must have a module path")
    if not func:
        raise InvalidActivity("a Python activity must have a function name")
    try:
        loaded = importlib.import_module(module)
    except ImportError as error:
        raise InvalidActivity(
            "could not find Python module '{}' in activity '{}'".format(module, name)
        ) from error
    function = getattr(loaded, func, None)
    if not (inspect.isfunction(function) or inspect.isbuiltin(function)):
        raise InvalidActivity(
            "The python module '{}' does not expose a function called '{}' in {} '{}'".format(
                module, func, activity["type"], name
            )
        )
    given = set(provider.get("arguments") or ()) | {"configuration", "secrets"}
    parameters = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    missing = [
        repr(parameter.name)
        for parameter in parameters
        if parameter.kind in named and parameter.default is parameter.empty and parameter.name not in given
    ]
    if missing:
        names = ", ".join(missing[:-1]) + " and " + missing[-1] if len(missing) > 1 else missing[0]
        raise InvalidActivity("required argument {} is missing from activity '{}'".format(names, func))
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = {parameter.name for parameter in parameters if parameter.kind in named}
    for argument in provider.get("arguments") or ():
        if argument not in known:
            raise InvalidActivity(
                "argument {!r} is not part of the function signature in activity '{}'".format(argument, func)
            )


def check_process(activity, provider):
    path = provider.get("path")
    if not path:
        raise InvalidActivity("a process activity must have a path")
    if not shutil.which(path):
        raise InvalidActivity("path '{}' cannot be found, in activity '{}'".format(path, activity["name"]))


def check_http(activity, provider):
    if not provider.get("url"):
        raise InvalidActivity("a HTTP activity must have a URL")
    if not isinstance(provider.get("headers") or {}, dict):
        raise InvalidActivity("a HTTP activities expect headers as a mapping")


CHECKS = {"python": check_python, "process": check_process, "http": check_http}


def run_activity(activity, configuration, secrets):
    """Plays it, without controls, pauses and journal; its output, or ActivityFailed."""
    provider = activity["provider"]
    play = {"python": run_python, "process": run_process, "http": run_http}[provider["type"]]
    return play(provider, configuration or {}, secrets or {})


def arguments_of(provider, configuration, secrets):
    arguments = provider.get("arguments")
    return substitute(arguments, configuration, secrets) if configuration or secrets else arguments


def run_python(provider, configuration, secrets):
    function = getattr(importlib.import_module(provider["module"]), provider["func"])
    arguments = dict(arguments_of(provider, configuration, secrets) or {})
    parameters = inspect.signature(function).parameters
    if "secrets" in parameters and provider.get("secrets"):
        merged = {}
        for target in provider["secrets"]:
            merged.update(secrets.get(target) or {})
        arguments["secrets"] = merged
    if "configuration" in parameters:
        arguments["configuration"] = dict(configuration)
    try:
        return function(**arguments)
    except Exception as error:
        text = traceback.format_exception_only(type(error), error)[0].strip()
        raise ActivityFailed(text) from error


def run_process(provider, configuration, secrets):
    path = shutil.which(os.path.expanduser(provider["path"])) or provider["path"]
    arguments = arguments_of(provider, configuration, secrets)
    shell = isinstance(arguments, str)
    if shell:
        command = "{} {}".format(path, arguments)
    else:
        if isinstance(arguments, dict):
            arguments = [word for pair in arguments.items() for word in pair]
        command = [path, *(str(word) for word in arguments or () if word not in (None, ""))]
    try:
        done = subprocess.run(
            command, shell=shell, timeout=provider.get("timeout"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except subprocess.TimeoutExpired as error:
        raise ActivityFailed("process activity took too long to complete") from error
    return {
        "status": done.returncode,
        "stdout": decode_bytes(done.stdout),
        "stderr": decode_bytes(done.stderr),
    }


def run_http(provider, configuration, secrets):
    url = substitute(provider["url"], configuration, secrets)
    method = provider.get("method", "GET").upper()
    headers = dict(substitute(provider.get("headers") or {}, configuration, secrets))
    arguments = arguments_of(provider, configuration, secrets)
    body = None
    if method == "GET":
        if arguments:
            query = arguments if isinstance(arguments, str) else form(arguments)
            url += ("&" if "?" in url else "?") + query
    elif headers.get("Content-Type") == "application/json":
        body = json.dumps(arguments).encode("utf-8")
    elif isinstance(arguments, str):
        body = arguments.encode("utf-8")
    elif arguments:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = form(arguments).encode("ascii")
    timeout = substitute(provider.get("timeout"), configuration, secrets)
    timeout = timeout[-1] if isinstance(timeout, (list, tuple)) else timeout
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    options = {} if timeout is None else {"timeout": timeout}
    if provider.get("verify_tls", True) is False:
        import ssl

        options["context"] = ssl._create_unverified_context()
    try:
        try:
            response = urllib.request.urlopen(request, **options)
        except urllib.error.HTTPError as error:
            response = error  # any status is an answer
        with response:
            content = response.read()
    except TimeoutError as error:
        raise ActivityFailed("activity took too long to complete") from error
    except OSError as error:
        raise ActivityFailed("failed to connect to {}: {}".format(url, error)) from error
    kind = response.headers.get("Content-Type", "")
    if kind == "application/json":
        content = json.loads(content)
    else:
        latin = "latin-1" if kind.startswith("text/") else "utf-8"
        content = content.decode(response.headers.get_content_charset() or latin, "replace")
    return {"status": response.status, "headers": dict(response.headers.items()), "body": content}


def form(arguments):
    spelt = {name: value for name, value in arguments.items() if value is not None}
    return urllib.parse.urlencode(spelt, doseq=True)
