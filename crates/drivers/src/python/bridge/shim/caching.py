"""Finds the activities that references name."""
import functools
import inspect

__all__ = ["cache_activities", "clear_cache", "lookup_activity", "with_cache"]

_known = {}


def cache_activities(experiment):
    """Remembers the activities of an experiment; of equal names the last counts, the hypothesis after the method."""
    activities = list(experiment.get("method") or ())
    activities += (experiment.get("steady-state-hypothesis") or {}).get("probes") or ()
    _known.clear()
    _known.update((activity["name"], activity) for activity in activities if activity.get("name"))


def clear_cache():
    """Forgets them."""
    _known.clear()


def lookup_activity(ref):
    """The activity of this name, or None."""
    return _known.get(ref)


def with_cache(f):
    """Fills the cache from the argument `experiment` of a function while it runs, unless it is filled."""

    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        experiment = inspect.signature(f).bind_partial(*args, **kwargs).arguments.get("experiment")
        if _known or not experiment:
            return f(*args, **kwargs)
        cache_activities(experiment)
        try:
            return f(*args, **kwargs)
        finally:
            clear_cache()

    return wrapped
