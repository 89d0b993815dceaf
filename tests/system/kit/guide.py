"""docs/guide.md read as data: its tables, and the blocks that are configurations, scripts and commands."""

import os
import re

from . import build, check

PATH = os.path.join(build.TOP, "docs", "guide.md")


def text():
    with open(PATH, encoding="utf-8") as page:
        return page.read()


def blocks(kind):
    """{title: text} of the blocks that begin with ```kind title."""
    return dict(re.findall(rf"^```{kind} (.+)\n((?:.*\n)*?)^```$", text(), re.M))


def script(*titles):
    """Blocks as one script; a block without a route of its own is a fragment, and becomes route[EXAMPLE]."""
    out = ""
    for title in titles:
        body = blocks("route")[title]
        if not re.search(r"^(route|onreply_route)\b", body, re.M):
            body = "route[EXAMPLE] {\n" + body + "}\n"
        out += body
    return out


def tables():
    """[(names of the columns, [rows])] in order of the page."""
    out, columns = [], None
    for line in text().splitlines():
        if not line.startswith("|"):
            columns = None
            continue
        row = [c.strip() for c in line.strip().strip("|").split("|")]
        if columns is None:
            columns = row
            out.append((columns, []))
        elif not set(line) <= set("|- "):
            check.equal(len(row), len(columns), f"cells of {line!r}")
            out[-1][1].append(dict(zip(columns, row)))
    return out


def table(column):
    """The rows of the table that has this column."""
    found = [rows for columns, rows in tables() if column in columns]
    check.equal(len(found), 1, f"tables with a column {column!r}")
    return found[0]
