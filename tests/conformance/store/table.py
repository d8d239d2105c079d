#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/stores.md of a run of the stores' conformance suite: tests by stores.

  ./dev test conformance | tests/conformance/store/table.py > docs/stores.md

Only what ctest printed as passed is shown as passed; a test that failed is named, and the exit code
is 1 then.
"""
import collections
import datetime
import re
import sys

LINE = re.compile(r"Test +#\d+: conformance\.(\w+)/(\w+)\.(\w+)/\d+ \.+\s*(\S.*?) +[\d.]+ sec")
STORES = {"postgres": "PostgreSQL", "daily_postgres": "by day", "mariadb": "MariaDB",
          "daily_mariadb": "by day", "sqlite": "SQLite"}
HEAD = """# The stores' conformance suite

<!-- Generated: `./dev test conformance | tests/conformance/store/table.py > docs/stores.md`. -->

One suite, run against a real PostgreSQL {postgres}, a real MariaDB {mariadb} and SQLite. `by day`:
on a table with daily partitions. A dash: the suite is not for that store (capture `row`,
partitions, open transactions of others beside a writer). Last made on {date}: {passed} passed,
{failed} failed.

| suite | test | {stores} |
|---|---|{rules}|
"""


def main():
    results = collections.defaultdict(dict)
    for line in sys.stdin:
        found = LINE.search(line)
        if found and found.group(1) in STORES:
            store, suite, test, outcome = found.groups()
            results[suite, test][store] = outcome == "Passed"
    if not results:
        sys.exit("no line of a conformance test: pipe the output of ./dev test conformance here")
    outcomes = [good for row in results.values() for good in row.values()]
    failed = outcomes.count(False)
    print(HEAD.format(postgres="15", mariadb="10.11", date=datetime.date.today(),
                      passed=outcomes.count(True), failed=failed,
                      stores=" | ".join(STORES.values()), rules="|".join(["---"] * len(STORES))),
          end="")
    marks = {True: "passed", False: "**failed**", None: "–"}
    for (suite, test), row in results.items():
        cells = " | ".join(marks[row.get(store)] for store in STORES)
        print(f"| {suite} | {test.replace('_', ' ')} | {cells} |")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
