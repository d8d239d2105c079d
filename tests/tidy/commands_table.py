#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command of docs/commands.md and every endpoint of src/admin/openapi.json, with the tests
that drive it; docs/driven.md is what this prints. Exits with 1 where one has no test, or the page
is another; `--write` writes it.

docs/commands.md is made by the program (a unit test compares the two), so the list has every
command. A test drives a command where its own code, or a function of tests/system that it calls,
begins a list of words with the command's: `outboxd.run("dlq", "replay", …)`. It drives an endpoint
where the words of its requests have the method and the path.
"""
import ast
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "driven.md"
SHOWN_MAX = 3
ADMIN_TESTS = ("test_admin", "test_alerts", "test_dashboard", "test_metrics")


def commands(text):
    """`relay`, `dlq list`: a heading each; a command with actions counts by them."""
    names = re.findall(r"^##+ ([a-z][a-z -]*)$", text, re.MULTILINE)
    with_actions = {name.split()[0] for name in names if " " in name}
    return [name for name in names if name not in with_actions]


def endpoints(document):
    return [(method.upper(), path) for path, item in document["paths"].items()
            for method in item if method in ("get", "post", "put", "patch", "delete")]


def text_of(node):
    """What a piece of text says; what is put in stands as {}."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}"
                       for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [text_of(node.left), text_of(node.right)]
        return None if sides == [None, None] else "".join(side or "{}" for side in sides)
    return None


def is_outboxd(node):
    """`outboxd` or `….outboxd`: the program as tests have it."""
    return getattr(node, "id", getattr(node, "attr", None)) == "outboxd"


def leading(elements):
    words = []
    for element in elements:
        word = text_of(element)
        if word is None:
            break
        words.append(word)
    return words


def word_lists(node):
    """The leading texts of each call, list and tuple within; not those of the servers' tool."""
    for one in ast.walk(node):
        if isinstance(one, (ast.List, ast.Tuple)):
            yield tuple(leading(one.elts))
        if not isinstance(one, ast.Call):
            continue
        method = one.func.attr if isinstance(one.func, ast.Attribute) else ""
        if method in ("relay", "migrate", "status") and is_outboxd(one.func.value):
            yield (method,)
        if method == "command":
            continue
        # Terminal(outboxd, "status") and shown(outboxd, "pauses") have the program first.
        first = 1 if one.args and is_outboxd(one.args[0]) else 0
        words = leading(one.args[first:])
        yield tuple(words)
        if words:
            yield (method.upper(), words[0])


def texts(node):
    return {text for one in ast.walk(node) if (text := text_of(one))}


class TestFile:
    """The tests of one file with what they, and the functions they call, say."""

    def __init__(self, path, shared):
        tree = ast.parse(path.read_text())
        self.functions = dict(shared)
        self.own = []
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.functions[node.name] = node
                self.own.append(node.name)
        self.constants = {target.id: node.value for node in tree.body
                          if isinstance(node, ast.Assign) for target in node.targets
                          if isinstance(target, ast.Name)}

    def reached(self, name, seen):
        """The nodes of a function, those it calls or takes as fixtures, and constants it names."""
        if name in seen:
            return
        seen.add(name)
        node = self.functions.get(name, self.constants.get(name))
        if node is None:
            return
        yield node
        for one in ast.walk(node):
            named = (one.id if isinstance(one, ast.Name) else one.attr
                     if isinstance(one, ast.Attribute) else one.arg
                     if isinstance(one, ast.arg) else None)
            if named:
                yield from self.reached(named, seen)

    def tests(self):
        for name in self.own:
            if name.startswith("test_"):
                nodes = list(self.reached(name, set()))
                yield name, nodes


def driven(path_pattern, method, words, said):
    for one in words:
        if len(one) > 1 and one[0].upper() == method and path_pattern.fullmatch(one[1]):
            return True
    return method == "GET" and any(path_pattern.fullmatch(text) for text in said)


def tests_by_name(names, paths, folder):
    """{name or (method, path): [file::test]}"""
    found = {name: [] for name in [*names, *paths]}
    patterns = {}
    for method, path in paths:
        short = path.removeprefix("/api/v1")
        with_places = re.sub(r"\\{\w+\\}", r"[^/?]+", re.escape(short))
        patterns[method, path] = re.compile(rf"(\S*/api/v1|\{{\}})?{with_places}(\?.*)?")
    clients = {}
    for file in ("admin_clients.py", "dashboards.py"):
        if (folder / file).exists():
            clients.update(TestFile(folder / file, {}).functions)
    for file in sorted(folder.glob("test_*.py")):
        for test, nodes in TestFile(file, {}).tests():
            words = {one for node in nodes for one in word_lists(node)}
            for name in names:
                parts = tuple(name.split())
                if any(one[:len(parts)] == parts for one in words):
                    found[name].append(f"`{file.stem}::{test}`")
        # Others than the admin server's have paths too: the gateway has /events.
        if not file.stem.startswith(ADMIN_TESTS):
            continue
        for test, nodes in TestFile(file, clients).tests():
            words = {one for node in nodes for one in word_lists(node)}
            said = {text for node in nodes for text in texts(node)}
            where = f"`{file.stem}::{test}`"
            for key, pattern in patterns.items():
                if key[1] != "/" and driven(pattern, key[0], words, said):
                    found[key].append(where)
                elif key[1] == "/" and ("GET", "/") in words:
                    found[key].append(where)
    return found


def table(title, rows):
    lines = [f"| {title} | driven by |", "|---|---|"]
    for name, tests in rows:
        # No count of them: the page would be old with every test that is written.
        more = " and others" if len(tests) > SHOWN_MAX else ""
        lines.append(f"| `{name}` | {', '.join(tests[:SHOWN_MAX])}{more} |")
    return "\n".join(lines) + "\n"


def main():
    names = commands((ROOT / "docs" / "commands.md").read_text())
    paths = endpoints(json.loads((ROOT / "src" / "admin" / "openapi.json").read_text()))
    found = tests_by_name(names, paths, ROOT / "tests" / "system")
    page = ("# What drives each command and endpoint\n\nMade by `tests/tidy/commands_table.py "
            "--write` of [commands.md](commands.md), `src/admin/openapi.json` and\nthe code of "
            "`tests/system`; `./dev test tidy` fails where one has no test, and where this page is "
            "old.\n\n" + table("command", [(name, found[name]) for name in names]) + "\n"
            + table("endpoint", [(" ".join(key), found[key]) for key in paths]))
    missing = [str(key) for key, tests in found.items() if not tests]
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page)
    for key in missing:
        print(f"{key}: no test in tests/system drives it: write one")
    if not PAGE.exists() or PAGE.read_text() != page:
        print("docs/driven.md is old: run tests/tidy/commands_table.py --write")
        missing.append("page")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
