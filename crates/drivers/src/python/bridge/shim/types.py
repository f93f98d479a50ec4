"""Names for annotations."""
import enum
from typing import Any, Dict, List, Tuple, Union

__all__ = [
    "MicroservicesStatus",
    "Probe",
    "Action",
    "Experiment",
    "Layer",
    "TargetLayers",
    "Activity",
    "Journal",
    "Run",
    "Secrets",
    "Step",
    "Configuration",
    "Discovery",
    "DiscoveredActivities",
    "Extension",
    "DiscoveredSystemInfo",
    "Settings",
    "EventPayload",
    "Tolerance",
    "Hypothesis",
    "Control",
    "Strategy",
    "Schedule",
    "ConfigVars",
    "SecretVars",
]

Document = Dict[str, Any]
Action = Activity = Control = Document
ConfigVars = SecretVars = EventPayload = Document
DiscoveredActivities = DiscoveredSystemInfo = Discovery = Document
Experiment = Extension = Hypothesis = Journal = Document
Probe = Run = Settings = Step = Document
Configuration = Secrets = Dict[str, Dict[str, str]]
Layer = Any
TargetLayers = Dict[str, List[Document]]
MicroservicesStatus = Tuple[Document, Document]
Tolerance = Union[int, str, bool, list, Document]


class Dry(enum.Enum):
    """What is left out."""

    PROBES = "probes"
    ACTIONS = "actions"
    ACTIVITIES = "activities"
    PAUSE = "pause"

    @staticmethod
    def from_string(value):
        return Dry(value)


class Strategy(enum.Enum):
    """When the hypothesis is looked at."""

    BEFORE_METHOD = "before-method-only"
    AFTER_METHOD = "after-method-only"
    DURING_METHOD = "during-method-only"
    DEFAULT = "default"
    CONTINUOUS = "continuous"
    SKIP = "skip"

    @staticmethod
    def from_string(value):
        if value in ("continuously", "continously"):
            return Strategy.CONTINUOUS
        return Strategy(value)


class Schedule:
    """How often the hypothesis is looked at while the method runs."""

    def __init__(self, continuous_hypothesis_frequency=1.0, fail_fast=False, fail_fast_ratio=0):
        self.continuous_hypothesis_frequency = continuous_hypothesis_frequency
        self.fail_fast = fail_fast
        self.fail_fast_ratio = fail_fast_ratio
