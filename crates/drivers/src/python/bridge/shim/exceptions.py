"""What extensions raise."""

__all__ = [
    "ChaosException",
    "InvalidExperiment",
    "InvalidActivity",
    "ActivityFailed",
    "DiscoveryFailed",
    "InvalidSource",
    "InterruptExecution",
    "ControlPythonFunctionLoadingError",
    "InvalidControl",
]


class ChaosException(Exception):
    """The root of them."""


class InvalidExperiment(ChaosException):
    """An experiment is not valid."""


class InvalidActivity(ChaosException):
    """An activity is not valid."""


class InvalidControl(ChaosException):
    """A control is not valid."""


class InvalidSource(ChaosException):
    """An experiment cannot be loaded."""


class ActivityFailed(ChaosException):
    """An activity did not do what it is for."""


# Its older name.
FailedActivity = ActivityFailed


class DiscoveryFailed(ChaosException):
    """An extension could not be discovered."""


class InterruptExecution(ChaosException):
    """Raised by a control: the run is to end now."""


class ExperimentExitedException(ChaosException):
    """Thrown into activities in the background when the run exits at once."""


class ControlPythonFunctionLoadingError(Exception):
    """A control's function cannot be loaded."""
