#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Code in the documentation is a piece of a test that ran, and event types in it are types of the
examples: compares them, exits 1 if they differ.

In a page:  <!-- example NAME of PATH -->  and the code block under it.
In PATH:    // [example NAME]  …  // [end]
"""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
EVENT_TYPE = r"\b(?:ORDER|STOCK|PRODUCT|PRICE|QUEUE)_[A-Z]+\b"
IN_PAGE = re.compile(r"<!-- example (\S+) of (\S+) -->\n+```\w*\n(.*?)```", re.DOTALL)


def in_test(name, path):
    """The example's lines without their indentation; nothing where it is not there."""
    found = re.search(rf"[/#]+ \[example {re.escape(name)}\]\n(.*?)[^\n]*\[end\]",
                      (ROOT / path).read_text(), re.DOTALL)
    return textwrap.dedent(found.group(1)) if found else None


def types_of_the_examples():
    sources = (ROOT / "examples").rglob("*.cpp")
    return set(re.findall(rf'"({EVENT_TYPE})"', "".join(path.read_text() for path in sources)))


def unknown_types(page, known):
    """A filter or a handler that is copied from a page has to match something."""
    return sorted(set(re.findall(EVENT_TYPE, page.read_text())) - known)


def main():
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    pages.extend(sorted((ROOT / "examples").glob("*/README.md")))
    examples = faults = 0
    known = types_of_the_examples()
    for page in pages:
        for name in unknown_types(page, known):
            faults += 1
            print(f"{page.relative_to(ROOT)}: no example has the event type {name}")
        for name, path, shown in IN_PAGE.findall(page.read_text()):
            examples += 1
            ran = in_test(name, path)
            if ran != shown:
                faults += 1
                print(f"{page.relative_to(ROOT)}: example {name} is not what {path} runs:\n{ran}")
    print(f"examples: {examples} compared, {faults} differ")
    return 1 if faults or not examples else 0


if __name__ == "__main__":
    sys.exit(main())
