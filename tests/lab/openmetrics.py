#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""openmetrics.py [NAME[{LABEL="TEXT"}]...]: reads OpenMetrics text from standard input and is strict
about it; prints the value of each sample named, a line for each, empty where there is none."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
META = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)")
SAMPLE = re.compile(rf"({NAME})\{{(.*)\}} (-?[0-9][0-9.e+-]*)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
SUFFIXES = {"gauge": "", "counter": "_total", "info": "_info", "stateset": ""}


class Wrong(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Wrong(what)


def labels_of(text):
    found, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        need(m, f"labels {text}")
        need(m[1] not in found, f"the label {m[1]} twice")
        found[m[1]] = m[2]
        at = m.end()
        need(bool(m[3]) == (at < len(text)), f"labels end with a comma: {text}")
    return found


class Text:
    def __init__(self, text):
        self.families, self.samples, self.family = {}, {}, None
        need(text.endswith("# EOF\n"), "the end is not # EOF")
        for number, line in enumerate(text[: -len("# EOF\n")].split("\n")[:-1], 1):
            try:
                self.line(line)
            except Wrong as why:
                raise Wrong(f"line {number}: {why}") from None

    def line(self, line):
        meta = META.fullmatch(line)
        if meta:
            self.meta(*meta.groups())
            return
        sample = SAMPLE.fullmatch(line)
        need(sample, f"neither a sample nor about a family: {line}")
        self.sample(sample[1], labels_of(sample[2]), sample[3])

    def meta(self, kind, name, text):
        if kind == "TYPE":
            need(name not in self.families, f"the family {name} twice")
            need(text in SUFFIXES, f"the type {text}")
            self.families[name] = {"TYPE": text, "n": 0}
            self.family = name
            return
        need(name == self.family, f"{kind} of {name} is not with its family")
        need(kind not in self.families[name], f"{kind} of {name} twice")
        need(not self.families[name]["n"], f"{kind} of {name} comes behind samples")
        if kind == "UNIT":
            need(name.endswith("_" + text), f"{name} does not end with its unit {text}")
        self.families[name][kind] = text

    def sample(self, name, labels, value):
        family = self.families[self.family]
        need(name == self.family + SUFFIXES[family["TYPE"]], f"{name} is not of {self.family}")
        need("HELP" in family, f"{name} has no help")
        key = name + "{" + ",".join(f'{k}="{v}"' for k, v in sorted(labels.items())) + "}"
        need(key not in self.samples, f"{key} twice")
        number = float(value)
        need(family["TYPE"] != "counter" or number >= 0, f"{key} is negative")
        if family["TYPE"] == "info":
            need(number == 1, f"{key} is not 1")
        if family["TYPE"] == "stateset":
            need(self.family in labels, f"{key} does not tell its state")
            need(number in (0, 1), f"{key} is neither 0 nor 1")
        family["n"] += 1
        self.samples[key] = (name, labels, value)

    def find(self, wanted):
        name, _, rest = wanted.partition("{")
        labels = labels_of(rest.rstrip("}")) if rest else {}
        for sample, has, value in self.samples.values():
            if sample == name and labels.items() <= has.items():
                return value
        return ""


if __name__ == "__main__":
    try:
        document = Text(sys.stdin.read())
    except Wrong as why:
        sys.exit(f"openmetrics.py: {why}")
    for argument in sys.argv[1:]:
        print(document.find(argument))
