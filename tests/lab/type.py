# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: type.py TRANSCRIPT [WAIT_FOR TYPE]... -- COMMAND...

Runs a command at a terminal of its own and plays a person: waits until each text is shown, then
types the other one and Enter, which a control character alone does without. The transcript says
what was on the screen, and in its last line whether the terminal echoes afterwards. Exit code: the
command's.
"""
import fcntl
import os
import select
import sys
import termios
import time

PATIENCE_S = 40


def child(near, words):
    os.setsid()
    fcntl.ioctl(near, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(near, fd)
    os.execvp(words[0], words)


def play(pid, far, steps):
    """The screen and the exit code, when the command has ended."""
    screen = bytearray()
    seen = 0
    end = time.monotonic() + PATIENCE_S
    status = None
    while status is None or select.select([far], [], [], 0)[0]:
        if status is None:
            ended, code = os.waitpid(pid, os.WNOHANG)
            status = os.waitstatus_to_exitcode(code) if ended else None
        if select.select([far], [], [], 0.05)[0]:
            screen += os.read(far, 65536)
        if steps and screen.find(steps[0][0].encode(), seen) >= 0:
            seen = len(screen)
            typed = steps.pop(0)[1]
            os.write(far, typed.encode() + (b"" if typed and typed < " " else b"\n"))
        if status is None and time.monotonic() > end:
            os.kill(pid, 9)
    return screen, status


def main():
    transcript, *words = sys.argv[1:]
    at = words.index("--")
    steps = list(zip(words[:at:2], words[1:at:2]))
    # Both ends stay open here, so that the terminal can be looked at afterwards.
    far, near = os.openpty()
    pid = os.fork()
    if pid == 0:
        child(near, words[at + 1:])
    screen, status = play(pid, far, steps)
    echoes = termios.tcgetattr(near)[3] & termios.ECHO
    with open(transcript, "wb") as f:
        f.write(screen.replace(b"\r", b"") + (b"\necho on\n" if echoes else b"\necho off\n"))
    sys.exit(status if status >= 0 else 128 - status)


main()
