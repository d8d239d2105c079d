# SPDX-License-Identifier: Apache-2.0
"""docs/tutorial.md, its commands run as they are printed (B14; issue 4, Deliver 7)."""
import re

from pages import commands_of, run_commands


def test_the_route_from_an_order_to_a_browser_works_as_printed(services, shop_program, database_url,
                                                               tmp_path):
    output = run_commands(commands_of("docs/tutorial.md", 7), services, shop_program,
                          database_url, tmp_path)
    assert "10 topics made" in output or "order.events" in output
    assert re.search(r"ORDER_PAID \|\s+10 \|\s+8 \|\s+-2", output)  # stock_history
    assert re.search(r"2026-11-21 \|\s+1 \|\s+6980 \|\s+1", output)  # daily_sales
    assert re.search(r"a browser would see .*\"position\"", output)
    assert "Everything agrees." in output
