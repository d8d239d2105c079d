# SPDX-License-Identifier: Apache-2.0
"""What every bench says while it runs, and of which sources."""
import os
import subprocess
import sys
import time

from .services import ROOT


def say(text):
    print(f"bench: {time.strftime('%H:%M:%S')} load {os.getloadavg()[0]:.1f}  {text}",
          file=sys.stderr, flush=True)


def git(*words):
    done = subprocess.run(["git", "-C", ROOT, *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return done.stdout.strip()


def commit():
    """The commit that was measured; a star says that the sources differed from it."""
    head = git("rev-parse", "--short", "HEAD") or "unknown"
    return head + ("*" if git("status", "--porcelain", "--", "src", "include", "cmake") else "")
