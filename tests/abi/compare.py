#!/usr/bin/python3
"""Compares our library with Debian's Farstream 0.2.9, one aspect a run: symbols, types or layout. The introspection data have
gir.py.

Prints one line "ok - ..." or "not ok - ..." for each thing compared and says what differs. Exit status 77, which Meson
counts as skipped, says that Debian's files are not installed.
"""

import argparse
import difflib
import glob
import os
import re
import subprocess
import sys
import tempfile

failures = 0


def check(good, what):
    """One line for one test."""
    global failures
    print("ok -" if good else "not ok -", what)
    failures += not good
    return good


# ---------------------------------------------------------------------------------------------------------------- symbols

# What the library may export beyond Farstream's: the way into its GStreamer plugins, and the SIP namespace.
ALLOWED = re.compile(r"gst_plugin_fs\w+_(get_desc|register)|fs_sip_\w+")


def read_list(path):
    """The first word of each line that is no comment."""
    with open(path, encoding="utf-8") as lines:
        return {line.split()[0]: line.split(None, 1)[1:] for line in lines if line.strip() and not line.startswith("#")}


def compare_symbols(arguments):
    listed = set(read_list(arguments.symbols))
    check(len(listed) == 119, f"{arguments.symbols} lists {len(listed)} symbols")
    added = read_list(arguments.added)
    check(all(added.values()), f"each of the {len(added)} added symbols has its reason")
    output = subprocess.run(["nm", "-D", "--defined-only", arguments.library], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1]: line.split()[-2] for line in output.splitlines()}
    missing = sorted(listed - set(exported))
    check(not missing, f"all 119 symbols of 0.2.9 are exported{': missing ' + ' '.join(missing) if missing else ''}")
    strange = sorted(name for name in set(exported) - listed - set(added) if not ALLOWED.fullmatch(name))
    check(not strange, f"nothing else is exported{': ' + ' '.join(strange) if strange else ''}")
    unused = sorted(set(added) - set(exported))
    check(not unused, f"every added symbol exists{': missing ' + ' '.join(unused) if unused else ''}")
    plugins = sorted(name for name in exported if name.endswith("_get_desc"))
    wanted = sorted(f"gst_plugin_{name}_get_desc" for name in arguments.plugins.split(","))
    check(set(wanted) <= set(plugins), f"the descriptors of the plugin files are exported: {' '.join(plugins)}")
    kinds = sorted({kind for name, kind in exported.items() if name in listed})
    check(kinds == ["T"], f"they are functions (nm says {' '.join(kinds)})")
    dynamic = subprocess.run(["readelf", "-d", arguments.library], capture_output=True, text=True, check=True).stdout
    check("Library soname: [libfarstream-0.2.so.5]" in dynamic, "the soname is libfarstream-0.2.so.5")
    check("NODELETE" in dynamic, "the library is never unloaded")
    needed = re.findall(r"Shared library: \[(.*?)\]", dynamic)
    check(not [name for name in needed if "farstream" in name], f"it needs no other Farstream ({' '.join(needed)})")
    if arguments.stock_library:
        output = subprocess.run(["nm", "-D", "--defined-only", arguments.stock_library], capture_output=True, text=True, check=True)
        check({line.split()[-1] for line in output.stdout.splitlines()} == listed, "the list is what Debian's library exports")
    for plugin in glob.glob(os.path.join(arguments.plugin_dir, "*.so")):
        dynamic = subprocess.run(["readelf", "-d", plugin], capture_output=True, text=True, check=True).stdout
        check("Shared library: [libfarstream-0.2.so.5]" in dynamic, f"{os.path.basename(plugin)} needs the library")
        output = subprocess.run(["nm", "-D", "--defined-only", plugin], capture_output=True, text=True, check=True).stdout
        check(not output.strip(), f"{os.path.basename(plugin)} holds nothing of its own")


# ------------------------------------------------------------------------------------------------------- types and layout

def run_on(program, library_dir, library):
    """The output of a program on a library, and whether that is the one it ran on."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GST_", "LD_"))}
    if library_dir:
        env["LD_LIBRARY_PATH"] = library_dir
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=True, env=env).stdout
    used = re.search(r"libfarstream-0\.2\.so\.5 => (\S+)", linked)
    used = os.path.realpath(used.group(1)) if used else None
    check(used == os.path.realpath(library), f"{os.path.basename(program)} runs on {used}")
    with tempfile.TemporaryDirectory(prefix="farstream-test-") as folder:
        env.update(GST_REGISTRY=os.path.join(folder, "registry.bin"), GST_PLUGIN_SYSTEM_PATH=folder, G_DEBUG="fatal-warnings")
        return subprocess.run([program], capture_output=True, text=True, check=True, env=env).stdout.splitlines()


def show(ours, stock, limit=40):
    lines = list(difflib.unified_diff(stock, ours, "Debian", "ours", n=0, lineterm=""))
    for line in lines[:limit]:
        print("    " + line)
    if len(lines) > limit:
        print(f"    ... and {len(lines) - limit} more")


def by_type(lines):
    """The lines of a dump, grouped by the type they speak of."""
    groups = {}
    for line in lines:
        words = line.split()
        name = words[2] if words[0] == "type" else re.split(r"[.:]", words[1])[0]
        groups.setdefault(name, []).append(line)
    return groups


def compare_types(arguments):
    ours = by_type(run_on(arguments.program, os.path.dirname(arguments.library), arguments.library))
    stock = by_type(run_on(arguments.program, None, arguments.stock_library))
    types = [name for name, lines in stock.items() if lines[0].startswith("type ")]
    check(len(types) == 25, f"Debian's library has {len(types)} types")
    check(set(ours) == set(stock), f"the types have the same names {sorted(set(ours) ^ set(stock)) or ''}")
    for name in stock:
        mine, theirs = sorted(ours.get(name, [])), sorted(stock[name])
        if not check(mine == theirs, f"{name} is equal ({len(theirs)} facts)"):
            show(mine, theirs)


def compare_layout(arguments):
    ours, stock = (subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
                   for program in (arguments.program, arguments.stock_program))
    if not check(ours == stock, f"both sets of headers give the same layout ({len(stock)} facts)"):
        show(ours, stock)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("aspect", choices=("symbols", "types", "layout"))
    for option in ("library", "stock-library", "plugin-dir", "plugins", "symbols", "added", "program", "stock-program"):
        parser.add_argument(f"--{option}", default="")
    arguments = parser.parse_args()
    path = arguments.stock_library
    if path and not os.path.exists(path):
        print(f"skipped: {path} is not installed; apt-get install libfarstream-0.2-dev")
        sys.exit(77)
    {"symbols": compare_symbols, "types": compare_types, "layout": compare_layout}[arguments.aspect](arguments)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
