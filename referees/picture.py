#!/usr/bin/env python3
"""Holds README's picture of the demo, docs/demo.svg, against what the demo shows on a terminal now; --write takes it anew.

The picture is one real run, on a terminal of 80 columns. What differs from run to run (times, ports, ids, how many customers
came) is masked when both are compared; everything else must be the same, colours included.
"""
import html
import os
import re
import sys

from lab import ROOT, Lab, Tally, need, options
from terminal import Seat

PICTURE = os.path.join(ROOT, "docs", "demo.svg")
COLUMNS = 80
WIDTH, HEIGHT, MARGIN, BAR = 8.4, 18, 16, 30  # of a cell, around the text, and above it
INK, PAPER = "#d0d7de", "#0d1117"
COLOURS = {31: "#ff7b72", 32: "#3fb950", 33: "#d29922", 34: "#58a6ff", 35: "#bc8cff", 36: "#39c5cf", 37: INK,
           90: "#8b949e", 91: "#ffa198", 92: "#56d364", 93: "#e3b341", 94: "#79c0ff", 95: "#d2a8ff", 96: "#56d4dd", 97: "#ffffff"}


def shown(chaos):
    """The screen that a run of the demo leaves."""
    with Lab(chaos) as lab:
        seat = Seat([chaos, "demo"], COLUMNS, env={**lab.env, "TERM": "xterm-256color"}, cwd=lab.work)
        code = seat.to_the_end(90)
        if code is None:
            seat.process.kill()
        need(code == 0, f"the demo ended with {code}:\n{seat.said}")
        rows = seat.screen().rows
        while rows and not rows[-1]:
            rows.pop()
        return rows


def stretches(row):
    """A row of cells as (style, text), neighbours of one style together."""
    found = []
    for character, style in row:
        style = () if character == " " else style
        if found and (found[-1][0] == style or character == " "):
            found[-1] = (found[-1][0], found[-1][1] + character)
        else:
            found.append((style, character))
    if found:
        found[-1] = (found[-1][0], found[-1][1].rstrip())
    return [(style, text) for style, text in found if text]


def css(style):
    """What a style looks like."""
    rules = []
    for number in style:
        if number == 1:
            rules.append("font-weight:bold")
        elif number == 2:
            rules.append("opacity:.65")
        elif number in COLOURS:
            rules.append(f"fill:{COLOURS[number]}")
        else:
            raise ValueError(f"the picture has no style for SGR {number}")
    return ";".join(rules)


def drawn(rows):
    """The picture: what came before the fix, and beside it the rest."""
    plain = ["".join(character for character, _ in row) for row in rows]
    fix = next(number for number, text in enumerate(plain) if text.startswith("4. "))
    panels = [rows[:fix - 1], rows[fix:]]
    wide, high = COLUMNS * WIDTH + 2 * MARGIN, max(map(len, panels)) * HEIGHT + BAR + MARGIN
    styles, lines = {}, []
    for left, panel in zip((0, wide), panels):
        for number, row in enumerate(panel):
            column, spans = 0, []
            for style, text in stretches(row):
                name = styles.setdefault(css(style), f"s{len(styles)}") if style else ""
                kind = f' class="{name}"' if name else ""
                # Each piece at its own place, and as wide as its cells: fonts differ. Blanks at its beginning may be dropped.
                words = text.lstrip()
                x = left + MARGIN + (column + len(text) - len(words)) * WIDTH
                spans.append(f'<tspan x="{x:.1f}" textLength="{len(words) * WIDTH:.1f}"{kind}>{html.escape(words, quote=False)}</tspan>')
                column += len(text)
            if spans:
                lines.append(f'<text y="{BAR + (number + 1) * HEIGHT - 5}">{"".join(spans)}</text>')
    rules = "".join(f".{name}{{{rule}}}" for rule, name in styles.items())
    lights = "".join(f'<circle cx="{MARGIN + 4 + 18 * n}" cy="15" r="5.5" fill="{colour}"/>' for n, colour in enumerate(["#ff5f57", "#febc2e", "#28c840"]))
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {2 * wide:.0f} {high}" width="{2 * wide:.0f}" height="{high}" role="img" aria-label="chaos demo on a terminal">',
        "<!-- Made by referees/picture.py of a real run. Do not edit. -->",
        f"<style>text{{white-space:pre;fill:{INK};font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace}}{rules}</style>",
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>{lights}<path d="M{wide:.0f} {BAR}V{high - MARGIN}" stroke="#30363d"/>',
        *lines, "</svg>", ""])


def read(picture):
    """The pieces of a picture: rows of (style, text)."""
    rules = dict(re.findall(r"\.(s\d+)\{([^}]*)\}", picture))
    rows = []
    for text in re.findall(r"<text [^>]*>(.*?)</text>", picture, re.S):
        spans = re.findall(r'<tspan x="[^"]*"(?: textLength="[^"]*")?(?: class="(\w+)")?>([^<]*)</tspan>', text)
        rows.append([(rules.get(name, ""), html.unescape(words)) for name, words in spans])
    return rows


MASKS = [
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\b(shop(?:-db)?)-[0-9a-z]{5,10}-[0-9a-z]{5}\b", r"\1-ID"),
    (r"\d+(\.\d+)? s\b", "N s"),
    (r"\b\d+ (customers|were)\b", r"N \1"),
    (r"HTTP 50\d", "HTTP 50x"),
    (r"█+", "█"),
    (r"▁+", "▁"),
]


def masked(rows):
    """What must not differ: the story, the lines of the runs, and, in no order, what happened to Pods.

    Log lines, Pods and customers come from several processes: only within each kind is their order fixed.
    """
    whole = []
    for row in rows:
        # What was too long for the terminal goes on in its next row.
        if whole and sum(len(text) for _, text in whole[-1]) == COLUMNS:
            whole[-1] = whole[-1] + row
        else:
            whole.append(row)
    story, log, pods = [], [], []
    for row in whole:
        row = [(rule, re.sub(r"\s+", " ", text)) for rule, text in row]
        for mask, word in MASKS:
            row = [(rule, re.sub(mask, word, text)) for rule, text in row]
        plain = "".join(text for _, text in row)
        if plain.startswith("[TIME"):
            log.append(row)
        elif re.search(r"-ID \w", plain):
            pods.append(row)
        elif re.fullmatch(r"customers [█▁]+", plain) and story and story[-1][:1] == row[:1]:
            # One row of customers or two is the machine's pace.
            story[-1] = alternating(story[-1] + row[1:])
        else:
            story.append(alternating(row))
    return story, log, sorted(pods)


def alternating(pieces):
    """Without repetitions."""
    return [piece for n, piece in enumerate(pieces) if n == 0 or piece != pieces[n - 1]]


def main():
    write = "--write" in sys.argv
    if write:
        sys.argv.remove("--write")
    opts, tally = options(), Tally()
    if write:
        with open(PICTURE, "w", encoding="utf-8") as f:
            f.write(drawn(shown(opts.chaos)))
        print(f"{PICTURE} is written")
        return

    def same():
        with open(PICTURE, encoding="utf-8") as f:
            picture = f.read()
        now = masked(read(drawn(shown(opts.chaos))))
        for kind, then, today in zip(("story", "log lines", "Pods"), masked(read(picture)), now):
            for n, (a, b) in enumerate(zip(then, today)):
                need(a == b, f"{kind}, line {n + 1}: the picture has\n  {a}\nand the demo shows\n  {b}\n`referees/picture.py --write` takes a new picture")
            need(len(then) == len(today), f"{kind}: the picture has {len(then)} lines, the demo shows {len(today)}")

    tally.check("README's picture shows what the demo does", same)
    tally.end()


if __name__ == "__main__":
    main()
