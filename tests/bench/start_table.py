#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the measurements of `start` came to: medians and bars; as a table, JSON and Markdown.

usage: start_table.py FIGURES.jsonl OUTPUT.json LOAD [DOCS]

LOAD: the machine's load averages when it began. With DOCS, a directory, performance-start.json in it is
written, and what lies between the marks in performance.md.
Exit status: 1 when godwit misses a bar."""
import itertools
import json
import os
import shutil
import statistics
import sys

from report import machine, markdown, measured_on, replace_between, show, verdict

NAMES = {"godwit": "godwit, main mode", "godwit-user": "godwit, vpnc's exchange",
         "godwit-user-strongswan": "godwit, vpnc's exchange, strongSwan's gateway",
         "godwit-demand": "godwit, quick mode on demand",
         "godwit-demand-strongswan": "godwit, quick mode on demand, strongSwan's gateway", "vpnc": "vpnc",
         "vpnc-strongswan": "vpnc, strongSwan's gateway", "openvpn-server": "OpenVPN",
         "wireguard": "wireguard-go", "wireguard-new": "wireguard-go, offloads"}
BEGIN, END = "<!-- measured: tests/bench/start writes this -->", "<!-- end of what start measured -->"

# Round trips until the first reply, by what each exchange is; the last one is the echo's own. The last
# message of an exchange of three leaves together with the first of the next.
#	main mode         3 (RFC 2409 section 5, six messages)
#	aggressive mode   1 (the same, three messages)
#	XAUTH             2 where the gateway begins, as it must: its question, the answer and the verdict
#	                  (draft-beaulieu-ike-xauth section 4); the question answers phase 1's last message
#	Mode Config       1 (draft-dukes-ike-mode-cfg section 2, request and reply)
#	quick mode        1 (RFC 2409 section 5.5, three messages)
#	WireGuard         1 (the initiator may send behind the response)
#	OpenVPN           reset, TLS 1.3's two ways and the options of both, the options pushed: 4
NEEDS = {"godwit": 3 + 1 + 1 + 1, "godwit-user": 1 + 2 + 1 + 1 + 1, "vpnc": 1 + 2 + 1 + 1 + 1,
         "wireguard": 1 + 1, "openvpn": 4 + 1}
DEMAND_NEEDS = {"godwit": 1 + 1, "wireguard": 1 + 1}


def name(peer):
    if peer in NAMES:
        return NAMES[peer]
    kind, more = peer.rsplit("-", 1)
    return f"{NAMES.get(kind, kind)} ({more})"


def needs(table, peer):
    """By the longest beginning of its name that is known."""
    return table[max((k for k in table if peer.startswith(k)), key=len)]


class Figures:
    """Of each program, round trip, measurement and figure: what all rounds gave."""

    def __init__(self, path):
        self.all, self.keys = {}, []
        with open(path) as f:
            for line in f:
                row = json.loads(line)
                key = (row["peer"], row["rtt"], row["what"])
                if key not in self.keys:
                    self.keys.append(key)
                for figure, value in row["figures"].items():
                    if value is not None:
                        self.all.setdefault((*key, figure), []).append(value)

    def peers(self, what):
        return list(dict.fromkeys(p for p, _, w in self.keys if w == what))

    def rtts(self):
        return sorted({r for _, r, _ in self.keys if r})

    def get(self, *key):
        values = self.all.get(key)
        return round(statistics.median(values), 1) if values else None

    def spread(self, *key):
        values = self.all.get(key)
        return f"{min(values):.1f}-{max(values):.1f}" if values else "–"

    def trips(self, peer, rtt):
        """As the times have it: by how many round trips the longer one is longer."""
        far, near = self.get(peer, rtt, "first", "ms"), self.get(peer, 0, "first", "ms")
        return None if far is None or near is None else round((far - near) / rtt, 2)


def text(value, form="{:.1f}"):
    return "–" if value is None else form.format(value)


def first_rows(figures):
    head = ["", "round trip 0, ms", "from-to"]
    for rtt in figures.rtts():
        head += [f"{rtt}, ms", "from-to", "round trips by time", "in the capture", "needed"]
    yield head
    for peer in figures.peers("first"):
        line = [name(peer), text(figures.get(peer, 0, "first", "ms")),
                figures.spread(peer, 0, "first", "ms")]
        for rtt in figures.rtts():
            line += [text(figures.get(peer, rtt, "first", "ms")),
                     figures.spread(peer, rtt, "first", "ms"),
                     text(figures.trips(peer, rtt), "{:.2f}"),
                     text(figures.get(peer, rtt, "first", "trips"), "{:.0f}"),
                     str(needs(NEEDS, peer))]
        yield line


def demand_rows(figures):
    yield ["", "round trip, ms", "connect(), ms", "from-to", "negotiation", "SYNs at the server",
           "round trips", "needed"]
    for peer in figures.peers("demand"):
        for rtt in figures.rtts():
            key = (peer, rtt, "demand")
            syns = figures.all.get((*key, "syns"), [])
            yield [name(peer), str(rtt), text(figures.get(*key, "ms")), figures.spread(*key, "ms"),
                   text(figures.get(*key, "setup_ms")),
                   "–" if not syns else "-".join(str(x) for x in sorted({min(syns), max(syns)})),
                   text(figures.get(*key, "trips"), "{:.0f}"), str(needs(DEMAND_NEEDS, peer))]


def no_more(what, value, limit):
    """(what, figure, met): met is None where something has not been measured."""
    if value is None or limit is None:
        return what, "not measured", None
    return what, f"{value:g} against {limit:g}", value <= limit


def first_bars(figures):
    def at(peer, rtt=0, figure="ms"):
        return figures.get(peer, rtt, "first", figure)

    # Its gateway does not spend 20 ms on purpose on a password.
    for peer in ("godwit", "godwit-user-strongswan"):
        yield no_more(f"{name(peer)}: start to first reply <= 25 ms", at(peer), 25)
    for gateway, where in (("", ""), ("-strongswan", ", strongSwan's gateway")):
        yield no_more(f"vpnc's exchange{where}: <= vpnc", at("godwit-user" + gateway),
                      at("vpnc" + gateway))
    for rtt in figures.rtts():
        for peer in ("godwit", "godwit-user", "godwit-user-strongswan"):
            trips, least = figures.trips(peer, rtt), needs(NEEDS, peer)
            yield no_more(f"{name(peer)}: round trips in the capture of {rtt} ms",
                          at(peer, rtt, "trips"), least)
            yield no_more(f"{name(peer)}: round trips by time, rounded",
                          None if trips is None else round(trips), least)


def demand_bars(figures):
    for peer, rtt in itertools.product(("godwit-demand", "godwit-demand-strongswan"),
                                       figures.rtts()):
        key = (peer, rtt, "demand")
        syns, setup = figures.all.get((*key, "syns")), figures.get(*key, "setup_ms")
        yield (f"{name(peer)}, round trip {rtt} ms: 1 SYN",
               f"{max(syns)} at most in {len(syns)}" if syns else "not measured",
               set(syns) == {1} if syns else None)
        # The client waits for strongSwan to have made its SA.
        if peer == "godwit-demand":
            yield no_more(f"{name(peer)}, round trip {rtt} ms: connect() <= negotiation + 1.2 of it",
                          figures.get(*key, "ms"), None if setup is None else setup + 1.2 * rtt)


def wishes(figures):
    yield no_more("godwit, main mode: start to first reply, round trip 0, <= OpenVPN",
                  figures.get("godwit", 0, "first", "ms"),
                  figures.get("openvpn-server", 0, "first", "ms"))
    for rtt in figures.rtts():
        for peer in ("wireguard", "wireguard-new"):
            yield no_more(f"godwit on demand, round trip {rtt} ms: connect() <= {name(peer)}",
                          figures.get("godwit-demand", rtt, "demand", "ms"),
                          figures.get(peer, rtt, "demand", "ms"))


def publish(tables, judged, about, rounds, docs, output):
    shutil.copyfile(output, os.path.join(docs, "performance-start.json"))
    parts = [measured_on(about, rounds)]
    for title, rows in tables.items():
        parts += [f"### {title}\n", markdown(rows)]
    lines = [[w, f, {True: "met", False: "**not met**", None: "?"}[m]] for w, f, m in judged["bars"]]
    lines += [[w, f, {True: "reached", False: "not reached", None: "?"}[m]]
              for w, f, m in judged["wishes"]]
    parts += ["### Starts: bars, and what is meant to be reached\n",
              markdown([["bar", "measured", ""]] + lines)]
    replace_between(os.path.join(docs, "performance.md"), BEGIN, END, "\n".join(parts))


def main():
    path, output, load = sys.argv[1:4]
    figures, about = Figures(path), machine(load)
    tables = {"From the start to the first reply": list(first_rows(figures)),
              "A connect() that is the first to need keys": list(demand_rows(figures))}
    judged = {"bars": [*first_bars(figures), *demand_bars(figures)], "wishes": list(wishes(figures))}
    for title, rows in tables.items():
        show(title, rows)
    print("\nbars")
    for what, figure, met in judged["bars"]:
        print(f"{verdict(met)}  {what}: {figure}")
    print("\nmeant to be reached")
    for what, figure, met in judged["wishes"]:
        print(f"{ {True: 'yes', False: 'no ', None: '?  '}[met]}  {what}: {figure}")
    with open(output, "w") as f:
        json.dump({
            "machine": about,
            "figures": [dict(zip(("peer", "rtt_ms", "what", "figure"), k), median=statistics.median(v),
                             values=v) for k, v in figures.all.items() if k[3] != "story"],
            "stories": [dict(zip(("peer", "rtt_ms", "what"), k),
                             story=figures.all[(*k, "story")][-1]) for k in figures.keys],
            **{k: [dict(what=w, figure=f_, met=m) for w, f_, m in v] for k, v in judged.items()},
        }, f, indent=1)
        f.write("\n")
    if len(sys.argv) > 4:
        rounds = max(len(v) for v in figures.all.values())
        publish(tables, judged, about, rounds, sys.argv[4], output)
    sys.exit(0 if all(m is not False for _, _, m in judged["bars"]) else 1)


main()
