"""Makes a configuration of its declarations."""
import logging
import os
from copy import deepcopy

from chaoslib import convert_to_type
from chaoslib.exceptions import InvalidExperiment

__all__ = ["load_configuration", "load_dynamic_configuration"]
logger = logging.getLogger("chaostoolkit")


def load_configuration(config_info, extra_vars=None):
    """What can be known without asking anybody: values, and those of the environment."""
    extra_vars = extra_vars or {}
    loaded = {}
    for key, declared in (config_info or {}).items():
        declared = extra_vars.get(key, declared)
        if isinstance(declared, dict) and declared.get("type") == "env":
            name = declared["key"]
            if name not in os.environ and "default" not in declared:
                raise InvalidExperiment(
                    "Configuration makes reference to an environment key that does not exist: {}".format(name)
                )
            declared = convert_to_type(
                declared.get("env_var_type"), os.environ.get(name, declared.get("default"))
            )
        loaded[key] = declared
    return loaded


def load_dynamic_configuration(config, secrets=None):
    """Plays the probes in it; a key whose probe fails is left out."""
    from chaoslib.activity import run_activity

    loaded, lost = {}, False
    for key, value in config.items():
        if not (isinstance(value, dict) and value.get("type") == "probe"):
            loaded[key] = value
            continue
        probe = deepcopy(value)
        provider = probe.get("provider") or {}
        if provider.get("type") == "python":
            # All secrets, as one target of any name.
            provider["secrets"] = list(secrets or {})
        try:
            output = run_activity(probe, loaded, secrets or {})
        except Exception:
            logger.debug("Failed to load dynamic configuration '%s'", key, exc_info=True)
            lost = True
            continue
        if provider.get("type") == "process":
            if output["status"] == 0:
                loaded[key] = output["stdout"].strip()
        elif provider.get("type") == "http":
            loaded[key] = output["body"]
        else:
            loaded[key] = output
    if lost:
        logger.warning(
            "Some of the dynamic configuration failed to be loaded."
            "Please review the log file for understanding what happened."
        )
    return loaded
