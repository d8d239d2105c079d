#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the models with spin: model.py [--write] checks all variants, and writes docs/model.md's
table; model.py trace MODEL [SWITCH ...] prints how a variant fails, step by step."""
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
from typing import NamedTuple

import variants

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "model.md"
MEMORY_MIB = 1900
DEPTH = 100_000


class Outcome(NamedTuple):
    states: int
    depth: int
    mib: float
    cpu_seconds: float
    error: str  # the assertion that failed, without blanks; empty: none
    complete: bool
    unreached: list  # statements that no run came to; but for the ends, which none has

    def found(self, variant):
        return variant.finds.replace(" ", "") in self.error


def defines(switches):
    return [f"-D{switch}" for switch in switches.split()]


def call(command, folder):
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False)


def build(variant, folder):
    """Optimised where all states are searched: elsewhere compiling takes longer than the search."""
    made = call(["spin", "-a", *defines(variant.switches), str(HERE / f"{variant.model}.pml")],
                folder)
    if made.returncode or not (folder / "pan.c").exists():
        raise AssertionError(f"spin refuses {variant}: {made.stdout}{made.stderr}")
    level = "-O1" if variant.finds == variants.HOLDS else "-O0"
    made = call(["gcc", level, "-w", "-DSAFETY", f"-DMEMLIM={MEMORY_MIB}", "-o", "pan", "pan.c"],
                folder)
    if made.returncode:
        raise AssertionError(f"gcc refuses {variant}: {made.stderr}")


def number(pattern, text):
    return float(re.search(pattern, text).group(1))


def check(variant):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        build(variant, folder)
        text = call(["./pan", f"-m{DEPTH}", "-w20"], folder).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if "states, stored" not in text:
        raise AssertionError(f"{variant} was not searched: {text}")
    error = re.search(r"pan:1: (.*)\(at depth", text)
    return Outcome(
        states=int(number(r"(\d+) states, stored", text)),
        depth=int(number(r"at depth (\d+)\)" if error else r"depth reached (\d+)", text)),
        mib=number(r"([\d.]+)\s+total actual memory", text),
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        error=error.group(1).replace(" ", "") if error else "",
        complete="Search not completed" not in text and "max search depth" not in text,
        unreached=[line for line in re.findall(r"\n\t\S+\.pml:(\d+, state \d+, .*)", text)
                   if '"-end-"' not in line])


def rows_of(kind, group, outcomes):
    for variant in group:
        outcome = outcomes[variant]
        if variant.finds == variants.HOLDS:
            result = f"holds, {outcome.states:,} states, depth {outcome.depth}"
        else:
            result = f"**fails** in {outcome.depth} steps"
        yield (f"| {variant.model} | `{variant.switches or '-'}` | {kind} | {variant.words} "
               f"| {result} |")


def table(outcomes):
    return "\n".join([
        "| model | switches | kind | what | result |", "|---|---|---|---|---|",
        *rows_of("safe", variants.SAFE, outcomes), *rows_of("broken", variants.BROKEN, outcomes),
        *rows_of("limit", variants.LIMITS, outcomes)])


BEGIN, END = "<!-- written by tests/model/model.py --write -->", "<!-- end -->"


def written_table():
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def write(outcomes):
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    text = f"{head}{BEGIN}\n\n{table(outcomes)}\n\n{END}{rest.split(END)[1]}"
    PAGE.write_text(text, encoding="utf-8")


def trace(model, switches):
    variant = variants.Variant(model, " ".join(switches), "", "")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        build(variant, folder)
        call(["./pan", f"-m{DEPTH}", "-i"], folder)
        print(call(["spin", "-t", "-p", "-g", *defines(variant.switches), "-k",
                    f"{model}.pml.trail", str(HERE / f"{model}.pml")], folder).stdout)


def main(arguments):
    if arguments[:1] == ["trace"]:
        trace(arguments[1], arguments[2:])
        return
    outcomes = {}
    for variant in variants.ALL:
        outcomes[variant] = outcome = check(variant)
        print(f"{variant.model:13} {variant.switches:52} {outcome.states:9,} states"
              f" {outcome.depth:4} deep {outcome.mib:6.0f} MiB {outcome.cpu_seconds:5.1f} s"
              f" {'found' if outcome.found(variant) else outcome.error or 'no error'}"
              f"{'' if outcome.complete or outcome.error else ' NOT COMPLETE'}")
        if variant.finds == variants.HOLDS and outcome.unreached:
            print("  never reached:", *outcome.unreached, sep="\n    ")
    print(f"{sum(outcome.cpu_seconds for outcome in outcomes.values()):.0f} s of one core")
    if "--write" in arguments:
        write(outcomes)


if __name__ == "__main__":
    main(sys.argv[1:])
