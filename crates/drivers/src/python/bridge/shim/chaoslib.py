"""Substitution, variables and hashes of experiments."""
import collections
import datetime
import decimal
import hashlib
import json
import logging
import os
import re
import uuid

__version__ = "1.44.0"
__all__ = [
    "__version__",
    "canonical_json",
    "decode_bytes",
    "experiment_hash",
    "substitute",
    "merge_vars",
    "convert_vars",
    "PayloadEncoder",
]
logger = logging.getLogger("chaostoolkit")

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
PATTERN = re.compile(r"\$(?:(?P<dollar>\$)|(?P<bare>%s)|\{(?P<braced>%s)\})" % (NAME, NAME))
WHOLE = re.compile(r"\$\{(%s)\}\Z" % NAME)


def substitute(data, configuration, secrets):
    """`data` with each `${name}` replaced; a text that is one `${name}` becomes the value itself."""
    values = collections.ChainMap(configuration or {}, *(secrets.values() if secrets else ()))
    return fill(data, values) if data else data


def fill(data, values):
    if isinstance(data, str):
        return fill_text(data, values)
    if isinstance(data, dict):
        return {key: fill(value, values) for key, value in data.items()}
    if isinstance(data, list):
        return [fill(value, values) for value in data]
    return data


def fill_text(text, values):
    whole = WHOLE.match(text)
    if whole and whole.group(1) in values:
        return values[whole.group(1)]

    def one(found):
        if found.group("dollar"):
            return "$"
        name = found.group("bare") or found.group("braced")
        return str(values[name]) if name in values else found.group()

    return PATTERN.sub(one, text)


TRUE_AS_IT_IS = ("str", "string", "", None)


def convert_to_type(type, val):
    """A text as a value of a type that `--var name:type=…` and `env_var_type` name."""
    if type in TRUE_AS_IT_IS:
        return val
    if type in ("int", "integer"):
        return int(val)
    if type in ("float", "number"):
        return float(val)
    if type == "bytes":
        return val.encode("utf-8")
    if type == "bool":
        return val if isinstance(val, bool) else val.lower() not in ("false", "0", "no")
    if type == "json":
        return json.loads(val) if val and isinstance(val, (str, bytes)) else val
    raise ValueError("variable type can only be: bool, str, int, float, bytes or json")


def convert_vars(value):
    """`["name:int=1"]` as `{"name": 1}`; later ones win."""
    converted = {}
    for variable in value or ():
        name, text = variable.split("=", 1)
        name, colon, kind = name.rpartition(":")
        if not colon:
            name, kind = kind, "str"
        converted[name] = convert_to_type(kind, text)
    return converted


def merge_vars(var=None, var_files=None):
    """What overrides configuration and secrets: var files in order, then `var`."""
    configuration, secrets = {}, {}
    for path in var_files or ():
        try:
            content = read_var_file(path)
        except OSError:
            logger.error("Cannot read var file '%s'", path)
        except ValueError as error:
            logger.error("Failed to parse variable file '%s': %s", path, error)
        else:
            configuration.update(content.get("configuration") or {})
            secrets.update(content.get("secrets") or {})
    configuration.update(var or {})
    return configuration, secrets


def read_var_file(path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    extension = os.path.splitext(path)[1]
    content = None
    if extension == ".json":
        content = json.loads(text)
    elif extension in (".yaml", ".yml"):
        import yaml  # PyYAML is its caller's: everything else needs nothing but Python

        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from error
    if content:
        return content
    for line in text.splitlines():
        line = line.strip()
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            os.environ[name] = value
    return {}


def canonical_json(experiment):
    """Sorted by keys, with Python's separators, in ASCII."""
    return json.dumps(experiment, sort_keys=True, cls=PayloadEncoder).encode("utf-8")


def experiment_hash(experiment, hash_algo=None):
    """The digest of the canonical JSON, in hexadecimal: BLAKE2b of 96 bits unless told otherwise."""
    digest = hashlib.new(hash_algo) if hash_algo else hashlib.blake2b(digest_size=12)
    digest.update(canonical_json(experiment))
    return digest.hexdigest()


def decode_bytes(data, default_encoding="utf-8"):
    """The text of some output. Nothing is guessed: what is not UTF-8 is replaced."""
    return data.decode(default_encoding, "replace")


class PayloadEncoder(json.JSONEncoder):
    """Writes what journals may hold beside JSON's own."""

    def default(self, o):
        if isinstance(o, (datetime.datetime, datetime.date)):
            return o.isoformat()
        if isinstance(o, (decimal.Decimal, uuid.UUID)):
            return str(o)
        return super().default(o)
