"""Makes secrets of their declarations. Those of a Vault are read by the run itself, not here."""
import os

from chaoslib.exceptions import InvalidExperiment

__all__ = ["load_secrets"]


def load_secrets(secrets_info, configuration=None, extra_vars=None):
    """Values, and those of the environment, at any depth."""
    extra_vars = extra_vars or {}
    return {key: load(extra_vars.get(key, value)) for key, value in (secrets_info or {}).items()}


def load(declared):
    if not isinstance(declared, dict):
        return declared
    kind = declared.get("type")
    if kind == "env":
        name = declared["key"]
        if name not in os.environ:
            raise InvalidExperiment(
                "Secrets make reference to an environment key that does not exist: {}".format(name)
            )
        return os.environ[name]
    if kind == "vault":
        raise InvalidExperiment("secrets of a Vault are read by `chaos` itself; `chaoslib.secret` here cannot")
    return {key: load(value) for key, value in declared.items()}
