"""A control that hooks in everywhere, and functions in the same file."""
import datetime
import decimal
import json
import logging

from chaoslib.exceptions import ActivityFailed
from logzero import logger

TRACE = []


def keep(*what):
    TRACE.append(json.loads(json.dumps(what, default=str)))


def name_of(context):
    return context.get("name") or context.get("title")


def configure_control(experiment, configuration, secrets, told=None, plain=None):
    keep("configure", experiment["title"], configuration, secrets, told, plain)


def cleanup_control():
    keep("cleanup")
    with open("trace.json", "w") as f:
        json.dump(TRACE, f, indent=1)


def hook(name):
    def called(context, state=None, configuration=None, secrets=None, extensions=None, settings=None, told=None, plain=None):
        keep(name, name_of(context), state if isinstance(state, (type(None), str)) else sorted(str(key) for key in state) if isinstance(state, dict)
             else [run["activity"]["name"] for run in state], configuration, secrets, extensions, settings, told, plain)

    return called


before_experiment_control = hook("before experiment")
before_method_control = hook("before method")
after_method_control = hook("after method")
before_hypothesis_control = hook("before hypothesis")
after_hypothesis_control = hook("after hypothesis")
before_rollback_control = hook("before rollback")
after_rollback_control = hook("after rollback")


def after_experiment_control(context, state, told=None, plain=None):
    keep("after experiment", state["status"], told)
    state["told"] = told


def before_activity_control(context, experiment, configuration, told=None, plain=None):
    keep("before activity", context["name"], told)
    if told == "after":
        keep("never")
    if context["name"] == "changed":
        context["provider"]["arguments"].append("and more")
    if context["name"] == "fails":
        configuration["who"] = "John"
    if context["name"] == "renamed":
        context["note"] = "seen in %s" % experiment["title"]


def after_activity_control(context, state, told=None, plain=None):
    keep("after activity", context["name"], state.get("status"), state["output"], told)
    if context["name"] == "doubled":
        state["output"] = state["output"] * 2
        state["note"] = "doubled"
    if context["name"] == "fails":
        raise ValueError("nobody hears it")


def greet(who):
    print("greeted", who)
    logging.getLogger("chaostoolkit").info("greeted %s", who)
    return "hello " + who


def number(secrets=None):
    logger.warning("with %d secrets", len(secrets))
    return 21


def fails():
    raise ActivityFailed("on purpose")


def odd():
    return {"when": datetime.date(2020, 2, 29), "price": decimal.Decimal("1.50"), "pair": (1, 2), 3: None, "float": 1e-7}
