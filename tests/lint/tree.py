# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lint scripts share: the source files, and how a script ends."""
import os
import sys

SOURCE = os.path.realpath(
    os.environ.get("GODWIT_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
)
FOLDERS = "base packet crypto ike esp mobility tun net client gateway doctor cmd".split()


def files(*tops):
    """Paths relative to SOURCE of all files below these folders (default: the repository)."""
    for top in tops or ["."]:
        for where, folders, names in os.walk(os.path.join(SOURCE, top)):
            folders[:] = sorted(
                f for f in folders if f not in ("build", "corpus", "__pycache__", ".git")
            )
            for name in sorted(names):
                yield os.path.relpath(os.path.join(where, name), SOURCE)


def c_files(*tops):
    return (p for p in files(*tops) if p.endswith((".c", ".h")))


def lines(path):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as f:
        return f.read().split("\n")


def finish(problems, looked_at):
    """Prints the problems and exits 1; with none, says what was looked at. Nothing to look at
    is a problem as well."""
    for problem in problems:
        print(problem)
    if not looked_at:
        print("nothing found to look at")
    print(f"{looked_at} looked at, {len(problems)} problems")
    sys.exit(1 if problems or not looked_at else 0)
