# SPDX-License-Identifier: Apache-2.0
"""Safe variants of the models hold in every run, each broken one is found, and docs/model.md's
table is what the run said."""
import model
import pytest
import variants

OUTCOMES = {}


def outcome_of(variant):
    if variant not in OUTCOMES:
        OUTCOMES[variant] = model.check(variant)
    return OUTCOMES[variant]


def name(variant):
    return f"{variant.model} {variant.switches}".strip()


@pytest.mark.parametrize("variant", variants.SAFE, ids=name)
def test_a_safe_variant_holds_in_every_run(variant):
    outcome = outcome_of(variant)
    assert outcome.error == ""
    assert outcome.complete, "the search was cut short: by memory or depth"
    assert outcome.mib < model.MEMORY_MIB


@pytest.mark.parametrize("variant", variants.SAFE, ids=name)
def test_a_safe_variant_comes_to_every_statement(variant):
    """What no run comes to shows nothing: a model that cannot move keeps every promise."""
    assert outcome_of(variant).unreached == []


@pytest.mark.parametrize("variant", variants.BROKEN, ids=name)
def test_a_rule_that_is_left_out_is_missed(variant):
    outcome = outcome_of(variant)
    assert outcome.found(variant), f"found instead: {outcome.error or 'no error'}"


@pytest.mark.parametrize("variant", variants.LIMITS, ids=name)
def test_a_limit_that_the_pages_tell_is_there(variant):
    outcome = outcome_of(variant)
    assert outcome.found(variant), f"found instead: {outcome.error or 'no error'}"


def test_the_table_of_the_page_is_what_the_run_said():
    outcomes = {variant: outcome_of(variant) for variant in variants.ALL}
    assert model.table(outcomes) == model.written_table(), (
        "write it anew: tests/model/model.py --write")
