# SPDX-License-Identifier: Apache-2.0
"""The commands of a page of documentation, run as they are printed."""
import os
import pathlib
import re
import signal
import subprocess
import sys

from programs import clean_environment

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from services_lib.process import free_port  # noqa: E402


def free_address():
    return f"127.0.0.1:{free_port()}"


def commands_of(page, count):
    steps = re.findall(r"```sh\n(.*?)```\n", (ROOT / page).read_text(), re.DOTALL)
    assert len(steps) == count
    return "".join(steps)


def run_commands(script, services, shop_program, database_url, folder):
    """What the script prints; what it started and left running is ended."""
    (folder / "examples").symlink_to(ROOT / "examples")
    environment = dict(clean_environment(), DATABASE_CONN=database_url,
                       KAFKA_BOOTSTRAP_SERVERS=services.kafka, REDIS_URL=services.redis,
                       GATEWAY=free_address(), SHOP=free_address(),
                       PATH=f"{pathlib.Path(shop_program).parent}:/usr/bin:/bin")
    running = subprocess.Popen(["bash", "-e", "-c", script], cwd=folder, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = running.communicate(timeout=240)
    finally:
        if running.poll() is None:  # What it started, and nothing else, is in its session.
            os.killpg(running.pid, signal.SIGKILL)
    print(output)
    assert [path.name for path in folder.iterdir()] == ["examples"], "it leaves nothing behind"
    return output
