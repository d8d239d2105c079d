# SPDX-License-Identifier: Apache-2.0
"""The house rules, one function each: rule(path, text) yields (line, rule, remedy)."""
import ast
import re

from source_text import functions_of, without_comments

MOST_COLUMNS = 100
MOST_FUNCTION_LINES = 70
MOST_PARAMETERS = 5
MOST_FILE_LINES = 500
MOST_HEADER_LINES = 300
MOST_FILE_BYTES = 1_000_000
MOST_DEV_LINES = 149

SEAMS = {"store", "broker"}
# What a folder of src/ may include besides itself and the public headers. Data goes down this
# list. A new folder gets its row here, in design and in docs/architecture.md at once.
EDGES = {
    "core": set(),
    "config": {"core"},
    "publish": {"core"},
    "store": {"core"},
    "store/postgres": {"core", "publish", "store"},  # Events::insert, by the one row encoding
    "store/mariadb": {"core", "publish", "store"},
    "store/sqlite": {"core", "publish", "store"},
    "store/redis": {"core", "store"},
    "broker": {"core"},
    "broker/kafka": {"core", "broker"},
    "broker/embedded": {"core", "broker", "broker/kafka"},  # the kafka home's handles on a mock
    "relay": {"core"} | SEAMS,
    "consume": {"core"} | SEAMS,
    "jobs": {"core"} | SEAMS,
    "http": {"core"},
    "gateway": {"core", "http"} | SEAMS,
    "admin": {"core", "http"} | SEAMS,
}
EDGES["library"] = set(EDGES)
EDGES["app"] = set(EDGES)
SQL_FOLDERS = {"store/migrations": "store"}  # belongs to its parent

# A library's header, and the folders (or public adapter headers) that may know it.
LIBRARIES = [
    (r"librdkafka/", r"src/broker/(kafka|embedded)/|include/outbox/\w*kafka\w*\.hpp$"),
    (r"libpq-fe\.h$|libpq/|pg_config", r"src/store/postgres/|src/publish/\w*postgres\w*\."
     r"|include/outbox/\w*postgres\w*\.hpp$|examples/publish_libpq/"),
    (r"(?<!soci-)sqlite3\.h$", r"src/store/sqlite/|src/publish/\w*sqlite\w*\."
     r"|include/outbox/\w*sqlite\w*\.hpp$|examples/publish_sqlite/"),
    (r"pqxx/", r"include/outbox/pqxx\.hpp$|examples/"),
    # Its header of the backend is named soci-mysql.h, and so on.
    (r"^soci/", r"src/publish/publish_soci\.cpp$|examples/"),
    (r"(?<!soci-)mysql\.h$|(?<!soci/)mysql/|mariadb/",
     r"src/store/mariadb/|src/publish/\w*(mariadb|mysql)\w*\."
     r"|include/outbox/\w*(mariadb|mysql)\w*\.hpp$|examples/publish_mariadb/"),
    (r"yaml-cpp/", r"src/config/"),
    (r"boost/", r"src/http/"),
    (r"nlohmann/", r"src/.*\.cpp$|examples/|include/outbox/json\.hpp$"
     r"|src/admin/json\.hpp$"),  # its documents, off the data path
    (r"httplib\.h$", r"examples/"),
    (r"hiredis/", r"examples/|src/store/redis/"),
]

# (pattern, where it is allowed, remedy); read from code without comments and strings.
BANNED = [
    (r"\bstd::thread\b(?!::)", None, "use std::jthread and run(stop_token)"),
    (r"\.detach\(\)", r"src/broker/kafka/reaper\.cpp$",  # which counts them and waits at the exit
     "keep the std::jthread and let it join"),
    (r"system_clock::now\b", r"src/core/clock\.", "take the time from core/clock.hpp"),
    (r"\bs?rand\(|\bstd::rand\b", None, "take a seeded generator as a parameter"),
    (r"\bsleep_(for|until)\b|\busleep\(|\bnanosleep\(|(?<![\w.:>])sleep\(",
     r"^bench/",  # where a writer keeps a pace
     "wait for a signal: condition_variable_any::wait_for with the stop token"),
    (r"\bstd::w?regex\b", None, "write the few comparisons out; std::regex is slow and overflows"),
    (r"\bstd::cout\b|(?<![\w:])printf\(|\bstd::printf\(", r"src/app/|^(tests|bench|examples)/",
     "use core/log.hpp, or hand the text to src/app"),
    (r"\bstd::endl\b", None, "write '\\n'"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\(", None, "use std::string and fmt::format"),
    (r"\b(atoi|atol|atoll|atof)\(|\bstd::sto(i|l|ll|ul|ull|f|d)\(",
     r"^(tests|bench|examples)/",
     "use std::from_chars, which tells what is wrong"),
    (r"\b(localtime|gmtime|ctime|asctime)\(", None, "use the _r variant: this one shares a buffer"),
    (r"(?<![\w.:>])(std::)?system\(|\bpopen\(", r"^tests/", "call the library, not a shell"),
    (r"\bGTEST_SKIP\b|\bDISABLED_\w", None, "a test runs or goes: none is skipped"),
    (r"(?<![\w.>])(conn|cfg|ctx|mgr|idx|tmp|buf|impl)_?\b(?!\s*::)", None,
     "write the word out (connection, not conn)"),
]


def is_cpp(path):
    return path.endswith((".cpp", ".hpp", ".c", ".h"))


def is_header(path):
    return path.endswith((".hpp", ".h"))


def is_script(path, text):
    return text.startswith("#!") or path.endswith((".sh", ".py"))


def is_source(path, text):
    return (is_cpp(path) or is_script(path, text) or path.endswith((".cmake", ".sql"))
            or path.endswith("CMakeLists.txt"))


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def folder_of(path):
    """src/store/postgres/a.cpp -> store/postgres; a folder without a row gives its own name."""
    parts = path.split("/")[1:-1]
    for length in range(len(parts), 0, -1):
        name = "/".join(parts[:length])
        if name in EDGES or name in SQL_FOLDERS:
            return SQL_FOLDERS.get(name, name)
    return "/".join(parts)


def first_line_is_the_licence(path, text):
    if not is_source(path, text) or path.endswith(".sql"):
        return
    lines = text.split("\n", 2)
    line = lines[1] if text.startswith("#!") and len(lines) > 1 else lines[0]
    if not re.fullmatch(r"(//|#|--) SPDX-License-Identifier: Apache-2\.0", line):
        yield 1, "licence", "begin with 'SPDX-License-Identifier: Apache-2.0' in a comment"


def lines_are_short(path, text):
    if not is_source(path, text):
        return
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MOST_COLUMNS:
            yield number, "columns", f"{len(line)} columns, at most {MOST_COLUMNS}: break the line"


def files_are_short(path, text):
    if not is_source(path, text) or path.endswith(".sql"):
        return
    most = MOST_HEADER_LINES if is_header(path) else MOST_FILE_LINES
    if path == "dev":
        most = MOST_DEV_LINES
    count = len(text.splitlines())
    if count > most:
        yield most + 1, "file-length", f"{count} lines, at most {most}: split it by concept"


def functions_are_short(path, text):
    if is_cpp(path):
        for function in functions_of(text):
            length = function.last_line - function.first_line + 1
            if function.has_body and length > MOST_FUNCTION_LINES:
                yield (function.first_line, "function-length", f"{function.name} has {length} "
                       f"lines, at most {MOST_FUNCTION_LINES}: name its steps")
            if function.parameters > MOST_PARAMETERS:
                yield (function.first_line, "parameters", f"{function.name} takes "
                       f"{function.parameters}, at most {MOST_PARAMETERS}: an options struct")
    elif is_script(path, text) and "python" in text.split("\n", 1)[0] or path.endswith(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = node.end_lineno - node.lineno + 1
                if length > MOST_FUNCTION_LINES:
                    yield (node.lineno, "function-length", f"{node.name} has {length} lines, at "
                           f"most {MOST_FUNCTION_LINES}: name its steps")


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)


def includes_follow_the_table(path, text):
    if not is_cpp(path) or not path.startswith(("src/", "include/", "examples/")):
        return
    folder = folder_of(path) if path.startswith("src/") else path.split("/")[0]
    if path.startswith("src/") and folder not in EDGES:
        yield 1, "folder", (f"src/{folder} has no row in EDGES (tests/tidy/rules.py): say what it "
                            "may include, there and in docs/architecture.md")
        return
    for match in INCLUDE.finditer(without_comments(text, keep_strings=True)):
        line = line_of(text, match.start(1) if match.group(1) else match.start(2))
        name = match.group(1) or match.group(2)
        for finding in library_edge(path, name):
            yield (line, *finding)
        if match.group(1):
            for finding in own_edge(path, folder, name):
                yield (line, *finding)
        elif folder_of("src/" + name) in EDGES and not name.startswith("outbox/"):
            yield line, "include-form", f'<{name}> is ours: write "{name}"'


def library_edge(path, name):
    for pattern, allowed in LIBRARIES:
        if re.match(pattern, name) and not re.search(allowed, path):
            yield ("include-library", f"<{name}> belongs behind a seam: only "
                   f"{re.sub(chr(92) * 2 + '[.w]', '', allowed)} may know it")


def own_edge(path, folder, name):
    if name.startswith("outbox/"):
        yield "include-form", f"write <{name}>"
        return
    target = folder_of("src/" + name)
    if folder == "examples" and target not in EDGES and "src/" not in name:
        return  # A header of the example's own.
    if target not in EDGES:
        yield "include-form", f'"{name}": give the path from src/, as in "core/log.hpp"'
    elif folder in ("include", "examples"):
        yield "include-edge", f"{path.split('/')[0]}/ may include nothing of src/: {name}"
    elif target != folder and target not in EDGES[folder]:
        allowed = ", ".join(sorted(EDGES[folder])) or "nothing"
        yield "include-edge", f"src/{folder} may include {allowed}, not {target} ({name})"


def banned_calls_are_absent(path, text):
    if not is_cpp(path):
        return
    code = without_comments(text)
    for pattern, allowed, remedy in BANNED:
        if allowed and re.search(allowed, path):
            continue
        for match in re.finditer(pattern, code):
            yield line_of(code, match.start()), "banned", f"{match.group(0).strip('(')}: {remedy}"
    if is_header(path):
        for match in re.finditer(r"\busing\s+namespace\b", code):
            yield line_of(code, match.start()), "banned", "using namespace in a header: qualify"
    lines = text.split("\n")
    for match in re.finditer(r"\bcatch\s*\(\s*\.\.\.\s*\)", code):
        line = line_of(code, match.start())
        near = " ".join(lines[max(0, line - 3):line + 2]).lower()
        block = code[match.end():code.find("}", match.end())]
        if "thread entry" not in near and not re.search(r"\bthrow\s*;", block):
            yield line, "banned", ("catch (...): name what is caught, or throw it on; at the entry "
                                   "of a thread say 'thread entry' in a comment beside it")


def nothing_is_left_to_do(path, text):
    for match in re.finditer(r"\b(FIX" r"ME|TO" r"DO|X" r"XX)\b", text):
        yield (line_of(text, match.start()), "unfinished",
               f"{match.group(1)}: do it, or open an issue and say so in a sentence")


def names_say_what_they_hold(path, text):
    for part in path.split("/"):
        stem = part.split(".")[0]
        if re.search(r"(^|_)(utils?|commons?|helpers?|misc)(_|$)", stem):
            yield 1, "name", f"'{part}' says nothing: name the concept"


def nothing_of_this_machine(path, text, root, home):
    known = {str(root)}
    for folder in (root.parent, home):
        if str(folder) not in ("/", "/root", "/home", "/tmp", "/usr", "/opt", "/srv", "/var"):
            known.add(str(folder) + "/")
    pattern = "|".join(re.escape(name) for name in sorted(known)) + r"|/home/\w+/|/Users/\w+/"
    for match in re.finditer(rf"(?<![\w.}}]){'(?:' + pattern + ')'}", text):
        yield (line_of(text, match.start()), "machine-path",
               f"{match.group(0)} exists only here: make it relative")
    # By what such names begin with: the hosts themselves are named nowhere, not even here.
    hosts = (r"https?://(?:registry|repo\d?|proxy|deb|static|files|index|security)\.[\w.-]+"
             r"|\b(?:deb|security|snapshot|registry|repo\d?)\.(?:[\w-]+\.)+(?:org|com|net)\b"
             r"|\bpyp[i]\.org")
    for match in re.finditer(hosts, text):
        yield (line_of(text, match.start()), "registry-host",
               f"{match.group(0)}: ask the machine's own configuration for its mirror")


def decisions_are_whole(path, text):
    if not re.match(r"docs/decisions/.*\.md$", path) or path.endswith("README.md"):
        return
    if not re.match(r"docs/decisions/\d{4}-[a-z0-9-]+\.md$", path):
        yield 1, "decision", "call it NNNN-title.md"
    for heading in ("Context", "Choice", "Consequences"):
        if not re.search(rf"^##+ {heading}\s*$", text, re.MULTILINE):
            yield 1, "decision", f"add the section '## {heading}'"


RULES = [first_line_is_the_licence, lines_are_short, files_are_short, functions_are_short,
         includes_follow_the_table, banned_calls_are_absent, nothing_is_left_to_do,
         names_say_what_they_hold, decisions_are_whole]
