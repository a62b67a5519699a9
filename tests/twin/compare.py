#!/usr/bin/python3
"""Runs a program of the twin run on Debian's files and on ours, and compares what it prints.

The rows that may differ are listed in differences.txt, each with what either library says; a difference that is not listed, or
is listed otherwise, is an error. So is one that is listed and gone, but for those under "so far:", which something yet to be
written will remove. Those under "annotations:" must be gone when our library is called through Debian's typelib. The GIR of Debian says which callables there are: a program that leaves one of them out fails as well.

Prints one line "ok - ..." or "not ok - ..." a callable. Exit status 77, which Meson counts as skipped, says that Debian's files
are not installed.
"""

import argparse
import os
import subprocess
import sys
import xml.etree.ElementTree

GIR = "{http://www.gtk.org/introspection/core/1.0}"
C = "{http://www.gtk.org/introspection/c/1.0}"
SO_FAR = "so far: "
ANNOTATIONS = "annotations: "
BROKEN = ("crashes", "hangs", "row fails", "ends with")  # what a row says that ended too early


def callables(gir, bindings):
    """The C names of all callables of the GIR, or of those that bindings can reach."""
    tags = {GIR + "function", GIR + "method", GIR + "constructor"}
    entries = [entry for entry in xml.etree.ElementTree.parse(gir).iter() if entry.tag in tags]
    return {entry.get(C + "identifier") for entry in entries if not bindings or entry.get("introspectable") != "0"}


def imports(program):
    """The functions a C program really calls, as its undefined symbols say."""
    output = subprocess.run(["nm", "-D", "--undefined-only", program], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines()}


def run(launch, files, typelib, program):
    """Row -> what it says."""
    command = [*launch, "--files", files, "--typelib", typelib, "--keep-srtp", *program]
    done = subprocess.run(command, capture_output=True, check=False)
    output = done.stdout.decode("utf-8", "backslashreplace")
    if done.returncode:
        print(output)
        print(done.stderr.decode("utf-8", "backslashreplace"), file=sys.stderr)
        sys.exit(done.returncode)
    lines = (line.partition(":") for line in output.split("\n") if line)
    return {key: said.strip() for key, _, said in lines}


def check_memory(launch, program):
    """Runs the C program on our library under valgrind: a row ends with status 9 if it touches memory that is not its own."""
    valgrind = ["valgrind", "-q", "--fair-sched=yes", "--leak-check=no", "--error-exitcode=9",
                "--suppressions=/usr/share/glib-2.0/valgrind/glib.supp"]
    os.environ["G_SLICE"] = "always-malloc"
    rows = run(launch, "ours", "stock", [*valgrind, *program])
    broken = sorted(key for key, said in rows.items() if said.startswith(BROKEN))
    for key in broken:
        print(f"not ok - {key}: {rows[key]}")
    print("not ok -" if broken or not rows else "ok -", f"{len(broken)} of {len(rows)} rows misuse memory")
    return not broken and bool(rows)


def listed(path, name):
    """Row -> (what stock says, what ours says, reason) of one program."""
    found, reason, key = {}, None, None
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip()
            if line.startswith("== "):
                reason = line[3:]
            elif line.startswith("  "):
                which, _, said = line.strip().partition(":")
                if key:
                    found[key][("stock", "ours").index(which)] = said.strip()
            elif line and not line.startswith("#"):
                program, key = line.split(" ", 1)
                assert reason and program in ("C", "Python"), f"{path}:{number}: {line}"
                key = key if program == name else None
                if key:
                    assert key not in found, f"{path}:{number}: {key} is listed twice"
                    found[key] = [None, None, reason]
    return found


def judge(key, stock, ours, entry, name):
    """What is wrong with a row; nothing if it is equal or listed."""
    if entry is None:
        return None if stock == ours else f"differs:\n{name} {key}\n  stock: {stock}\n  ours: {ours}"
    if [stock, ours] == entry[:2]:
        return None
    if stock == ours:
        return None if entry[2].startswith(SO_FAR) else "is listed as different and is not"
    return f"differs otherwise than listed:\n{name} {key}\n  stock: {stock}\n  ours: {ours}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", choices=("C", "Python"), required=True)
    parser.add_argument("--typelib", choices=("ours", "stock"), default="ours", help="what our library is called through")
    parser.add_argument("--gir", required=True)
    parser.add_argument("--differences", required=True)
    parser.add_argument("--launch", required=True, help="tests/abi/launch.py")
    for name in ("library-dir", "plugin-dir", "data-dir", "stock-libdir"):
        parser.add_argument(f"--{name}", required=True, help="as for the launcher")
    parser.add_argument("--memory", action="store_true", help="run the C program on our library alone, under valgrind")
    parser.add_argument("--program", nargs="+", required=True)
    arguments = parser.parse_args()
    launch = [sys.executable, arguments.launch, "--library-dir", arguments.library_dir, "--plugin-dir", arguments.plugin_dir,
              "--data-dir", arguments.data_dir, "--stock-libdir", arguments.stock_libdir]

    if arguments.memory:
        sys.exit(0 if check_memory(launch, arguments.program) else 1)
    wanted = callables(arguments.gir, arguments.name == "Python")
    stock = run(launch, "stock", "stock", arguments.program)
    ours = run(launch, "ours", arguments.typelib, arguments.program)
    entries = listed(arguments.differences, arguments.name)
    if arguments.typelib == "stock":
        entries = {key: entry for key, entry in entries.items() if not entry[2].startswith(ANNOTATIONS)}
    failures = 0

    def check(good, what):
        nonlocal failures
        print("ok -" if good else "not ok -", what)
        failures += not good

    check(list(stock) == list(ours), f"both runs have the same {len(stock)} rows")
    unknown = sorted(set(entries) - set(stock))
    check(not unknown, f"the {len(entries)} listed differences are about rows that exist {unknown or ''}")
    called = {key.split()[0] for key in ours}
    if arguments.name == "C":
        called &= imports(arguments.program[-1])
    missing = sorted(wanted - called)
    check(not missing, f"{len(wanted)} callables can be called, {len(wanted & called)} are {missing or ''}")
    broken = sorted(key for key, said in ours.items() if said.startswith(BROKEN))
    check(not broken, f"no row ends our library {broken or ''}")
    for callable_ in sorted(called):
        keys = [key for key in ours if key.split()[0] == callable_ and key in stock]
        wrong = [(key, judge(key, stock[key], ours[key], entries.get(key), arguments.name)) for key in keys]
        wrong = [f"{key} {what}" for key, what in wrong if what]
        differing = sum(stock[key] != ours[key] for key in keys)
        check(not wrong, f"{callable_}: {len(keys)} rows, {differing} with a listed difference" if not wrong else
              f"{callable_}: {len(wrong)} of {len(keys)} rows\n" + "\n".join(wrong))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
