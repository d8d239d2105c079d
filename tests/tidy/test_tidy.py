#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each rule is shown to fail on a snippet that breaks it, and to leave sound code alone."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import rules  # noqa: E402
import tidy  # noqa: E402
from source_text import functions_of  # noqa: E402

LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"
LONG_BODY = "  step();\n" * 69

# (rule, path, text after the licence's line)
BROKEN = [
    ("columns", "src/core/a.cpp", "// " + "x" * 98),
    ("file-length", "src/core/a.cpp", "int a;\n" * 500),
    ("file-length", "src/core/a.hpp", "int a;\n" * 300),
    ("function-length", "src/core/a.cpp", "void f() {\n" + LONG_BODY + "}\n"),
    ("function-length", "src/core/a.cpp",
     "namespace a {\nclass B {\n  B() : c_{1}, d_(2) {\n" + LONG_BODY + "  }\n};\n}\n"),
    ("function-length", "src/core/a.cpp",
     "auto f(int a) const -> std::vector<int> {\n" + LONG_BODY + "}\n"),
    ("function-length", "src/core/a.cpp", "TEST(A, b) {\n" + LONG_BODY + "}\n"),
    ("function-length", "src/core/a.cpp", "const auto f = [](int a) {\n" + LONG_BODY + "};\n"),
    ("function-length", "tests/system/a.py", "def f():\n" + "    a = 1\n" * 70),
    ("parameters", "src/core/a.hpp", "int f(int a, int b, int c, int d, int e, int g);\n"),
    ("parameters", "src/core/a.hpp",
     "class A {\n  A(std::map<int, int> a, int b, int c = 1, A d = {1, 2}, int e, int f);\n};"),
    ("include-edge", "src/core/a.cpp", '#include "store/capture.hpp"\n'),
    ("include-edge", "src/relay/a.cpp", '#include "config/settings.hpp"\n'),
    ("include-edge", "src/relay/a.cpp", '#include "store/postgres/home.hpp"\n'),
    ("include-edge", "src/store/sqlite/a.cpp", '#include "store/postgres/home.hpp"\n'),
    ("include-edge", "src/broker/kafka/a.cpp", '#include "broker/embedded/home.hpp"\n'),
    ("include-edge", "src/store/a.hpp", '#include "store/postgres/home.hpp"\n'),
    ("include-edge", "include/outbox/a.hpp", '#include "core/log.hpp"\n'),
    ("include-edge", "examples/a.cpp", '#include "core/log.hpp"\n'),
    ("include-form", "examples/shop/a.cpp", '#include "../../src/core/log.hpp"\n'),
    ("include-form", "src/core/a.cpp", '#include "log.hpp"\n'),
    ("include-form", "src/core/a.cpp", "#include <core/log.hpp>\n"),
    ("include-form", "src/core/a.cpp", '#include "outbox/event.hpp"\n'),
    ("include-library", "src/relay/a.cpp", "#include <librdkafka/rdkafka.h>\n"),
    ("include-library", "src/store/sqlite/a.cpp", "#include <libpq-fe.h>\n"),
    ("include-library", "include/outbox/event.hpp", "#include <libpq-fe.h>\n"),
    ("include-library", "src/store/postgres/a.cpp", "#include <sqlite3.h>\n"),
    ("include-library", "src/app/a.cpp", "#include <mysql.h>\n"),
    ("include-library", "src/core/a.hpp", "#include <nlohmann/json.hpp>\n"),
    ("include-library", "src/app/a.cpp", "#include <yaml-cpp/yaml.h>\n"),
    ("folder", "src/newcomer/a.cpp", "int a;\n"),
    ("banned", "src/core/a.cpp", "std::thread worker;\n"),
    ("banned", "src/core/a.cpp", "auto now = std::chrono::system_clock::now();\n"),
    ("banned", "src/core/a.cpp", "int a = rand();\n"),
    ("banned", "tests/unit/a.cpp", "std::this_thread::sleep_for(1s);\n"),
    ("banned", "src/core/a.cpp", "std::regex pattern;\n"),
    ("banned", "src/core/a.hpp", "using namespace std;\n"),
    ("banned", "src/core/a.cpp", "void f() { try { g(); } catch (...) { } }\n"),
    ("banned", "src/core/a.cpp", "std::cout << 1;\n"),
    ("banned", "src/core/a.cpp", "int a = atoi(text);\n"),
    ("banned", "src/core/a.cpp", "Connection conn;\n"),
    ("banned", "tests/unit/a.cpp", "TEST(A, b) { GTEST_SKIP(); }\n"),
    ("unfinished", "src/core/a.cpp", "// TO" "DO: later\n"),
    ("unfinished", "docs/a.md", "FIX" "ME\n"),
    ("name", "src/core/string_util.cpp", "int a;\n"),
    ("machine-path", "docs/a.md", f"see {tidy.ROOT}/README.md\n"),
    ("machine-path", "docs/a.md", "see /home/somebody/README.md\n"),
    ("registry-host", "tools/a", "http:/" "/deb.mirror.example/debian\n"),
    ("decision", "docs/decisions/0001-a.md", "# A\n## Context\n## Choice\n"),
    ("decision", "docs/decisions/a.md", "# A\n## Context\n## Choice\n## Consequences\n"),
]

SOUND = [
    ("src/relay/a.cpp", '#include <outbox/event.hpp>\n#include "store/capture.hpp"\n'
     '#include "broker/producer.hpp"\n#include "core/log.hpp"\n#include <vector>\n'),
    ("src/store/migrations/a.hpp", '#include "store/migrations/embedded.hpp"\n'),
    ("src/store/postgres/a.hpp", '#include "store/capture.hpp"\n#include <libpq-fe.h>\n'),
    ("src/broker/embedded/a.cpp", "#include <librdkafka/rdkafka_mock.h>\n"),
    ("include/outbox/postgres.hpp", "#include <libpq-fe.h>\n#include <outbox/event.hpp>\n"),
    ("src/app/wire.cpp", '#include "store/postgres/home.hpp"\n#include "config/settings.hpp"\n'),
    ("src/core/clock.cpp", "auto a = std::chrono::system_clock::now();\n"),
    ("src/core/a.cpp", "// std::thread, rand() and sleep_for in a comment\n"
     'const char* a = "std::thread rand() catch (...) { {";\nstd::thread::id b;\n'),
    ("src/core/a.cpp", "void f() { try { g(); } catch (...) { /* Thread entry: tell it. */ } }\n"),
    ("src/core/a.cpp", "void f() { try { g(); } catch (...) { roll_back(); throw; } }\n"),
    ("src/core/a.cpp", "const Table table = {\n" + "  {1, 2},\n" * 90 + "};\n"),
    ("src/core/a.hpp", "int f(std::map<int, std::map<int, int>> a, std::function<int(int, int)> b,"
     "\n      int c, int d, int e);\n"),
    ("src/core/a.cpp", 'const char* sql = R"sql(select "{" from (a, b, c, d, e, f, g))sql";\n'),
    ("docs/decisions/0001-a.md", "# A\n## Context\n## Choice\n## Consequences\n"),
    ("tests/unit/a.cpp", '#include "core/log.hpp"\n#include <librdkafka/rdkafka.h>\n'),
]


def findings(path, text):
    licensed = (LICENCE if rules.is_cpp(path) else "# SPDX-License-Identifier: Apache-2.0\n") + text
    return [(rule, remedy) for _, rule, remedy in tidy.check_text(path, licensed)]


class Tidy(unittest.TestCase):
    def test_catches_each_snippet_that_breaks_a_rule(self):
        for rule, path, text in BROKEN:
            with self.subTest(rule=rule, path=path, text=text[:60]):
                self.assertIn(rule, [found for found, _ in findings(path, text)])

    def test_leaves_sound_code_alone(self):
        for path, text in SOUND:
            with self.subTest(path=path, text=text[:60]):
                self.assertEqual([], findings(path, text))

    def test_asks_for_the_licence_on_the_first_line(self):
        for path, text in [("src/core/a.cpp", "int a;\n"), ("tools/a", "#!/bin/sh\necho\n"),
                           ("src/core/CMakeLists.txt", "add_library(a)\n")]:
            self.assertEqual(["licence"], [rule for _, rule, _ in tidy.check_text(path, text)])

    def test_takes_dev_under_150_lines_alone(self):
        text = "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n" + ":\n" * 148
        self.assertEqual(["file-length"], [rule for _, rule, _ in tidy.check_text("dev", text)])

    def test_refuses_a_file_of_more_than_a_megabyte(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "big.bin"
            path.write_bytes(b"\0" * (rules.MOST_FILE_BYTES + 1))
            found = tidy.check_file(pathlib.Path(folder), "big.bin")
            self.assertEqual(["file-size"], [rule for _, rule, _ in found])

    def test_finds_functions_with_their_lines_and_parameters(self):
        text = ("namespace a {\n"
                "class B : public C {\n"
                " public:\n"
                "  explicit B(Options options)\n"
                "      : options_(std::move(options)), list_{1, 2} {\n"
                "    go([](int x) { return x; });\n"
                "  }\n"
                "  bool operator==(const B& other) const = default;\n"
                "  bool operator()(int a, int b) const noexcept;\n"
                "  std::array<int, 2> values{1, 2};\n"
                "  std::function<void(int, int, int, int, int, int)> callback;\n"
                "};\n"
                "template <typename T, typename U>\n"
                "auto f(T a, U b) -> std::pair<T, U> { return {a, b}; }\n"
                "}\n")
        found = [(item.name, item.first_line, item.last_line, item.parameters, item.has_body)
                 for item in functions_of(text)]
        self.assertIn(("B", 4, 7, 1, True), found)
        self.assertIn(("f", 13, 14, 2, True), found)
        self.assertIn(("operator_call", 9, 9, 2, False), found)
        self.assertTrue(all(item.parameters <= 2 for item in functions_of(text)), found)

    def test_fails_as_a_program_when_there_is_a_finding(self):
        """The tree's own check ends with 1 and names file, line, rule and remedy."""
        with tempfile.TemporaryDirectory() as folder:
            here = pathlib.Path(__file__).resolve().parent
            copy = pathlib.Path(folder) / "tests" / "tidy"
            copy.mkdir(parents=True)
            for name in ("tidy.py", "rules.py", "source_text.py"):
                (copy / name).write_text((here / name).read_text())
            bad = pathlib.Path(folder) / "src" / "core"
            bad.mkdir(parents=True)
            (bad / "a.cpp").write_text(LICENCE + "std::regex a;\n")
            environment = dict(os.environ, GIT_CEILING_DIRECTORIES=str(pathlib.Path(folder).parent))
            done = subprocess.run([sys.executable, str(copy / "tidy.py")], text=True,
                                  stdout=subprocess.PIPE, env=environment)
            self.assertEqual(1, done.returncode, done.stdout)
            self.assertIn("src/core/a.cpp:2: banned: std::regex: ", done.stdout)


if __name__ == "__main__":
    unittest.main()
