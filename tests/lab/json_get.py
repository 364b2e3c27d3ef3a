#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""json_get.py KEY...: reads JSON from standard input, prints the value of each dotted KEY
(numbers index lists), a line for each; an empty line where there is none."""
import json
import sys


def get(value, key):
    for part in key.split("."):
        if isinstance(value, list):
            value = value[int(part)] if int(part) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return ""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


document = json.load(sys.stdin)
for name in sys.argv[1:]:
    print(get(document, name))
