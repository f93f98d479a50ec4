"""Notification plugins: a function of a module is told of an event, as the Toolkit tells it."""

import importlib
import inspect


def notify(body, bridge):
    """Op `notify`: `module`, `func`, `channel` (its settings), `event`. What it returns is nobody's business."""
    function = getattr(importlib.import_module(body["module"]), body["func"], None)
    if not inspect.isfunction(function):
        raise LookupError("the module '%s' has no function '%s'" % (body["module"], body["func"]))
    function(body["channel"], body["event"])
