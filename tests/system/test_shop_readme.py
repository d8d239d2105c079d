# SPDX-License-Identifier: Apache-2.0
"""examples/shop/README.md, its commands run as they are printed."""
import re

from pages import commands_of, run_commands
from programs import Outboxd


def test_the_shop_runs_as_its_readme_says(services, program, shop_program, database_url,
                                          tmp_path):
    output = run_commands(commands_of("examples/shop/README.md", 4), services, shop_program,
                          database_url, tmp_path)
    assert '"status":"PAID"' in output and '"status":"CANCELED"' in output
    assert '"code":"too_little_stock"' in output
    assert re.search(r"ORDER_PAID .*product 2 has 400 left, order 3 wants 600", output)
    assert "Everything agrees." in output

    # Another shop on the same topics is told why nothing agrees.
    places = (tmp_path, f"sqlite:///{tmp_path}/other.db", services.kafka)
    Outboxd(program, *places).migrate()
    other = Outboxd(shop_program, *places)
    other.environment["REDIS_URL"] = services.redis
    other.done("seed", "--products", "1")
    checked = other.run("check")
    assert checked.returncode == 1
    assert re.search(r"[1-9]\d* events in the topics come from another outbox \(id [0-9a-f-]{36}\)",
                     checked.stdout)
    assert "never_committed" not in checked.stdout
