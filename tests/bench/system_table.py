#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the measurements of `system` came to: medians, ratios, bars; as a table, JSON, Markdown and SVG.

usage: system_table.py FIGURES.jsonl OUTPUT.json LOAD [DOCS]

LOAD: the machine's load averages when it began. With DOCS, a directory, performance.json and
performance.svg in it are written, and what lies between the marks in performance.md.
Exit status: 1 when godwit misses a bar."""
import json
import os
import shutil
import statistics
import sys
from xml.sax.saxutils import escape

from report import machine, markdown, measured_on, replace_between, show, verdict

NAMES = {"plain": "no tunnel", "godwit": "godwit", "vpnc": "vpnc",
         "vpnc-strongswan": "vpnc, strongSwan's gateway", "openvpn": "OpenVPN",
         "strongswan": "strongSwan, libipsec", "wireguard": "wireguard-go",
         "wireguard-new": "wireguard-go, offloads"}
BEGIN, END = "<!-- measured: tests/bench/system writes this -->", "<!-- end of what is measured -->"

# (scenario, what, figure, heading, format), by table.
TABLES = {
    "TCP": [
        ("on", "tcp-up", "mbit_s", "up, Mbit/s", "{:.0f}"),
        ("on", "tcp-down", "mbit_s", "down", "{:.0f}"),
        ("on", "tcp-up-4", "mbit_s", "4 up", "{:.0f}"),
        ("on", "tcp-down-4", "mbit_s", "4 down", "{:.0f}"),
        ("on", "tcp-up", "client_s_gb", "client's CPU s/GB up", "{:.2f}"),
        ("on", "tcp-down", "client_s_gb", "down", "{:.2f}"),
        ("on", "tcp-up", "gateway_s_gb", "gateway's up", "{:.2f}"),
        ("on", "tcp-down", "gateway_s_gb", "down", "{:.2f}"),
        ("off", "tcp-up", "mbit_s", "offloads off: up", "{:.0f}"),
        ("off", "tcp-down", "mbit_s", "down", "{:.0f}"),
    ],
    "UDP and echoes": [
        ("on", "udp-64", "packets_s", "64 bytes, packets/s", "{:.0f}"),
        ("on", "udp-1400", "packets_s", "1400 bytes, packets/s", "{:.0f}"),
        ("on", "udp-64-20k", "both_us", "CPU us per packet at 20000/s, both ends", "{:.1f}"),
        ("on", "udp-64-20k", "lost_percent", "lost, %", "{:.1f}"),
        ("on", "latency", "echo_ms", "echo, ms", "{:.2f}"),
        ("on", "latency", "echo_p99_ms", "99 %", "{:.2f}"),
        ("on", "tcp-up", "echo_ms", "beside TCP up", "{:.1f}"),
        ("on", "tcp-up", "echo_p99_ms", "99 %", "{:.1f}"),
        ("on", "tcp-down", "echo_ms", "beside TCP down", "{:.1f}"),
        ("on", "tcp-down", "echo_p99_ms", "99 %", "{:.1f}"),
    ],
    "Memory and rest": [
        ("on", "memory", "client_now_mb", "client idle, MB", "{:.1f}"),
        ("on", "memory-after", "client_most_mb", "at most", "{:.1f}"),
        ("on", "memory", "gateway_now_mb", "gateway idle", "{:.1f}"),
        ("on", "memory-after", "gateway_most_mb", "at most", "{:.1f}"),
        ("on", "idle", "wakeups_min", "client's wakeups/min, idle", "{:.0f}"),
    ],
}
# (figure, heading, is more better) of the plot.
PLOT = [
    (("on", "tcp-up", "mbit_s"), "TCP up, one stream: Mbit/s"),
    (("on", "tcp-down", "mbit_s"), "TCP down, one stream: Mbit/s"),
    (("on", "tcp-up", "client_s_gb"), "Client's CPU seconds per GB up (less is better)"),
    (("on", "tcp-down", "client_s_gb"), "Client's CPU seconds per GB down (less is better)"),
    (("on", "udp-64", "packets_s"), "UDP, 64 bytes: packets/s delivered"),
    (("on", "udp-64-20k", "both_us"), "CPU us per packet, both ends (less is better)"),
]


def name(peer):
    if peer is None:
        return "of none"
    if not peer.startswith("godwit-"):
        return NAMES.get(peer, peer)
    words = peer.removeprefix("godwit-").split("-")
    raw = ["raw ESP"] if words[-1] == "esp" else []
    return ", ".join(["godwit", *words[: len(words) - len(raw)], *raw])


class Figures:
    """Of each program, scenario, measurement and figure: what all rounds gave."""

    def __init__(self, path):
        self.all, self.peers = {}, []
        with open(path) as f:
            for line in f:
                row = json.loads(line)
                if row["peer"] not in self.peers:
                    self.peers.append(row["peer"])
                for figure, value in row["figures"].items():
                    if value is not None:
                        key = (row["peer"], row["offloads"], row["what"], figure)
                        self.all.setdefault(key, []).append(value)

    def get(self, peer, *key):
        values = self.all.get((peer, *key))
        return statistics.median(values) if values else None

    def spread(self, peer, *key):
        values = self.all.get((peer, *key), [0])
        return min(values), max(values)

    def best(self, *key):
        """Of the others' tunnels: (value, whose)."""
        others = [(self.get(p, *key), p) for p in self.peers
                  if p != "plain" and not p.startswith("godwit")]
        return max([o for o in others if o[0] is not None], default=(None, None))


def bars(figures, own):
    """(what, figure, met): met is None where something has not been measured."""
    def against(what, value, other, factor, more):
        if not value or not other:
            return what, "not measured", None
        ratio = value / other
        return (what, f"{ratio:.2f} x ({value:g} against {other:g})",
                ratio >= factor if more else ratio <= factor)

    get = figures.get
    for way in ("tcp-up", "tcp-down"):
        key = ("on", way, "mbit_s")
        for peer, factor in (("wireguard-new", 2), ("vpnc", 12), ("vpnc-strongswan", 12)):
            if peer not in figures.peers:
                continue
            yield against(f"{way} >= {factor} x {name(peer)}", get(own, *key), get(peer, *key),
                          factor, True)
        key = ("on", way, "client_s_gb")
        yield against(f"{way}: client's CPU s/GB <= 0.5 x {name('wireguard-new')}", get(own, *key),
                      get("wireguard-new", *key), 0.5, False)
        key = ("off", way, "mbit_s")
        other, peer = figures.best(*key)
        yield against(f"{way}, offloads off, >= 1.5 x the best ({name(peer)})", get(own, *key), other,
                      1.5, True)
    key = ("on", "udp-64", "packets_s")
    other, peer = figures.best(*key)
    yield against(f"UDP 64 bytes delivered >= 1.5 x the best ({name(peer)})", get(own, *key), other,
                  1.5, True)
    yield against("UDP 64 bytes delivered by raw ESP >= 0.8 x in UDP", get(own + "-esp", *key),
                  get(own, *key), 0.8, True)
    key = ("on", "udp-64-20k", "both_us")
    yield against("CPU us per packet at 20000/s, both ends, <= 0.7 x OpenVPN", get(own, *key),
                  get("openvpn", *key), 0.7, False)
    for what, figure, limit in (("memory", "client_now_mb", 12), ("memory-after", "client_most_mb", 32)):
        value = get(own, "on", what, figure)
        yield (f"client's memory {'idle' if limit == 12 else 'at most'} <= {limit} MB",
               "not measured" if value is None else f"{value:.1f} MB",
               None if value is None else value <= limit)


def rows(figures, columns):
    yield ["", *(c[3] for c in columns)]
    for peer in figures.peers:
        values = [(figures.get(peer, *c[:3]), c[4]) for c in columns]
        if peer == "plain":
            values = [(v or None, form) for v, form in values]
        yield [name(peer), *("–" if v is None else form.format(v) for v, form in values)]


def ratio_rows(figures, own):
    """How many times as much as each of the others."""
    columns = [c for c in TABLES["TCP"] + TABLES["UDP and echoes"]
               if c[2] in ("mbit_s", "packets_s", "client_s_gb", "both_us")]
    headings = {"tcp-up": "TCP up", "tcp-down": "TCP down", "tcp-up-4": "4 up", "tcp-down-4": "4 down",
                "udp-64": "UDP 64", "udp-1400": "UDP 1400", "udp-64-20k": "CPU/packet"}
    yield ["", *(("offloads off: " if c[0] == "off" else "") +
                 ("CPU/GB, " if c[2] == "client_s_gb" else "") + headings[c[1]] for c in columns)]
    for peer in figures.peers:
        if peer == "plain" or peer == own:
            continue
        line = [name(peer)]
        for c in columns:
            ours, theirs = figures.get(own, *c[:3]), figures.get(peer, *c[:3])
            line.append(f"{ours / theirs:.2f}" if ours and theirs else "–")
        yield line


def panel(figures, key, title, x, y, peers):
    """One heading and a bar for each program, with a thin line from the least to the most."""
    top = max([figures.spread(p, *key)[1] for p in peers] + [1e-9])
    out = [f'<text x="{x}" y="{y}" class="t">{escape(title)}</text>']
    for i, peer in enumerate(peers):
        at, value = y + 10 + i * 20, figures.get(peer, *key)
        out.append(f'<text x="{x + 168}" y="{at + 12}" class="n">{escape(name(peer))}</text>')
        if value is None:
            continue
        low, high = (x + 175 + v / top * 190 for v in figures.spread(peer, *key))
        kind = "own" if peer.startswith("godwit") else "other"
        out.append(f'<rect x="{x + 175}" y="{at}" width="{value / top * 190:.1f}" height="15" '
                   f'class="{kind}"/>')
        out.append(f'<path d="M{low:.1f} {at + 7.5}H{high:.1f}" class="s"/>')
        out.append(f'<text x="{high + 6:.1f}" y="{at + 12}" class="v">'
                   f'{value:.{0 if value >= 100 else 1}f}</text>')
    return out


def svg(figures):
    peers = [p for p in figures.peers if p != "plain"]
    height = 50 + 20 * len(peers)
    rows_ = (len(PLOT) + 1) // 2
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="880" height="{rows_ * height + 10}" '
           f'font-family="sans-serif" font-size="12">',
           "<style>.t{font-weight:bold}.n{text-anchor:end}.own{fill:#1b6ca8}.other{fill:#b5b5b5}"
           ".s{stroke:#222;fill:none}.v{fill:#222}</style>",
           '<rect width="100%" height="100%" fill="#fff"/>']
    for i, (key, title) in enumerate(PLOT):
        out += panel(figures, key, title, 5 + i % 2 * 440, 25 + i // 2 * height, peers)
    return "\n".join(out + ["</svg>"]) + "\n"


def publish(figures, judged, about, docs, output):
    shutil.copyfile(output, os.path.join(docs, "performance.json"))
    with open(os.path.join(docs, "performance.svg"), "w") as f:
        f.write(svg(figures))
    rounds = max(len(v) for k, v in figures.all.items() if k[2] != "memory")
    text = [measured_on(about, rounds)]
    for title, columns in TABLES.items():
        text += [f"### {title}\n", markdown(rows(figures, columns))]
    for own, verdicts in judged.items():
        text += [f"### {name(own)}: times the others\n", markdown(ratio_rows(figures, own)),
                 f"### {name(own)}: bars\n",
                 markdown([["bar", "measured", ""]] +
                          [[w, f, {True: "met", False: "**not met**", None: "?"}[m]]
                           for w, f, m in verdicts])]
    replace_between(os.path.join(docs, "performance.md"), BEGIN, END, "\n".join(text))


def main():
    path, output, load = sys.argv[1:4]
    figures, about = Figures(path), machine(load)
    own = [p for p in figures.peers if p.startswith("godwit") and not p.endswith("-esp")]
    judged = {p: list(bars(figures, p)) for p in own}
    for title, columns in TABLES.items():
        show(title, rows(figures, columns))
    for peer, verdicts in judged.items():
        show(f"{name(peer)}: times the others", ratio_rows(figures, peer))
        print(f"\n{name(peer)}: bars")
        for what, figure, met in verdicts:
            print(f"{verdict(met)}  {what}: {figure}")
    with open(output, "w") as f:
        json.dump({
            "machine": about,
            "figures": [dict(zip(("peer", "offloads", "what", "figure"), k),
                             median=statistics.median(v), values=v) for k, v in figures.all.items()],
            "bars": {p: [dict(bar=w, figure=f_, met=m) for w, f_, m in v] for p, v in judged.items()},
        }, f, indent=1)
        f.write("\n")
    if len(sys.argv) > 4:
        publish(figures, judged, about, sys.argv[4], output)
    sys.exit(0 if all(m is not False for _, _, m in judged.get("godwit", [])) else 1)


main()
