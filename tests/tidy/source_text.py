# SPDX-License-Identifier: Apache-2.0
"""C++ as far as the house rules need it: text without comments and strings, and its functions.

No parser: a scanner that follows braces. It knows scopes (namespace, class, enum), functions
(anything whose braces follow a parameter list) and initializers, which is all that lengths and
parameter counts ask for.
"""
import re
from dataclasses import dataclass

TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|(?:u8|u|U|L)?R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


def without_comments(text, keep_strings=False):
    """The same lines and columns, comments blanked, the insides of strings too unless kept."""
    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        if keep_strings:
            return token
        if token.endswith('"'):
            return '"' + re.sub(r"[^\n]", " ", token[1:-1]) + '"'
        return "'" + " " * (len(token) - 2) + "'"
    return TOKENS.sub(blank, text)


@dataclass
class Function:
    name: str
    first_line: int
    last_line: int
    parameters: int
    has_body: bool


# What may stand between the parameter list and the body.
TAIL = re.compile(r"(?:\s|const\b|noexcept\b|override\b|final\b|mutable\b|try\b|&"
                  r"|->\s*[\w:<>,\s*&()\[\]]+|requires\b.*)*$", re.DOTALL)
SCOPE = re.compile(r"(?:inline\s+)?namespace\b|extern\s+\"|(?:template\s*<.*>\s*)?(?:typedef\s+)?"
                   r"(?:\[\[.*?\]\]\s*)?(?:class|struct|union|enum)\b", re.DOTALL)
NO_FUNCTION = {"decltype", "noexcept", "alignas", "requires", "static_assert", "explicit", "if",
               "for", "while", "switch", "return", "catch", "sizeof", "defined"}


def kind_of_brace(head):
    if SCOPE.match(head) and not head.endswith(")"):
        return "scope"
    if re.search(r"\]\s*(?:mutable\s*)?$", head) and "[" in head and "operator" not in head:
        return "function"  # a lambda without a parameter list
    if head.endswith(("{}", ")")) and re.search(r"\)[^():]*:(?!:)", head):
        return "function"  # after a constructor's initializers
    closing = head.rfind(")")
    if closing >= 0:
        arrow = re.search(r"\)\s*(?:const\s*)?(?:noexcept\s*)?->", head)
        tail = head[arrow.start() + 1:] if arrow else head[closing + 1:]
        if TAIL.match(tail):
            return "function"
    return "initializer"


def parameter_list(head):
    """(name, text between the parentheses) of the function that this head declares, or None."""
    plain = re.sub(r"\boperator\s*\(\s*\)", "operator_call", head)
    depth = 0
    for index, character in enumerate(plain):
        if character == "<":
            depth += 1
        elif character == ">" and plain[index - 1:index] != "-":
            depth = max(0, depth - 1)
        elif character == "=" and depth == 0 and not plain[:index].rstrip().endswith("operator"):
            return None
        elif character == "(" and depth == 0:
            name = re.search(r"(~?[A-Za-z_]\w*|operator\s*\S+)\s*$", plain[:index])
            if not name:
                return None
            if name.group(1) in NO_FUNCTION:
                continue
            return name.group(1), matching_text(plain, index)
    return None


def matching_text(text, opening):
    depth = 0
    for index in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[index], 0)
        if depth == 0:
            return text[opening + 1:index]
    return text[opening + 1:]


def count_parameters(text):
    if text.strip() in ("", "void"):
        return 0
    depth = 0
    count = 1
    for index, character in enumerate(text):
        if character in "([{<":
            depth += 1
        elif character in ")]}" or (character == ">" and text[index - 1:index] != "-"):
            depth -= 1
        elif character == "," and depth == 0:
            count += 1
    return count


class Scanner:
    """Walks the braces once; `functions` holds what was found outside of other functions."""

    def __init__(self, text):
        code = without_comments(text)
        # A preprocessor line, with what it continues on, must not reach the scanner.
        self.code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                           lambda match: re.sub(r"[^\n]", " ", match.group(0)), code,
                           flags=re.MULTILINE)
        self.functions = []
        self.stack = []  # (kind, first line of the head, head) of each open brace
        self.head = ""
        self.head_line = 1

    def inside_scopes(self):
        return all(kind == "scope" for kind, _, _ in self.stack)

    def scan(self):
        line = 1
        for character in self.code:
            if character == "\n":
                line += 1
            if character == "{":
                self.open(line)
            elif character == "}":
                self.close(line)
            elif character == ";":
                self.end_declaration(line)
            elif self.head or not character.isspace():
                if not self.head:
                    self.head_line = line
                self.head += character
                if re.fullmatch(r"(?:public|private|protected)\s*:", self.head):
                    self.head = ""
        return self.functions

    def open(self, line):
        head = self.head.strip()
        if not self.inside_scopes():
            kind = "inner"
        elif head.count("(") > head.count(")"):
            kind = "initializer"  # a default argument, or a lambda that is an argument
        else:
            kind = kind_of_brace(head)
        self.stack.append((kind, self.head_line if head else line, head))
        self.head = ""

    def close(self, line):
        if not self.stack:
            return
        kind, first_line, head = self.stack.pop()
        self.head = ""
        if kind == "function":
            self.add(head, first_line, line, True)
        elif kind == "initializer":  # the statement goes on: x{1}; or a constructor's a_{1} {
            self.head = head + "{}"
            self.head_line = first_line

    def end_declaration(self, line):
        if self.inside_scopes():
            self.add(self.head.strip(), self.head_line, line, False)
        self.head = ""

    def add(self, head, first_line, last_line, has_body):
        found = parameter_list(head)
        if found is None or head.startswith(("using ", "typedef ", "friend class")):
            if not has_body:
                return
            found = ("lambda", "")
        name, parameters = found
        count = 0 if name.isupper() and len(name) > 1 else count_parameters(parameters)
        self.functions.append(Function(name, first_line, last_line, count, has_body))


def functions_of(text):
    return Scanner(text).scan()
