"""A terminal for programs that draw: a pseudo-terminal to run them on, and the screen that they leave.

It knows what our own programs send: text, carriage return, line feed, erasing (J, K), moving up (A), and colours (m).
Anything else is an error, so that a picture never shows less than a terminal would.
"""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

PIECE = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|([\r\n\b])|([^\x1b\r\n\b])")


class Screen:
    """Rows of cells, as many as were written; a cell is (character, style), a style a tuple of SGR numbers."""

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column, self.style = columns, [[]], 0, 0, ()

    def feed(self, text):
        at = 0
        while at < len(text):
            found = PIECE.match(text, at)
            if not found:
                raise ValueError(f"the terminal does not know {text[at:at + 12]!r}")
            at = found.end()
            numbers, command, control, character = found.groups()
            if command:
                self.command(command, numbers)
            elif control == "\r":
                self.column = 0
            elif control == "\n":
                self.down()
            elif control == "\b":
                self.column = max(0, self.column - 1)
            else:
                self.put(character)

    def put(self, character):
        if self.column == self.columns:
            self.down()
            self.column = 0
        row = self.rows[self.row]
        row.extend([(" ", ())] * (self.column + 1 - len(row)))
        row[self.column] = (character, self.style)
        self.column += 1

    def down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])

    def command(self, command, numbers):
        values = [int(number or 0) for number in numbers.split(";")]
        if command == "m":
            for value in values:
                ended = {0: range(1, 108), 22: (1, 2), 39: (*range(30, 38), *range(90, 98))}.get(value)
                kept = tuple(one for one in self.style if ended is None or one not in ended)
                self.style = kept if ended is not None else (*kept, value)
        elif command == "A":
            self.row = max(0, self.row - (values[0] or 1))
        elif command == "K" and values == [0]:
            del self.rows[self.row][self.column:]
        elif command == "J" and values == [0]:
            del self.rows[self.row][self.column:]
            del self.rows[self.row + 1:]
        else:
            raise ValueError(f"the terminal does not know CSI {numbers}{command}")

    def text(self):
        return "\n".join("".join(character for character, _ in row).rstrip() for row in self.rows)


class Seat:
    """Somebody at a terminal of that size, where a program runs; `said` is all that it wrote so far."""

    def __init__(self, argv, columns=80, rows=40, env=None, cwd=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # A session of its own, whose controlling terminal this is: what is typed here makes signals as for anybody.
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=cwd, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.raw, self.columns = b"", columns

    @property
    def said(self):
        return self.raw.decode("utf-8", "replace")

    def type(self, keys):
        os.write(self.master, keys)

    def read(self, seconds):
        """Reads for that long; False when nobody writes any more."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if not select.select([self.master], [], [], max(0, left))[0]:
                return True
            try:
                got = os.read(self.master, 65536)
            except OSError:  # EIO: no process has the terminal open
                got = b""
            if not got:
                return False
            self.raw += got

    def to_the_end(self, seconds):
        """Reads until all who write have ended; the exit status, or None if that takes longer."""
        if self.read(seconds):
            return None
        return self.process.wait(timeout=10)

    def screen(self):
        screen = Screen(self.columns)
        screen.feed(self.said)
        return screen

    def close(self):
        os.close(self.master)
