#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws on one time line what became of pings and of a download while the client went from one network
to another.

usage: timeline.py DIRECTORY [NAME=TEXT...]

Below it stand the figures of the pings and those that are given. DIRECTORY has three logs; their times are seconds of the wall clock:

	events     TIME SOURCE TEXT. Of "world": "network NAME ADDRESS" for each network, "up NAME",
	           "down NAME", and "begin", where the line begins; of "client" and "gateway": what they
	           tell with -v
	ping       what ping -D tells
	download   TIME BYTES, all bytes until then

It is as wide as the terminal (60 to 120 columns, without one 80), in colours on a terminal unless
NO_COLOR is set, and without block characters where the locale has none."""
import itertools
import os
import re
import shutil
import sys
import textwrap

LABEL = 10
NARROWEST, WIDEST = 60, 120
LATE = 0.15  # seconds; more than the queues of the networks hold

RED, GREEN, YELLOW, BLUE, BOLD = "31", "32", "33", "36", "1"


# ---- what has happened ----


class Events:
    """begin; networks: name by address; there: name to (time, bool) of its comings and goings;
    used: (time, name or None); told: (time, sentence)."""

    def __init__(self, lines):
        self.begin, self.networks, self.there, self.used, self.told = None, {}, {}, [], []
        self.update = None  # when the last one was sent
        for line in lines:
            time, source, text = line.rstrip("\n").split(" ", 2)
            getattr(self, source)(float(time), text)
        if self.begin is None or not self.networks:
            sys.exit("timeline: the events have no beginning, or no networks")

    def tell(self, time, text):
        if self.begin is not None:
            self.told.append((time, text))

    def world(self, time, text):
        verb, *words = text.split()
        if verb == "network":
            self.networks[words[1]] = words[0]
            self.there[words[0]] = []
        elif verb == "begin":
            self.begin = time
            self.used.insert(0, (time, self.first()))
        elif verb in ("up", "down"):
            self.there[words[0]].append((time, verb == "up"))
            self.tell(time, f"{words[0]} is {'there' if verb == 'up' else 'gone'}")

    def first(self):
        """The network that is used first, which is the only one there."""
        return next((name for name, changes in self.there.items() if changes and changes[-1][1]), None)

    def client(self, time, text):
        if moved := re.search(r"our address changes, from: \S+, to: ([^,]+)", text):
            self.used.append((time, self.networks.get(moved[1])))
            self.update = None
            self.tell(time, f"client: goes over to {self.used[-1][1] or moved[1]}")
        elif "there is no way to the gateway" in text:
            self.used.append((time, None))
            self.tell(time, "client: no network; what is sent now waits")
        elif "notify sent" in text and self.update is None:
            self.update = time
            self.tell(time, "client: update sent")
        elif "notify received, type: 40708" in text:
            self.tell(time, "client: asked to prove the new address")
        elif "notify received, type: 40705" in text and self.update is not None:
            self.tell(time, f"client: acknowledged, {(time - self.update) * 1000:.0f} ms after the update")
        elif "notify received, type: 9728" in text:
            self.tell(time, "client: the gateway refuses to move")
        elif "phase 1 established" in text:
            self.tell(time, "client: has negotiated anew")

    def gateway(self, time, text):
        if moved := re.search(r"client has moved, .*to: (\S+), limited: (\d)", text):
            limit = ", little until that is proved" if moved[2] != "0" else ""
            self.tell(time, f"gateway: sends to {moved[1]} now{limit}")

    def is_there(self, name, at):
        return any(up for time, up in [c for c in self.there[name] if c[0] <= at][-1:])

    def without_network(self, begin, end):
        """Seconds of these in which no network was there."""
        changes = [time for comings in self.there.values() for time, _ in comings]
        times = [begin, *sorted(t for t in changes if begin < t < end), end]
        return sum(b - a for a, b in zip(times, times[1:])
                   if not any(self.is_there(name, a) for name in self.there))

    def in_use(self, at):
        return [name for time, name in self.used if time <= at or time == self.used[0][0]][-1]


class Pings:
    """sent: when each was; answered: number to round trip; gap: the longest between two answers, from
    and to."""

    ANSWER = re.compile(r"\[(\d+\.\d+)\] .* icmp_seq=(\d+) .*time=([\d.]+) ms$")
    SUMMARY = re.compile(r"(\d+) packets transmitted")

    def __init__(self, lines):
        begun, arrived, count = {}, [], 0
        self.answered = {}
        for line in lines:
            if answer := self.ANSWER.match(line.rstrip("\n")):
                number, trip = int(answer[2]), float(answer[3]) / 1000
                arrived.append(float(answer[1]))
                begun[number], self.answered[number] = arrived[-1] - trip, trip
            elif summary := self.SUMMARY.match(line):
                count = int(summary[1])
        if len(begun) < 2:
            sys.exit("timeline: there are no answers to pings")
        arrived.sort()
        self.gap = max(zip(arrived, arrived[1:]), key=lambda pair: pair[1] - pair[0])
        self.sent = self.times(begun, max(count, max(begun)))

    @staticmethod
    def times(begun, count):
        """Of all, also of those without an answer, which were sent evenly between the others."""
        known = sorted(begun)
        pace = (begun[known[-1]] - begun[known[0]]) / (known[-1] - known[0])
        sent, before = {}, known[0]
        for number in range(1, count + 1):
            if number in begun:
                before = number
            sent[number] = begun.get(number, begun[before] + (number - before) * pace)
        return sent

    def lost(self):
        return [n for n in self.sent if n not in self.answered]

    def late(self):
        return [n for n, trip in self.answered.items() if trip > LATE]


def download_read(lines):
    """(time, bytes that came then)"""
    chunks, before = [], 0
    for line in lines:
        time, size = line.split()
        chunks.append((float(time), int(size) - before))
        before = int(size)
    return chunks


# ---- how it looks ----


class Style:
    def __init__(self, out):
        width = shutil.get_terminal_size((80, 24)).columns if out.isatty() else 80
        self.width = max(NARROWEST, min(WIDEST, width))
        self.colour = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.bars = "▁▂▃▄▅▆▇█" if (out.encoding or "").lower().startswith("utf") else "123456789"

    def paint(self, text, colours):
        """Each character in its colour."""
        if not self.colour:
            return text
        runs = ((c, "".join(run)) for c, run in itertools.groupby(text, colours))
        return "".join(f"\033[{c}m{run}\033[0m" if c and run.strip() else run for c, run in runs)


class Line:
    """The time line: columns of so many seconds each."""

    def __init__(self, style, begin, end):
        self.columns = style.width - LABEL - 2
        self.begin, self.step = begin, max(end - begin, 0.001) / self.columns

    def column(self, at):
        return max(0, min(self.columns - 1, int((at - self.begin) / self.step)))

    def middle(self, column):
        return self.begin + (column + 0.5) * self.step

    def scale(self):
        second = next(s for s in (1, 2, 5, 10, 20, 50, 100, 1000) if s / self.step >= 7)
        row, at = "", 0
        while (where := int(at / self.step + 0.5)) + 4 < self.columns:
            row, at = row.ljust(where) + f"{at} s", at + second
        return row


def network_row(line, events, name):
    def mark(at):
        if events.in_use(at) == name:
            return "="
        return "-" if events.is_there(name, at) else " "

    return "".join(mark(line.middle(c)) for c in range(line.columns))


def ping_row(line, pings):
    sent, lost, late = ([0] * line.columns for _ in range(3))
    for counts, numbers in ((sent, pings.sent), (lost, pings.lost()), (late, pings.late())):
        for number in numbers:
            counts[line.column(pings.sent[number])] += 1

    def mark(c):
        if lost[c]:
            return str(lost[c]) if lost[c] <= 9 else "#"
        return "o" if late[c] else "." if sent[c] else " "

    return "".join(map(mark, range(line.columns)))


def download_row(line, chunks, bars):
    """The row, and bits a second of a full column."""
    size = [0] * line.columns
    for at, n in chunks:
        size[line.column(at)] += n
    most = max(size) or 1
    row = "".join(bars[min(len(bars) - 1, n * len(bars) // most)] if n else " " for n in size)
    return row, most * 8 / line.step


def event_groups(line, told):
    """(letter, column, [(time, text)]); one letter for what has one column."""
    groups = []
    for time, text in sorted(told, key=lambda e: e[0]):
        if not groups or groups[-1][1] != line.column(time):
            groups.append(("abcdefghijklmnopqrstuvwxyz"[len(groups) % 26], line.column(time), []))
        groups[-1][2].append((time, text))
    return groups


def event_row(line, groups):
    row = [" "] * line.columns
    for letter, column, _ in groups:
        row[column] = letter
    return "".join(row)


# ---- the drawing ----


def print_wrapped(style, head, text):
    indent = " " * len(head)
    for line in textwrap.wrap(text, style.width - len(head) - 1) or [""]:
        print(f"{head}{line}")
        head = indent


def print_rows(style, line, events, pings, chunks, groups):
    def row(label, text, colours=lambda c: None):
        print(f" {label:<{LABEL}}{style.paint(text.rstrip(), colours)}")

    downloaded, rate = download_row(line, chunks, style.bars)
    row("", line.scale())
    for name in events.there:
        row(name, network_row(line, events, name), {"=": GREEN, "-": None}.get)
    row("pings", ping_row(line, pings), lambda c: {".": GREEN, "o": YELLOW}.get(c, RED))
    row("download", downloaded, lambda c: BLUE)
    row("events", event_row(line, groups), lambda c: BOLD)
    print()
    print_wrapped(style, " " * (LABEL + 1), "networks: = used, - there; "
                  f"pings: . answered, o later than {LATE * 1000:.0f} ms, digits: that many lost, # more; "
                  f"download: {style.bars[-1]} {rate / 1e6:.0f} Mbit/s")
    print()


def print_events(style, line, groups):
    for letter, _, told in groups:
        for time, text in told:
            print_wrapped(style, f" {letter:<2}{time - line.begin:7.3f} s  ", text)
            letter = ""
    print()


def print_figures(style, events, pings, figures):
    gap, alone = pings.gap[1] - pings.gap[0], events.without_network(*pings.gap)
    text = (f"{len(pings.sent)} sent, {len(pings.lost())} lost, {len(pings.late())} late; longest gap "
            f"between two answers {gap:.2f} s")
    if alone >= 0.005:
        text += f", {alone:.2f} s of it without any network"
    for name, text in [("pings", text), *(figure.split("=", 1) for figure in figures)]:
        print_wrapped(style, f" {name:<{LABEL}}", text)


def draw(events, pings, chunks, figures):
    style = Style(sys.stdout)
    end = max([time for time, _ in chunks] + list(pings.sent.values()))
    line = Line(style, events.begin, end)
    told = [e for e in events.told if e[0] <= end]
    if chunks:
        told.append((chunks[-1][0], "the download is complete"))
    groups = event_groups(line, told)
    print_rows(style, line, events, pings, chunks, groups)
    print_events(style, line, groups)
    print_figures(style, events, pings, figures)


def read(name, parse):
    with open(os.path.join(sys.argv[1], name), encoding="utf-8", errors="replace") as f:
        return parse(f)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: timeline.py DIRECTORY [NAME=TEXT...]")
    try:
        draw(read("events", Events), read("ping", Pings), read("download", download_read), sys.argv[2:])
    except (OSError, ValueError) as e:
        sys.exit(f"timeline: {e}")


main()
