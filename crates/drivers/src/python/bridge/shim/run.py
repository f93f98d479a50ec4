"""Tells handlers what happens in a run."""
import logging

__all__ = ["EventHandlerRegistry", "RunEventHandler"]
logger = logging.getLogger("chaostoolkit")


class RunEventHandler:
    """What can be heard; a handler overrides what it is interested in."""

    def started(self, experiment, journal):
        """The run begins."""

    def running(self, experiment, journal, configuration, secrets, schedule, settings):
        """Configuration and secrets are there."""

    def finish(self, journal):
        """The run is over."""

    def interrupted(self, experiment, journal):
        """The run was interrupted."""

    def signal_exit(self):
        """The run was told to exit."""

    def start_continuous_hypothesis(self, frequency):
        """The hypothesis is looked at again and again from now on."""

    def continuous_hypothesis_iteration(self, iteration_index, state):
        """It was looked at."""

    def continuous_hypothesis_completed(self, experiment, journal, exception=None):
        """It is looked at no more."""

    def start_hypothesis_before(self, experiment):
        """The hypothesis before the method begins."""

    def hypothesis_before_completed(self, experiment, state, journal):
        """It ended."""

    def start_hypothesis_after(self, experiment):
        """The hypothesis after the method begins."""

    def hypothesis_after_completed(self, experiment, state, journal):
        """It ended."""

    def start_method(self, experiment):
        """The method begins."""

    def method_completed(self, experiment, state=None):
        """It ended."""

    def start_rollbacks(self, experiment):
        """The rollbacks begin."""

    def rollbacks_completed(self, experiment, journal):
        """They ended."""

    def start_cooldown(self, duration):
        """Never called."""

    def cooldown_completed(self):
        """Never called."""

    def start_activity(self, activity):
        """An activity begins."""

    def activity_completed(self, activity, run):
        """It ended."""


class EventHandlerRegistry:
    """Hands on what happens to every handler, in the order of their registration."""

    def __init__(self):
        self.handlers = []

    def register(self, handler):
        """Adds a handler."""
        self.handlers.append(handler)


def forward(name):
    def tell(self, *args, **kwargs):
        for handler in self.handlers:
            try:
                getattr(handler, name)(*args, **kwargs)
            except Exception:
                # What a handler does wrong is no business of the run.
                logger.debug("Handler '%s' failed", type(handler).__name__, exc_info=True)

    tell.__name__ = name
    tell.__doc__ = getattr(RunEventHandler, name).__doc__
    return tell


for event in [name for name in vars(RunEventHandler) if not name.startswith("_")]:
    setattr(EventHandlerRegistry, event, forward(event))
