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
    ("memory", "bytes each", "window", "memory_bytes_per_unit", "{:.0f}"),
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


def ratio_line(found, item, other, keys):
    ours, theirs = found.get((item.name, "pinhole")), found.get((item.name, other))
    if not ours or not theirs:
        return None
    cells = []
    for column in COLUMNS:
        key = column[0]
        fit = key in keys and ours.get(key) and theirs.get(key) and (key != "memory" or item.memory)
        cells.append(f"{ours[key] / theirs[key]:.2f}" if fit else "-")
    return cells


def lines(measurements, items, args):
    found = medians(measurements)
    widths = [9] * len(COLUMNS)
    yield (f"{'':30}" + f"{'window ' + str(args.window):>40}" + f"{'equal rate':>30}").rstrip()
    yield f"{'':30}" + "".join(f"{title:>{width + 1}}" for (_, title, *_), width in zip(COLUMNS, widths))
    for item in items:
        if not any(pair[0] == item.name for pair in found):
            continue
        yield ""
        rate = f"; equal rate: {item.rate}/s" if args.times.rate else ""
        each = f"; memory of one {item.memory}" if item.memory else ""
        yield f"{item.name}: {item.what} (a unit is one {item.unit}{rate}{each})"
        for name in servers.NAMES:
            values = found.get((item.name, name))
            if values is None:
                continue
            again = f"   sent again: {values['sent_again']}" if values["sent_again"] else ""
            yield f"  {name:28}" + "".join(f"{cell(values, c, item):>{w + 1}}" for c, w in zip(COLUMNS, widths)) + again
        for other in ("kamailio", "kamailio-fm"):
            cells = ratio_line(found, item, other, {c[0] for c in COLUMNS})
            if cells:
                yield f"  {'pinhole / ' + other:28}" + "".join(f"{c:>{w + 1}}" for c, w in zip(cells, widths))
