"""What the table of `words.py` calls: functions as extensions have them, and uses of the library that are more than one call."""
from typing import Dict, List, Optional, Set, Tuple

__all__ = ["within", "fails", "asks", "anything", "typed", "absent"]
CALLED = []


def within(value: int, low: int, high: int = 5) -> bool:
    """Whether it is."""
    return low <= value <= high


def fails(value: str = None):
    from chaoslib.exceptions import ActivityFailed

    raise ActivityFailed("on purpose: %s" % value)


def broken():
    return 1 / 0


def asks(configuration: Dict[str, str] = None, secrets: Dict[str, str] = None, text: str = None):
    """
    Shows what it is given.

        indented
    """
    return [configuration and sorted(configuration), secrets, text]


def anything(*args, only: int = 3, **kw):
    return sorted(kw)


def typed(a: int, b: Optional[str], c: List[int], d: Tuple[int, int], e: Set[str], f: bytes, g: object, h: float = 1.5, i: "str" = "x",
          j: dict = None, k: list = (), m: None = None) -> Dict[str, int]:
    pass


class Class:
    pass


def cached(experiment):
    from chaoslib.caching import cache_activities, clear_cache, lookup_activity

    seen = [cache_activities(experiment), lookup_activity("p"), lookup_activity("m"), lookup_activity("r")]
    return seen + [clear_cache(), lookup_activity("p")]


def handlers():
    from chaoslib.run import EventHandlerRegistry, RunEventHandler

    heard = []

    class Handler(RunEventHandler):
        def started(self, experiment, journal):
            heard.append(["started", experiment, journal])

        def finish(self, journal):
            raise ValueError("nobody hears it")

        def continuous_hypothesis_completed(self, experiment, journal, exception=None):
            heard.append(repr(exception))

        def start_activity(self, activity):
            heard.append(activity)

    registry = EventHandlerRegistry()
    registry.register(Handler())
    registry.register(Handler())
    registry.started({"a": 1}, {})
    registry.running({}, {}, {}, {}, None, {})
    registry.finish({})
    registry.continuous_hypothesis_completed({}, {}, ValueError("x"))
    registry.start_activity(activity={"name": "x"})
    registry.activity_completed({}, {})
    return heard


def raised():
    from chaoslib import exceptions

    names = exceptions.__all__ + ["FailedActivity", "ExperimentExitedException"]
    return {name: [one.__name__ for one in getattr(exceptions, name).__mro__] for name in names}


def before_activity_control(context, state, experiment, **kwargs):
    CALLED.append(["before", context["name"], state, sorted(kwargs)])


def after_activity_control(context, state=None):
    CALLED.append(["after", context["name"], state])


def under_control(experiment):
    from chaoslib.control import controls

    activity = {"name": "x", "type": "probe"}
    with controls(level="activity", experiment=experiment, context=activity, configuration={}, secrets={}) as control:
        CALLED.append("body")
        control.with_state({"output": 3})
    return CALLED
