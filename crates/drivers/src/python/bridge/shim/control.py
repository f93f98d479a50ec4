"""Plays the Python controls of an activity that an extension plays itself."""
import contextlib
import importlib
import inspect
import logging

from chaoslib import substitute
from chaoslib.exceptions import InterruptExecution

__all__ = ["controls", "Control"]
logger = logging.getLogger("chaostoolkit")
ASKED_FOR = ("configuration", "secrets", "state", "experiment", "extensions", "settings")


class Control:
    """What the body of `controls` can say: the state for the hooks after it."""

    def __init__(self):
        self.state = None

    def with_state(self, state):
        """The result, as the hooks after it see it."""
        self.state = state


@contextlib.contextmanager
def controls(level, experiment=None, context=None, configuration=None, secrets=None):
    """Calls the hooks of this level before and after its body; global controls, which the run knows, are not among them."""
    experiment = experiment or {}
    own = (context.get("controls") if isinstance(context, dict) else None) or []
    names = {control.get("name") for control in own}
    above = [
        control
        for control in experiment.get("controls") or ()
        if control.get("automatic", True) and control.get("name") not in names
    ]
    control, given = Control(), (experiment, context, configuration, secrets)
    apply("before", level, above + own, None, given)
    try:
        yield control
    finally:
        apply("after", level, above + own, control.state, given)


def apply(scope, level, declared, state, given):
    experiment, context, configuration, secrets = given
    for body in declared:
        provider = body.get("provider") or {}
        if provider.get("type") != "python" or body.get("scope", scope) != scope:
            continue
        try:
            module = importlib.import_module(provider["module"])
            hook = getattr(module, "{}_{}_control".format(scope, level), None)
            if hook is None:
                continue
            arguments = provider.get("arguments") or {}
            if configuration or secrets:
                arguments = substitute(arguments, configuration, secrets)
            known = {
                "configuration": configuration,
                "secrets": secrets,
                "state": state,
                "experiment": experiment,
                "extensions": experiment.get("extensions"),
                "settings": None,
            }
            asked = set(inspect.signature(hook).parameters).intersection(ASKED_FOR)
            hook(context=context, **dict(arguments, **{name: known[name] for name in asked}))
        except InterruptExecution:
            raise
        except Exception:
            logger.debug("%s-control '%s' failed", scope.title(), body.get("name"), exc_info=True)
