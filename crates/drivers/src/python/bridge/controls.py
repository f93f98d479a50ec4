"""Controls: hooks of a module are called as the Toolkit calls them, with the objects of the run itself."""

import importlib
import inspect
import logging

from chaos_bridge.live import LISTS, Live, Watch
from chaos_bridge.main import error_of, text_of

logger = logging.getLogger("chaostoolkit")

HOOKS = ["configure_control", "cleanup_control", "validate_control"] + [
    side + "_" + what + "_control"
    for what in ("loading_experiment", "experiment", "hypothesis", "method", "rollback", "activity")
    for side in ("before", "after")
]


def live_of(bridge):
    if not hasattr(bridge, "live"):
        bridge.live = Live()
    return bridge.live


def module(body, bridge):
    """Op `control_module`: which hooks `module` has, or why it cannot be imported."""
    try:
        found = importlib.import_module(body["module"])
    except ImportError as error:
        return {"missing": "%s: %s" % (type(error).__name__, error)}
    return {"functions": [name for name in HOOKS if getattr(found, name, None)]}


def validate(body, bridge):
    """Op `control_validate`: the module's own opinion of a declaration; raises if it does not accept it."""
    importlib.import_module(body["module"]).validate_control(body["control"])


def news(body, bridge):
    """Op `control_news`: what happened, for those who are told of events."""
    # One that took the place of another has nobody to tell.
    if hasattr(bridge, "live"):
        bridge.live.apply(body["news"])


def call(body, bridge):
    """Op `control_call`: calls `function` of `module` with `arguments` about `subject`, and says what that changed.

    An interpreter that took the place of another says that it knows nothing."""
    if not body["first"] and not hasattr(bridge, "live"):
        return {"anew": True}
    live = live_of(bridge)
    live.apply(body["news"])
    function = getattr(importlib.import_module(body["module"]), body["function"])
    subject = body["subject"]
    given, watch = prepared(live, subject, body)
    answer = {}
    try:
        names = inspect.signature(function).parameters
        arguments = dict(body["arguments"]) if body["function"] != "cleanup_control" else {}
        arguments.update({name: value for name, value in given.items() if name in names})
        if body["function"] not in ("configure_control", "cleanup_control"):
            arguments["context"] = given["context"]
        function(**arguments)
    except Exception as raised:
        if any(kind.__name__ == "InterruptExecution" for kind in type(raised).__mro__):
            answer["interrupted"] = text_of(raised)
        else:
            answer["failed"] = error_of(raised)
    answer["changed"] = watch.changed() if subject["of"] != "source" else loaded(given["state"], watch)
    answer["handlers"] = bool(live.registry.handlers)
    return answer


def prepared(live, subject, body):
    """What the hook may name among its parameters, and what is watched for changes."""
    of = subject["of"]
    after = body["function"].startswith("after_")
    given = {"configuration": live.configuration, "secrets": live.secrets, "settings": live.settings}
    if of == "source":
        given["experiment"], given["context"], given["state"] = None, subject["source"], subject["document"]
        return given, Watch(live, activity=subject["document"])
    given["experiment"] = given["context"] = live.experiment
    given["extensions"] = live.experiment.get("extensions")
    given["state"] = None
    if body["function"] == "configure_control":
        given["event_registry"] = live.registry
        if not body.get("global"):
            given["settings"] = None
        elif live.settings is None:
            given["settings"] = body["settings"]
        del given["context"], given["state"], given["extensions"]
        return given, Watch(live)
    if body["function"] == "cleanup_control":
        return {}, Watch(live)
    numbers, lists, activity = (), (), None
    if of == "activity":
        activity = given["context"] = live.activity(subject)
        if after and subject["record"] is not None:
            numbers = (subject["record"],)
            given["state"] = live.record(subject["record"], activity)
    elif of == "hypothesis":
        given["context"] = live.experiment.get("steady-state-hypothesis")
        if after:
            given["state"] = live.state(subject["phase"])
            numbers, lists = live.listed(subject["phase"]), (subject["phase"],)
    elif after and of in ("method", "rollbacks"):
        given["state"] = live.journal.get(LISTS[of])
        numbers, lists = live.listed(of), (of,)
    elif after:
        given["state"] = live.journal
        return given, Watch(live, journal=True)
    return given, Watch(live, activity=activity, numbers=numbers, lists=lists)


def loaded(document, watch):
    """What a control made of the experiment that is being loaded."""
    changed = watch.changed()
    return {"experiment": document} if "activity" in changed else {}
