# Run with `python3 -c`, with the terminal's streams: a command that an extension adds to the command line.
# Arguments: the command's name, the path of the settings, and what the command is given. Without such a command: exit 127.
import sys
from importlib import metadata

GROUP = "chaostoolkit.cli_plugins"


def main(name, settings, *given):
    if sys.path and sys.path[0] == "":
        del sys.path[0]
    points = metadata.entry_points()
    points = points.select(group=GROUP) if hasattr(points, "select") else points.get(GROUP, ())
    for point in points:
        if point.name != name:
            continue
        command = point.load()
        sys.argv = ["chaos", name, *given]
        if hasattr(command, "main"):
            # A command of click: what the Toolkit's own group gives to its commands.
            command.main(args=list(given), prog_name="chaos " + name, obj={"settings_path": settings})
        else:
            command()
        return
    sys.exit(127)


main(*sys.argv[1:])
