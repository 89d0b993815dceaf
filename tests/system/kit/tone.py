"""Tones: what a phone plays, and which of them is heard in what another one has received. 8000 Hz, 16 bit, one channel."""

import array
import math
import sys
import wave

RATE = 8000
WINDOW = RATE // 10                     # samples; tones that are multiples of 10 Hz do not disturb each other in it
SILENT = 100                            # mean square below which there is no tone at all


def write(path, hertz, seconds):
    """A file of this tone at a third of full scale."""
    one = array.array("h", (round(11000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(RATE)))
    if sys.byteorder == "big":
        one.byteswap()
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(one.tobytes() * seconds)


def samples(data):
    out = array.array("h", data[:len(data) // 2 * 2])
    if sys.byteorder == "big":
        out.byteswap()
    return out


def from_pcmu(data):
    """G.711 mu-law as 16 bit samples."""
    out = array.array("h")
    for octet in data:
        octet ^= 0xff
        value = ((octet & 15) << 3) + 132 << (octet >> 4 & 7)
        out.append(132 - value if octet & 128 else value - 132)
    return out


def power(window, hertz):
    """The share of the window's power that is this tone: 1 for the tone alone (Goertzel)."""
    factor = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for sample in window:
        before, last = last, sample + factor * last - before
    total = sum(sample * sample for sample in window)
    found = last * last + before * before - factor * last * before
    return 2 * found / (len(window) * total) if total else 0.0


def heard(values, tones):
    """For each tenth of a second: the tone of `tones` that it is, 0 when it is silent, None when it is something else."""
    out = []
    for start in range(0, len(values) - WINDOW + 1, WINDOW):
        window = values[start:start + WINDOW]
        if sum(sample * sample for sample in window) < SILENT * WINDOW:
            out.append(0)
            continue
        out.append(next((hertz for hertz in tones if power(window, hertz) > 0.8), None))
    return out
