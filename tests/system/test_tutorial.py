# SPDX-License-Identifier: Apache-2.0
"""docs/tutorial.md, its commands run as they are printed (B14; issue 4, Deliver 7)."""
import os
import pathlib
import re
import signal
import socket
import subprocess

from programs import clean_environment

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def free_address():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def commands():
    page = (ROOT / "docs" / "tutorial.md").read_text()
    steps = re.findall(r"```sh\n(.*?)```\n", page, re.DOTALL)
    assert len(steps) == 7, "a step a chapter"
    return "".join(steps)


def test_the_route_from_an_order_to_a_browser_works_as_printed(services, shop_program, database_url,
                                                               tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    environment = dict(clean_environment(), DATABASE_CONN=database_url,
                       KAFKA_BOOTSTRAP_SERVERS=services.kafka, REDIS_URL=services.redis,
                       GATEWAY=free_address(),
                       PATH=f"{pathlib.Path(shop_program).parent}:/usr/bin:/bin")
    script = subprocess.Popen(["bash", "-e", "-c", commands()], cwd=tmp_path, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = script.communicate(timeout=240)
    finally:
        if script.poll() is None:  # What it started, and nothing else, is in its session.
            os.killpg(script.pid, signal.SIGKILL)
    print(output)
    assert "10 topics made" in output or "order.events" in output
    assert re.search(r"ORDER_PAID \|\s+10 \|\s+8 \|\s+-2", output)  # stock_history
    assert re.search(r"2026-11-21 \|\s+1 \|\s+6980 \|\s+1", output)  # daily_sales
    assert re.search(r"a browser would see .*\"position\"", output)
    assert "Everything agrees." in output
