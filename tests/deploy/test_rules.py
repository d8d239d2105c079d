# SPDX-License-Identifier: Apache-2.0
"""The files under deploy/: Prometheus's own tool takes the rules and runs their cases, each rule
has a case and a runbook that exists, and the dashboard is one that Grafana imports."""
import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"


def promtool(*words):
    done = subprocess.run(["promtool", *words], cwd=PROMETHEUS, text=True, capture_output=True,
                          timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_taken_by_promtool_and_pass_their_cases():
    promtool("check", "rules", "alerts.yml")
    promtool("test", "rules", "alerts_test.yml")


def test_each_rule_has_a_case_and_a_runbook_that_names_it():
    rules = (PROMETHEUS / "alerts.yml").read_text()
    cases = (PROMETHEUS / "alerts_test.yml").read_text()
    page = (ROOT / "docs" / "alerts.md").read_text()
    names = re.findall(r"- alert: (\w+)", rules)
    assert len(names) == len(set(names)) > 10
    for name in names:
        assert f"alertname: {name}" in cases, name
        assert f"`{name}`" in page, name
    headings = {line[4:].lower().replace(" ", "-") for line in page.splitlines()
                if line.startswith("### ")}
    runbooks = re.findall(r'runbook: "docs/alerts.md#([\w-]+)"', rules)
    assert len(runbooks) == len(names) and set(runbooks) <= headings


def test_the_page_for_who_is_woken_leads_from_each_alert_to_its_runbook():
    rules = (PROMETHEUS / "alerts.yml").read_text()
    page = (ROOT / "docs" / "operating.md").read_text()
    for rule in rules.split("- alert: ")[1:]:
        runbook = re.search(r"alerts.md#[\w-]+", rule).group()
        line = next(line for line in page.splitlines() if f"`{rule.split()[0]}`" in line)
        assert f"({runbook})" in line, line


def test_the_dashboard_is_complete_and_bound_to_no_installation():
    board = json.loads((ROOT / "deploy" / "grafana" / "outboxd.json").read_text())
    assert board["uid"] == "outboxd" and board["schemaVersion"] >= 36
    assert [one["name"] for one in board["__inputs"]] == ["DS_PROMETHEUS"]
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["datasource"]["uid"] == "${DS_PROMETHEUS}" and panel["targets"]
