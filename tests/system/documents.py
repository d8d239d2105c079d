# SPDX-License-Identifier: Apache-2.0
"""Code out of the documentation, for tests that run it as it is printed."""
import pathlib
import re

DOCS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs"


def blocks(page, language, test):
    """The page's blocks of a language that say that this test runs them."""
    pattern = rf"<!-- run by tests/system/{test}\.py -->\n```{language}\n(.*?)```\n"
    found = re.findall(pattern, (DOCS / page).read_text(), re.DOTALL)
    assert found, f"no {language} of {page} is marked for {test}"
    return found
