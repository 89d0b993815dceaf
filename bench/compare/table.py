"""Medians of the rounds, ratios, and how they are printed."""

import statistics

from . import servers

COLUMNS = [
    # key, title, part of a measurement, its key there, format
    ("cpu", "CPU µs", "window", "server_cpu_us_per_unit", "{:.1f}"),
    ("throughput", "/s", "window", "per_second", "{:.0f}"),
    ("p50", "p50 µs", "window", "latency_p50_us", "{:.0f}"),
    ("p99", "p99 µs", "window", "latency_p99_us", "{:.0f}"),
    ("rate_cpu", "CPU µs", "rate", "server_cpu_us_per_unit", "{:.1f}"),
    ("rate_p50", "p50 µs", "rate", "latency_p50_us", "{:.0f}"),
    ("rate_p99", "p99 µs", "rate", "latency_p99_us", "{:.0f}"),
    ("sustained", "holds /s", "search", "sustained_per_second", "{:.0f}"),
    ("memory", "bytes", "window", "memory_bytes_per_unit", "{:.0f}"),
]


def medians(measurements):
    """{(item, server): {column: median}}"""
    gathered = {}
    for one in measurements:
        into = gathered.setdefault((one["item"], one["server"]), {})
        for key, _, part, name, _ in COLUMNS:
            if name in one.get(part, {}):
                into.setdefault(key, []).append(one[part][name])
        into.setdefault("sent_again", []).append(
            sum(one[part]["retransmitted"] + one[part]["repeated"] for part in ("window", "rate") if part in one))
    return {pair: {key: statistics.median(values) if key != "sent_again" else sum(values)
                   for key, values in found.items()} for pair, found in gathered.items()}


def cell(values, column, item):
    key, _, _, _, form = column
    if key not in values or (key == "memory" and not item.memory):
        return "-"
    return form.format(values[key])


def ratio_line(found, item, other):
    """Ours through theirs, or None when one of both was not measured."""
    ours, theirs = found.get((item.name, "pinhole")), found.get((item.name, other))
    if not ours or not theirs:
        return None
    cells = []
    for key, *_ in COLUMNS:
        fit = ours.get(key) and theirs.get(key) and (key != "memory" or item.memory)
        cells.append(f"{ours[key] / theirs[key]:.2f}" if fit else "-")
    return cells


NAME_WIDTH, WIDTH = 28, 10


def row(name, cells, more=""):
    return (f"  {name:{NAME_WIDTH}}" + "".join(f"{c:>{WIDTH}}" for c in cells) + more).rstrip()


def header(measurements):
    window, rate = f"--- {measurements[0]['window']['window']} under way ---", "--- equal rate ---"
    yield row("", [f"{window:>{4 * WIDTH}}", f"{rate:>{3 * WIDTH}}"])
    yield row("", [title for _, title, *_ in COLUMNS])


def lines(measurements, items):
    """The table for a terminal."""
    found = medians(measurements)
    rated = any("rate" in one for one in measurements)
    yield from header(measurements)
    for item in items:
        if not any(pair[0] == item.name for pair in found):
            continue
        rate = f"; equal rate: {item.rate}/s" if rated else ""
        each = f"; bytes of one {item.memory}" if item.memory else ""
        yield ""
        yield f"{item.name}: {item.what} (a unit is one {item.unit}{rate}{each})"
        for name in servers.NAMES:
            values = found.get((item.name, name))
            if values is not None:
                again = f"   sent again: {values['sent_again']}" if values["sent_again"] else ""
                yield row(name, [cell(values, column, item) for column in COLUMNS], again)
        for other in ("kamailio", "kamailio-fm"):
            cells = ratio_line(found, item, other)
            if cells:
                yield row("pinhole / " + other, cells)


def markdown(measurements, items):
    """The ratios alone, a row for each item, as docs/bench.md has them: ours through theirs, default allocator / fast one."""
    found = medians(measurements)
    wanted = ["cpu", "rate_cpu", "p99", "rate_p99", "sustained", "memory"]
    at = [[key for key, *_ in COLUMNS].index(key) for key in wanted]
    yield "| item | CPU µs: Pinhole, Kamailio, fast | CPU | CPU at equal rate | p99 | p99 at equal rate | holds | bytes |"
    yield "|---|---|---|---|---|---|---|---|"
    for item in items:
        rows = [ratio_line(found, item, other) for other in ("kamailio", "kamailio-fm")]
        if None in rows:
            continue
        cpu = ", ".join(f"{found[item.name, name]['cpu']:.1f}" for name in ("pinhole", "kamailio", "kamailio-fm"))
        cells = " | ".join("-" if rows[0][i] == "-" else f"{rows[0][i]} / {rows[1][i]}" for i in at)
        yield f"| {item.name} | {cpu} | {cells} |"
