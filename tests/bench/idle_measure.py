#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""How often the threads of programs are woken.

usage: idle_measure.py SECONDS OUTPUT.json [FILE.md] LABEL=NAMESPACE...

A thread is woken as often as it has gone to sleep: that is its count of voluntary context switches.
Of each network namespace all threads that run there count, by their names. Prints a table, writes JSON,
and what lies between the marks in FILE.md."""
import json
import os
import subprocess
import sys
import time

BEGIN, END = "<!-- idle: tests/bench/idle writes this -->", "<!-- end of idle -->"
KINDS = {"godwit-tx": "tx", "godwit-rx": "rx"}


def sleeps(namespace):
    """{thread: (name, times)} of all that runs there."""
    said = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True)
    found = {}
    for pid in said.stdout.split():
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as f:
                fields = dict(line.rstrip("\n").split(":", 1) for line in f if ":" in line)
            found[task] = fields["Name"].strip(), int(fields["voluntary_ctxt_switches"])
    return found


def figures(before, after, seconds):
    row = {"threads": len(after), "control": 0, "tx": 0, "rx": 0}
    for task, (name, times) in after.items():
        row[KINDS.get(name, "control")] += times - before.get(task, (name, 0))[1]
    for key in ("control", "tx", "rx"):
        row[key] = round(row[key] * 60 / seconds, 1)
    return {"wakeups_min": round(row["control"] + row["tx"] + row["rx"], 1), **row}


def table(rows):
    lines = ["| | wakeups/min | control | tx | rx |", "| --- | --- | --- | --- | --- |"]
    for label, row in rows.items():
        own = label.startswith(("godwit", "its"))
        parts = [f"{row[key]:.1f}" if own else "–" for key in ("control", "tx", "rx")]
        lines.append(" | ".join([f"| {label}", f"{row['wakeups_min']:.1f}", *parts]) + " |")
    return "\n".join(lines)


def publish(path, text):
    with open(path) as f:
        whole = f.read()
    begin, end = whole.index(BEGIN) + len(BEGIN), whole.index(END)
    with open(path, "w") as f:
        f.write(f"{whole[:begin]}\n\n{text}\n\n{whole[end:]}")


def main():
    seconds, output, *rest = sys.argv[1:]
    seconds = int(seconds)
    docs = rest.pop(0) if "=" not in rest[0] else None
    names = dict(word.rsplit("=", 1) for word in rest)
    before = {label: sleeps(ns) for label, ns in names.items()}
    time.sleep(seconds)
    rows = {label: figures(before[label], sleeps(ns), seconds) for label, ns in names.items()}
    with open(output, "w") as f:
        json.dump({"seconds": seconds, "idle": rows}, f, indent=1)
    print(table(rows))
    if docs:
        publish(docs, table(rows))


main()
