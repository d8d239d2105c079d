# SPDX-License-Identifier: Apache-2.0
"""The admin API held against its own OpenAPI description by Schemathesis: requests made of the
schemas, right ones and wrong ones; no answer is a 5xx, and each is one that the description has.

Schemathesis is no package of Debian 12: tools/fetch-python brings the versions that
tools/python-schemathesis.txt names.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from admin_clients import AdminServer

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_schema_conformance,negative_data_rejection,unsupported_method")
# Its own list lacks 413, which an array of too many texts may well be.
SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = ["4xx"]
"""


@pytest.fixture(scope="session")
def schemathesis():
    folder = subprocess.run([str(ROOT / "tools" / "fetch-python"), "python-schemathesis"],
                            check=True, text=True, stdout=subprocess.PIPE,
                            stdin=subprocess.DEVNULL).stdout.strip()
    environment = dict(os.environ, PYTHONPATH=folder, PYTHONDONTWRITEBYTECODE="1")

    def run(*words, **options):
        return subprocess.run([sys.executable, "-m", "schemathesis.cli", *words], text=True,
                              env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=900, **options)
    return run


def event(topic, number):
    return {"aggregate_type": "order", "aggregate_id": f"k{number}", "event_type": "ORDER_PAID",
            "payload": json.dumps({"number": number}), "topic": topic}


def test_the_api_keeps_what_its_description_promises(outboxd, database, topic, schemathesis,
                                                     tmp_path):
    outboxd.migrate()
    admin = AdminServer(outboxd)
    # Something of each kind to be found.
    database.insert(event(topic if n % 3 else "no topic", n) for n in range(60))
    database.wait_settled()
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    done = schemathesis(
        "run", f"http://127.0.0.1:{admin.port}/openapi.json", "--checks", CHECKS, "--phases",
        "examples,coverage,fuzzing", "--max-examples", "25", "--seed", "6", "--workers", "1",
        "--exclude-path", "/api/v1/stream",  # It never ends.
        "--request-timeout", "30", "--no-color", "--continue-on-failure", cwd=tmp_path)
    assert admin.running.alive(), admin.running.log()[-3000:]
    (tmp_path / "schemathesis.txt").write_text(done.stdout)
    assert done.returncode == 0, re.sub(r"(.)\1{40,}", r"\1…", done.stdout)[-20000:]
    tested = re.search(r"(\d+) operations|Operations:\s+(\d+)", done.stdout)
    assert tested, done.stdout[-3000:]
    assert database.value("select count(*) from outbox_events") > 0
