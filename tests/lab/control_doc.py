#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""control_doc.py DOCUMENT SOCKET: sends each request that the document shows to a running connection. Each
answer must have the keys of the example beneath it, of the same types, and rows of lists no others."""
import json
import re
import socket
import sys

EXAMPLE = re.compile(r"^> (.*)\n< ((?:.*\n)(?:   .*\n)*)", re.M)


def differences(path, shown, got):
    if shown is None or got is None:
        return
    kinds = [float if isinstance(v, (int, float)) and not isinstance(v, bool) else type(v) for v in (shown, got)]
    if kinds[0] is not kinds[1]:
        yield f"{path}: {kinds[1].__name__} in place of {kinds[0].__name__}"
    elif isinstance(shown, dict):
        for key in shown:
            if key not in got:
                yield f"{path}.{key}: missing"
            else:
                yield from differences(f"{path}.{key}", shown[key], got[key])
        if path.endswith("]") and set(got) - set(shown):
            yield f"{path}: not in the document: {sorted(set(got) - set(shown))}"
    elif isinstance(shown, list):
        for i, row in enumerate(got):
            like = [s for s in shown if s.get("type") == row.get("type")]
            if like:
                yield from differences(f"{path}[{i}]", like[0], row)


with open(sys.argv[1], encoding="utf-8") as f:
    examples = EXAMPLE.findall(f.read())
problems, sent = [], set()
for request, shown in examples:
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(40)
    s.connect(sys.argv[2])
    s.sendall(request.encode() + b"\n")
    line = s.makefile(encoding="utf-8").readline()
    s.close()
    sent.add(json.loads(request)["cmd"])
    try:
        problems += [f"{request}: {d}" for d in differences("$", json.loads(shown), json.loads(line))]
    except ValueError as why:
        problems.append(f"{request}: {why}: {line!r}")
for problem in problems:
    print(f"control_doc.py: {problem}", file=sys.stderr)
print(len(examples), *sorted(sent))
sys.exit(1 if problems or not examples else 0)
