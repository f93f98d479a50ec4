# Run with `python3 -c`, with the terminal's streams: a command that an extension adds to the command line.
# Arguments: its name, the path of the settings, what to say if there is none of that name, and what it is given.
import sys


def points(group):
    from importlib import metadata

    found = metadata.entry_points()
    return found.select(group=group) if hasattr(found, "select") else found.get(group, ())


def main(name, settings, usage, *given):
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    try:
        found = [point for point in points("chaostoolkit.cli_plugins") if point.name == name]
    except ImportError:
        found = []
    if not found:
        sys.stderr.write(usage)
        sys.exit(2)
    command = found[0].load()
    sys.argv = ["chaos", name] + list(given)
    if hasattr(command, "main"):
        # A command of click gets what the Toolkit's own group hands down.
        command.main(args=list(given), prog_name="chaos " + name, obj={"settings_path": settings})
    else:
        command()


main(*sys.argv[1:])
