#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the whole tree against the house rules: prints file:line: rule: remedy, exits 1 if any."""
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rules  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LEFT_OUT = ("build/", ".cache/", ".git/")
# The rules' own words and snippets would trip the rules.
QUOTES_RULES = ("tests/tidy/", "LICENSE")


def files_of(root):
    """What git tracks or would track; without git, everything that is no build's output."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    return sorted(name for name in set(names)
                  if not name.startswith(LEFT_OUT) and (root / name).is_file())


def check_text(path, text):
    """Every finding of every rule in one file: (line, rule, remedy)."""
    for rule in rules.RULES:
        if path.startswith(QUOTES_RULES) and rule in (rules.nothing_is_left_to_do,):
            continue
        yield from rule(path, text)
    if not path.startswith(QUOTES_RULES):
        yield from rules.nothing_of_this_machine(path, text, ROOT, pathlib.Path.home())


def check_file(root, path):
    size = os.path.getsize(root / path)
    if size > rules.MOST_FILE_BYTES:
        return [(1, "file-size", f"{size} bytes: generate it, or fetch it in ./dev setup")]
    content = (root / path).read_bytes()
    if b"\0" in content:
        return []
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return [(1, "encoding", "write it in UTF-8")]
    return sorted(check_text(path, text))


def main():
    names = files_of(ROOT)
    count = 0
    for path in names:
        for line, rule, remedy in check_file(ROOT, path):
            print(f"{path}:{line}: {rule}: {remedy}")
            count += 1
    print(f"tidy: {len(names)} files, {count} findings")
    return 1 if count or not names else 0


if __name__ == "__main__":
    sys.exit(main())
