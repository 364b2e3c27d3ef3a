#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the moves came to, as a table and as JSON, and whether godwit meets its bars.

usage: roam_table.py MOVES.jsonl OUTPUT.json

Exit status: 1 when a bar is missed."""
import json
import os
import platform
import statistics
import sys

NAMES = {"godwit": "godwit", "strongswan": "strongSwan IKEv2 MOBIKE", "vpnc": "vpnc",
         "wireguard": "wireguard-go", "wireguard-new": "wireguard-go, offloads"}


def median(values):
    return round(statistics.median(values), 2) if values else None


def summary(moves):
    """Of one program, path and kind. Who does not come back has no outage: it has no end."""
    came = [m for m in moves if m["back"]]
    outages = [m["outage_ms"] for m in came]
    half = len(came) * 2 > len(moves)
    return {
        "moves": len(moves), "back": len(came),
        "outage_ms": median(outages) if half else None,
        "outage_min_ms": min(outages, default=None), "outage_max_ms": max(outages, default=None),
        "since_ms": median([m["since_ms"] for m in came]) if half else None,
        "without_ms": median([m["without_ms"] for m in moves]),
        "lost": median([m["lost"] for m in moves]), "lost_max": max(m["lost"] for m in moves),
        "lost_all": sum(m["lost"] for m in moves),
        "prober_ms": median([m["prober_ms"] for m in moves]),
    }


def no_more(figure, limit):
    return figure is not None and figure <= limit


def bars(rows):
    """(what, figure, met): those of godwit, of what has been measured."""
    for (peer, scenario, kind), r in sorted(rows.items(), key=lambda x: (x[0][1], x[0][2])):
        if peer != "godwit":
            continue
        path, rtt = scenario.split(":")[0], int(scenario.split(":")[1])
        where = f"{kind}, {'NAT' if path == 'nat' else 'no NAT'}, round trip {rtt} ms"
        limit = rtt + 10
        other = rows.get(("wireguard-new", scenario, kind))
        if kind == "soft":
            yield f"{where}: 0 lost", f"{r['lost_all']} in {r['moves']} moves", r["lost_all"] == 0
        elif kind == "gap":
            yield (f"{where}: from the new address <= {limit} ms", f"{r['since_ms']} ms",
                   no_more(r["since_ms"], limit))
        else:
            yield (f"{where}: outage <= {limit} ms", f"{r['outage_ms']} ms",
                   no_more(r["outage_ms"], limit))
        if kind == "hard" and rtt == 0 and path == "plain" and other:
            yield (f"{where}: below wireguard-go, offloads",
                   f"{r['outage_ms']} against {other['outage_ms']} ms",
                   r["outage_ms"] is not None and
                   (other["outage_ms"] is None or r["outage_ms"] < other["outage_ms"]))


def show(value, form="{:.1f}"):
    return "never" if value is None else form.format(value)


def table(rows):
    head = ("path:rtt", "kind", "program", "moves", "outage ms (min-max)", "from new address",
            "probes lost (max)", "prober")
    lines = [head]
    for (peer, scenario, kind), r in sorted(rows.items(), key=lambda x: (x[0][1], x[0][2])):
        spread = f" ({r['outage_min_ms']:.1f}-{r['outage_max_ms']:.1f})" if r["back"] else ""
        lines.append((scenario, kind, NAMES[peer], f"{r['back']}/{r['moves']}",
                      show(r["outage_ms"]) + spread, show(r["since_ms"]),
                      f"{r['lost']:.0f} ({r['lost_max']})", f"{r['prober_ms']:.1f}"))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(f"{text:<{w}}" for text, w in zip(line, widths)).rstrip())


def main():
    groups = {}
    with open(sys.argv[1]) as f:
        for line in f:
            m = json.loads(line)
            groups.setdefault((m["peer"], m["scenario"], m["kind"]), []).append(m["move"])
    rows = {key: summary(moves) for key, moves in groups.items()}
    table(rows)
    met = list(bars(rows))
    print()
    for what, figure, good in met:
        print(f"{'met    ' if good else 'NOT MET'}  {what}: {figure}")
    with open(sys.argv[2], "w") as f:
        json.dump({
            "machine": {"cpus": os.cpu_count(), "kernel": platform.release(),
                        "load": os.getloadavg()},
            "rows": [dict(peer=k[0], path=k[1].split(":")[0], rtt_ms=int(k[1].split(":")[1]),
                          kind=k[2], **r) for k, r in rows.items()],
            "bars": [dict(bar=w, figure=f_, met=g) for w, f_, g in met],
        }, f, indent=1)
        f.write("\n")
    sys.exit(0 if all(g for _, _, g in met) else 1)


main()
