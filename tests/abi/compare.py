#!/usr/bin/python3
"""Compares our library with Debian's Farstream 0.2.9, one aspect a run: symbols, types, layout or gir.

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
import xml.etree.ElementTree

GIR = "{http://www.gtk.org/introspection/core/1.0}"
C = "{http://www.gtk.org/introspection/c/1.0}"
GLIB = "{http://www.gtk.org/introspection/glib/1.0}"

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


# -------------------------------------------------------------------------------------------------------------------- GIR

# Where Debian's introspection data are wrong, and ours say what the functions do.
CORRECTED = {
    "fs_candidate_list_copy": "copies candidates, not codecs",
    "fs_codec_get_feedback_parameter": "returns a pointer that belongs to the codec",
    "fs_utils_get_default_rtp_header_extension_preferences": "returns header extensions, not codecs",
}


def type_of(element):
    for child in element:
        if child.tag in (GIR + "type", GIR + "array"):
            inner = [type_of_child(each) for each in child]
            return type_of_child(child) if not inner else f"{type_of_child(child)}"
        if child.tag == GIR + "varargs":
            return "..."
    return "?"


def type_of_child(element):
    name = "array" if element.tag == GIR + "array" else element.get("name") or element.get(C + "type") or "?"
    inner = [type_of_child(each) for each in element if each.tag in (GIR + "type", GIR + "array")]
    return f"{name}<{','.join(inner)}>" if inner else name


def callable_of(element):
    """What a caller must know. To say that an argument may be missing takes nothing from anybody, so it is not compared."""
    returned = element.find(GIR + "return-value")
    parameters = [f"{each.get('name')}: {type_of(each)} {each.get('direction', 'in')} {each.get('transfer-ownership')}"
                  for each in element.findall(f"{GIR}parameters/{GIR}parameter")]
    return [f"throws={element.get('throws', '0')} hidden={element.get('introspectable') == '0'}",
            f"returns {type_of(returned)} {returned.get('transfer-ownership')}", *parameters]


def entities(path):
    """Every entity of a GIR file by name, with what a program can see of it."""
    found = {}
    namespace = xml.etree.ElementTree.parse(path).getroot().find(GIR + "namespace")
    found["namespace"] = [namespace.get("name"), namespace.get("version"), namespace.get("shared-library"),
                          namespace.get(C + "identifier-prefixes"), namespace.get(C + "symbol-prefixes")]
    for element in namespace:
        kind = re.sub(r"\{.*\}", "", element.tag)
        name = element.get("name") or element.get(GLIB + "name")
        if kind == "docsection":
            continue
        key = f"{kind} {name}"
        found[key] = [element.get(word) or "" for word in ("value", "parent", "abstract", GLIB + "get-type", GLIB + "error-domain")]
        if kind == "function":
            found[f"callable {element.get(C + 'identifier')}"] = callable_of(element)
        for child in element:
            part = re.sub(r"\{.*\}", "", child.tag)
            label = child.get(C + "identifier") or f"{name}.{child.get('name')}"
            if part in ("method", "function", "constructor"):
                found[f"callable {label}"] = callable_of(child)
            elif part in ("virtual-method", "signal"):
                found[f"{part} {label}"] = callable_of(child)
            elif part == "property":
                found[f"property {label}"] = [type_of(child)] + [
                    child.get(word) or "" for word in ("writable", "readable", "construct", "construct-only", "transfer-ownership")]
            elif part == "field":
                found[f"field {label}"] = [type_of(child)] + [child.get(word) or "" for word in ("writable", "readable", "private")]
            elif part == "member":
                found[f"member {label}"] = [child.get("value"), child.get(GLIB + "nick") or ""]
    return found


def compare_gir(arguments):
    ours, stock = entities(arguments.gir), entities(arguments.stock_gir)
    missing, more = sorted(set(stock) - set(ours)), sorted(set(ours) - set(stock))
    check(not missing, f"all {len(stock)} entities of Debian's GIR are there{': missing ' + ', '.join(missing) if missing else ''}")
    check(not more, f"there are no others{': ' + ', '.join(more) if more else ''}")
    kinds = {}
    for name in sorted(set(stock) & set(ours)):
        kind = name.split()[0]
        symbol = name.split()[-1]
        total, wrong = kinds.setdefault(kind, [0, []])
        kinds[kind][0] = total + 1
        if ours[name] != stock[name] and symbol not in CORRECTED:
            wrong.append(name)
    for kind, (total, wrong) in kinds.items():
        if not check(not wrong, f"{kind}: {total} entities are equal"):
            for name in wrong:
                print("    " + name)
                show(ours[name], stock[name])
    for name, reason in CORRECTED.items():
        check(ours[f"callable {name}"] != stock[f"callable {name}"], f"{name} {reason}")
    documented = sum(1 for element in xml.etree.ElementTree.parse(arguments.gir).getroot().iter()
                     if element.tag in (GIR + "method", GIR + "constructor", GIR + "property", GLIB + "signal")
                     and element.find(GIR + "doc") is None)
    check(documented == 0, f"every method, constructor, property and signal is documented ({documented} are not)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("aspect", choices=("symbols", "types", "layout", "gir"))
    for option in ("library", "stock-library", "plugin-dir", "plugins", "symbols", "added", "program", "stock-program", "gir", "stock-gir"):
        parser.add_argument(f"--{option}", default="")
    arguments = parser.parse_args()
    for path in (arguments.stock_library, arguments.stock_gir):
        if path and not os.path.exists(path):
            print(f"skipped: {path} is not installed; apt-get install libfarstream-0.2-dev gir1.2-farstream-0.2")
            sys.exit(77)
    {"symbols": compare_symbols, "types": compare_types, "layout": compare_layout, "gir": compare_gir}[arguments.aspect](arguments)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
