"""Judges values by tolerances."""
import decimal
import json
import numbers
import re

from chaoslib import substitute
from chaoslib.activity import ensure_activity_is_valid, run_activity
from chaoslib.exceptions import ActivityFailed, InvalidActivity

__all__ = ["ensure_hypothesis_tolerance_is_valid", "within_tolerance"]

LIBRARY = (
    "Install the `jsonpath2` package to use a JSON path tolerance: `pip install chaostoolkit-lib[jsonpath]`."
)


def ensure_hypothesis_tolerance_is_valid(tolerance):
    """Raises InvalidActivity with the first complaint."""
    if not isinstance(tolerance, (bool, int, list, str, dict)):
        raise InvalidActivity(
            "hypothesis probe tolerance must either be an integer, a string, a boolean or a pair of values for "
            "boundaries. It can also be a dictionary which is a probe activity definition that takes an argument "
            "called `value` with the value of the probe itself to be validated"
        )
    if isinstance(tolerance, dict):
        kind = tolerance.get("type")
        if kind not in CHECKS:
            raise InvalidActivity("hypothesis probe tolerance type '{}' is unsupported".format(kind))
        CHECKS[kind](tolerance)


def check_regex_pattern(tolerance):
    if "pattern" not in tolerance:
        raise InvalidActivity("hypothesis regex probe tolerance must have a `pattern` key")
    pattern = tolerance["pattern"]
    try:
        re.compile(pattern)
    except TypeError as error:
        raise InvalidActivity(
            "hypothesis probe tolerance pattern {} has an invalid type".format(pattern)
        ) from error
    except re.error as error:
        raise InvalidActivity(
            "hypothesis probe tolerance pattern {} seems invalid: {}".format(pattern, error.msg)
        ) from error


def check_json_path(tolerance):
    parse = jsonpath()
    if "path" not in tolerance:
        raise InvalidActivity("hypothesis jsonpath probe tolerance must have a `path` key")
    path = tolerance["path"]
    if not path:
        raise InvalidActivity("hypothesis probe tolerance JSON path cannot be empty")
    try:
        parse(path)
    except (ValueError, TypeError) as error:
        raise InvalidActivity("hypothesis probe tolerance JSON path {} is invalid".format(path)) from error


def check_range(tolerance):
    if "range" not in tolerance:
        raise InvalidActivity("hypothesis range probe tolerance must have a `range` key")
    bounds = tolerance["range"]
    if not isinstance(bounds, list):
        raise InvalidActivity("hypothesis range must be a sequence")
    if len(bounds) != 2:
        raise InvalidActivity("hypothesis range sequence must be made of two values")
    for which, bound in zip(("lower", "upper"), bounds):
        if not isinstance(bound, numbers.Number):
            raise InvalidActivity("hypothesis range {} boundary must be a number".format(which))


CHECKS = {
    "probe": ensure_activity_is_valid,
    "regex": check_regex_pattern,
    "jsonpath": check_json_path,
    "range": check_range,
}


def within_tolerance(tolerance, value, configuration=None, secrets=None):
    """Whether the value is what the tolerance asks for."""
    if isinstance(tolerance, str):
        tolerance = substitute(tolerance, configuration, secrets)
        if isinstance(tolerance, str):
            return value == tolerance
        return within_tolerance(tolerance, value, configuration, secrets)
    if isinstance(tolerance, bool):
        return value == tolerance
    status = value["status"] if isinstance(value, dict) and "status" in value else None
    if isinstance(tolerance, int):
        return (value if status is None else status) == tolerance
    if isinstance(tolerance, list):
        if status is not None:
            return status in tolerance
        if len(tolerance) == 2:
            return tolerance[0] <= value <= tolerance[1]
        return value in tolerance
    if isinstance(tolerance, dict):
        judge = JUDGES.get(tolerance.get("type"))
        return judge(tolerance, value, configuration, secrets) if judge else False
    return False


def judge_by_probe(tolerance, value, configuration, secrets):
    tolerance["provider"]["arguments"]["value"] = value
    try:
        return bool(run_activity(tolerance, configuration, secrets))
    except ActivityFailed:
        return False


def judge_by_regex(tolerance, value, configuration, secrets):
    pattern = substitute(tolerance["pattern"], configuration, secrets)
    return re.search(pattern, target(tolerance, value)) is not None


def judge_by_range(tolerance, value, configuration, secrets):
    value = target(tolerance, value)
    if not isinstance(value, (str, numbers.Number)):
        raise TypeError("a range cannot judge a value of type {}".format(type(value).__name__))
    try:
        number = exact(value.strip() if isinstance(value, str) else value)
    except decimal.InvalidOperation:
        return False
    low, high = tolerance["range"]
    return exact(low) <= number <= exact(high)


def exact(number):
    """A number as its author wrote it."""
    return decimal.Decimal(str(number) if isinstance(number, float) else number)


def judge_by_jsonpath(tolerance, value, configuration, secrets):
    path = jsonpath()(substitute(tolerance["path"], configuration, secrets))
    value = target(tolerance, value)
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except ValueError:
            pass  # a text like any other
    found = [match.current_value for match in path.match(value)]
    met = bool(found)
    if "count" in tolerance:
        met = len(found) == tolerance["count"]
    if "expect" in tolerance:
        expected = substitute(tolerance["expect"], configuration, secrets)
        met = found == (expected if isinstance(expected, list) else [expected])
    return met


def jsonpath():
    try:
        from jsonpath2.path import Path
    except ImportError as error:
        raise InvalidActivity(LIBRARY) from error
    return Path.parse_str


def target(tolerance, value):
    name = tolerance.get("target")
    return value.get(name, value) if name else value


JUDGES = {
    "probe": judge_by_probe,
    "regex": judge_by_regex,
    "jsonpath": judge_by_jsonpath,
    "range": judge_by_range,
}
