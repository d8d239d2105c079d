# SPDX-License-Identifier: Apache-2.0
"""The pages of the public headers: every public item has words."""
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def pages(folder, *more):
    """What doxygen says of the headers, with its settings from docs/Doxyfile and these besides."""
    settings = (ROOT / "docs" / "Doxyfile").read_text()
    settings += f"OUTPUT_DIRECTORY = {folder}\n" + "".join(f"{line}\n" for line in more)
    done = subprocess.run(["doxygen", "-"], input=settings, cwd=ROOT, text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_pages_are_made_without_a_warning(tmp_path):
    assert pages(tmp_path) == ""
    assert (tmp_path / "html" / "classoutbox_1_1Database.html").exists()


def test_an_item_without_words_is_a_warning(tmp_path):
    (tmp_path / "bare.hpp").write_text("/// Some.\nstruct Bare {\n  int x;\n};\n")
    assert "Member x" in pages(tmp_path / "out", f"INPUT = {tmp_path}")
