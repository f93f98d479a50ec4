"""What is installed: the activities of an extension, the extensions, the commands that they add."""

import importlib
from importlib import metadata


def discover(body, bridge):
    """Op `discover`: `package`, `system`. `discovery`, or why there is none: `failed`, in the Toolkit's words; `absent` if it is not there."""
    package = body["package"]
    try:
        distribution = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return {"failed": "Package %s not found" % package, "absent": True}
    name = top_level(distribution)
    if name is None:
        return {"failed": "Distribution %s exists but no top-level package name could be determined" % package}
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        return {"failed": "could not load Python module '%s'" % name, "why": str(error)}
    if not hasattr(module, "discover"):
        return {"failed": "package '%s' does not export a `discover` function" % name}
    return {"discovery": module.discover(discover_system=body["system"])}


def top_level(distribution):
    """The first package of a distribution, as its installer noted it, or as its files say."""
    noted = (distribution.read_text("top_level.txt") or "").split()
    if noted:
        return noted[0]
    for path in distribution.files or ():
        if len(path.parts) == 2 and path.parts[1] == "__init__.py":
            return path.parts[0]
    return None


def extensions(body, bridge):
    """Op `extensions`: the distributions that are called like extensions, by name."""
    found = {}
    for distribution in metadata.distributions():
        about = distribution.metadata
        name = (about["Name"] or "").lower().replace("_", "-").replace(".", "-")
        if name.startswith("chaostoolkit-") and name != "chaostoolkit-lib" and name not in found:
            license = about["License-Expression"] or about["License"] or ""
            found[name] = {"name": name, "version": distribution.version, "license": license.split("\n")[0],
                           "description": about["Summary"] or ""}
    return [found[name] for name in sorted(found)]
