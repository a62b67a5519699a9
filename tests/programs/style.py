#!/usr/bin/env python3
"""The house rules a machine can check: sizes of files and functions, front comments, forbidden names.

Prints one line "ok - RULE" or "not ok - RULE: places" a rule, and exits 1 if any is broken.
"""
import pathlib
import re
import subprocess
import sys

FILE_LINES, FUNCTION_LINES = 800, 100
FILE_KB = 256
FORBIDDEN_NAMES = {"utils.rs", "common.rs", "helpers.rs", "util.rs", "helper.rs"}
OPEN_MARKS = re.compile(r"\b(TODO|FIXME|XXX)\b|\b(todo|unimplemented)!\(")


def tracked(pattern):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", pattern], capture_output=True, text=True, check=True).stdout
    return [path for path in map(pathlib.Path, out.splitlines()) if path.exists()]


def body(lines):
    """The lines before the inline test module, which is not counted."""
    for number, line in enumerate(lines):
        if line.startswith("#[cfg(test)]") and any(l.startswith("mod ") and l.rstrip().endswith("{") for l in lines[number + 1 : number + 3]):
            return lines[:number]
    return lines


def functions(lines):
    """Yields (first line number, length) of each function, told by indentation as rustfmt lays it out."""
    start = None
    for number, line in enumerate(lines, 1):
        opening = re.match(r"( *)(pub(\([^)]*\))? )?(const |async |unsafe |extern \"[^\"]*\" )*fn \w+", line)
        if start is None and opening:
            start, indent = number, opening.group(1)
            if line.rstrip().endswith(("}", ";")):
                start = None
        elif start is not None and line.rstrip() in (indent + "}", indent + "};") :
            yield start, number - start + 1
            start = None
        elif start is not None and line.startswith(indent) and line.rstrip().endswith(";") and not line[len(indent) :].startswith((" ", ")", "}")):
            start = None


def unnamed_tests():
    """The entries of tests/DEFECTS.md that name a file or a test which is not there, and rows that name none."""
    missing = []
    for row in pathlib.Path("tests/DEFECTS.md").read_text().splitlines():
        if not row.startswith("| ") or row.startswith("| Stock"):
            continue
        entries = [entry.split("::") for entry in re.findall(r"`([^`]+::[^`]+)`", row)]
        if not entries:
            missing.append(row.split("|")[1].strip())
        for file, name in entries:
            path = pathlib.Path(file)
            wanted = rf"fn {re.escape(name)}\b" if path.suffix == ".rs" else re.escape(name)
            if not path.exists() or not re.search(wanted, path.read_text()):
                missing.append(f"{file}::{name}")
    return missing


def check():
    rules = {f"file body at most {FILE_LINES} lines": [], f"function at most {FUNCTION_LINES} lines": [],
             "each file begins with //!": [], "no file named utils, common or helpers": [], "nothing left open": [],
             "no panic=abort": [], "the tests that DEFECTS.md names exist": unnamed_tests(),
             f"no file larger than {FILE_KB} KB": []}
    names = iter(rules)
    too_long, long_function, front, forbidden, marks, abort, _, large = (rules[name] for name in names)
    for path in tracked("*.rs"):
        lines = path.read_text().splitlines()
        inside = body(lines)
        if len(inside) > FILE_LINES and "/tests" not in f"/{path}":
            too_long.append(f"{path} ({len(inside)})")
        long_function += [f"{path}:{start} ({length})" for start, length in functions(inside) if length > FUNCTION_LINES]
        if not (lines and lines[0].startswith(("//!", "#!"))):
            front.append(str(path))
        if path.name in FORBIDDEN_NAMES:
            forbidden.append(str(path))
        marks += [f"{path}:{n}" for n, line in enumerate(lines, 1) if OPEN_MARKS.search(line)]
    abort += [str(path) for path in tracked("*Cargo.toml") if re.search(r"panic\s*=\s*.abort", path.read_text())]
    large += [str(path) for path in tracked("*") if path.stat().st_size > FILE_KB * 1024]
    for rule, places in rules.items():
        print(f"ok - {rule}" if not places else f"not ok - {rule}: {', '.join(places)}")
    return not any(rules.values())


if __name__ == "__main__":
    sys.exit(0 if check() else 1)
