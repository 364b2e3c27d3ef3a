# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tables of benches have in common: the machine, how they look, where they are written."""
import os
import platform


def machine(load):
    with open("/proc/cpuinfo") as f:
        model = next((x.split(":")[1].strip() for x in f if x.startswith("model name")), "unknown")
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release(),
            "load_before": [float(x) for x in load.split()], "load_after": list(os.getloadavg())}


def measured_on(about, rounds):
    """A sentence for the documentation: where, how often, and how busy it was."""
    loads = ", ".join(f"{about[k][1 if k == 'load_after' else 0]:.1f} {when}" for k, when in
                      (("load_before", "before it began"), ("load_after", "in its last 5 minutes")))
    return (f"{about['cpu']}, {about['cpus']} processors, Linux {about['kernel'].split('-')[0]}; "
            f"medians of {rounds} rounds. Load: {loads}.\n")


def verdict(met):
    return {True: "met    ", False: "NOT MET", None: "?      "}[met]


def show(title, lines):
    lines = [[str(x) for x in line] for line in lines]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    print(f"\n{title}")
    for line in lines:
        print("  ".join(f"{text:<{w}}" for text, w in zip(line, widths)).rstrip())


def markdown(lines):
    lines = list(lines)
    head = ["| " + " | ".join(lines[0]) + " |", "|" + " --- |" * len(lines[0])]
    return "\n".join(head + ["| " + " | ".join(line) + " |" for line in lines[1:]]) + "\n"


def replace_between(path, begin, end, text):
    """What lies between two marks of a file."""
    with open(path) as f:
        before, rest = f.read().split(begin)
    with open(path, "w") as f:
        f.write(f"{before}{begin}\n\n{text}\n{end}" + rest.split(end)[1])
