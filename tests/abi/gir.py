#!/usr/bin/python3
"""Compares our introspection data with Debian's: every entity, every type and every annotation, but no wording.

Both files are flattened into facts, one for each attribute of each element, such as

    method fs_session_set_send_codec/parameter send_codec transfer-ownership = none

and the two sets must be equal but for the differences that a list names, each with its reason. A line of the list that
nothing matches is an error too. Documentation is only asked to be there. Exit status 77, which Meson counts as skipped, says
that Debian's file is not installed.
"""

import argparse
import fnmatch
import os
import re
import sys
import xml.etree.ElementTree

CORE = "{http://www.gtk.org/introspection/core/1.0}"
C = "{http://www.gtk.org/introspection/c/1.0}"
GLIB = "{http://www.gtk.org/introspection/glib/1.0}"

# Elements that hold words or places in a source file.
WORDING = {"doc", "doc-deprecated", "source-position"}
# What must be said where: the failures of a function, the default of a property, the thread of a signal or section.
FAILURE = re.compile(r"%FS_ERROR_[A-Z]|#GFileError")
DEFAULT = re.compile(r"\bDefault:\s")
THREAD = re.compile(r"\bthread")
TYPES = {"type", "array", "varargs"}
# What must have a description, and whose parts must have one.
CALLABLES = {"function", "method", "constructor", "virtual-method", "callback", GLIB + "signal"}
DESCRIBED = CALLABLES | {"class", "record", "enumeration", "bitfield", "member", "property", "constant", "function-macro"}
# Names that begin so carry no description in either file: the class and cast macros, and the private structures.
PLAIN_MACRO = re.compile(r"(IS_)?(CANDIDATE|CODEC|CONFERENCE|ELEMENT_ADDED_NOTIFIER|PARTICIPANT|PLUGIN|SESSION|STREAM|"
                         r"STREAM_TRANSMITTER|TRANSMITTER)(_CLASS|_GET_CLASS|_CAST)?$")

failures = 0


def check(good, what):
    """One line for one test."""
    global failures
    print("ok -" if good else "not ok -", what)
    failures += not good
    return good


def short(name):
    """A tag or attribute without the address of its XML namespace, and without that of the core one's."""
    return name.replace(CORE, "").replace(C, "c:").replace(GLIB, "glib:")


def identity(element, place):
    """How an element is told from its siblings: by its C identifier or name, otherwise by its place."""
    kind = short(element.tag)
    name = element.get(C + "identifier") or element.get("name") or element.get(GLIB + "name")
    if kind == "parameter" and name == "...":
        name = "..."
    return f"{kind} {name}" if name else kind if place is None else f"{kind} {place}"


def type_text(element):
    """A type with its element types, and how C writes it."""
    kind = short(element.tag)
    if kind == "varargs":
        return "..."
    inner = ",".join(type_text(child) for child in element if short(child.tag) in TYPES)
    name = element.get("name") or ("array" if kind == "array" else "?")
    details = [f"{short(key)}={value}" for key, value in sorted(element.items()) if key not in ("name", C + "type")]
    written = element.get(C + "type")
    return f"{name}{f'<{inner}>' if inner else ''}{' '.join([''] + details)}{f' as {written}' if written else ''}"


def facts_below(element, path, facts):
    facts[f"{path} is"] = "there"
    for key, value in element.items():
        # "allow-none" only repeats "nullable" and "optional" for old readers.
        if key not in ("name", "line", "filename", "column", "allow-none"):
            facts[f"{path} {short(key)}"] = value
    for child in element:
        kind = short(child.tag)
        if kind in WORDING:
            continue
        if kind in TYPES:
            facts[f"{path} type"] = type_text(child)
        elif kind in ("parameters",):
            names = [short(each.tag) + " " + (each.get("name") or "") for each in child]
            facts[f"{path} parameters"] = ", ".join(names)
            for parameter in child:
                facts_below(parameter, f"{path}/{identity(parameter, None)}", facts)
        else:
            facts_below(child, f"{path}/{identity(child, None)}", facts)


def facts_of(path):
    """All facts of a GIR file, by what they are about."""
    repository = xml.etree.ElementTree.parse(path).getroot()
    facts = {}
    for element in repository:
        kind = short(element.tag)
        if kind == "namespace":
            for key, value in element.items():
                facts[f"namespace {short(key)}"] = value
            for child in element:
                facts_below(child, identity(child, None), facts)
        else:
            facts[f"{kind} {element.get('name')}"] = element.get("version", "there")
    return facts


def read_differences(path):
    """The listed differences: patterns for facts, with the reason in the lines of comment above them."""
    reason, entries, fresh = [], [], True
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip()
            if not line:
                reason, fresh = [], True
            elif line.startswith("#"):
                if not fresh:
                    reason, fresh = [], True
                reason.append(line.lstrip("# "))
            else:
                fresh = False
                entries.append((line, " ".join(reason)))
    return entries


def compare(ours, stock):
    """The facts that differ, each as one line: what it is about, Debian's value, ours."""
    for name in sorted(set(ours) | set(stock)):
        if ours.get(name) != stock.get(name):
            yield f"{name}: {stock.get(name, '-')} -> {ours.get(name, '-')}"


def is_described_elsewhere(element, path):
    """Whether another entity describes this one: a virtual method has its function, a callback its class structure."""
    tag, name = element.tag.replace(CORE, ""), element.get("name") or ""
    return (tag == "function-macro" and PLAIN_MACRO.match(name) or name == "get_type" or name.endswith("Private")
            or tag == "callback" and "Class/" in path or tag == "virtual-method" and element.get("invoker"))


def parts_without_words(element):
    """The parameters of a callable, and its result if it has one, that have no description."""
    for part in element.iter():
        tag = part.tag.replace(CORE, "")
        answers = tag == "return-value" and part.find(f"{CORE}type[@name='none']") is None and element.tag != GLIB + "signal"
        if (answers or tag == "parameter") and part.find(CORE + "doc") is None:
            yield f"{tag} {part.get('name') or ''}"


def says(element, pattern):
    doc = element.find(CORE + "doc")
    return doc is not None and pattern.search(doc.text)


def undocumented(path):
    """What lacks a description, or lacks in it what a caller must know."""
    missing = []

    def visit(element, above):
        tag = element.tag.replace(CORE, "")
        own = f"{above}/{element.get(C + 'identifier') or element.get('name') or ''}"
        if tag in DESCRIBED and not is_described_elsewhere(element, own):
            if element.find(CORE + "doc") is None:
                missing.append(own)
            elif tag in CALLABLES:
                missing.extend(f"{own}: {part}" for part in parts_without_words(element))
            if element.get("throws") and tag != "virtual-method" and not says(element, FAILURE):
                missing.append(f"{own}: its errors")
            if tag == "property" and not says(element, DEFAULT):
                missing.append(f"{own}: its default")
            if tag == GLIB + "signal" and not says(element, THREAD):
                missing.append(f"{own}: its thread")
        if tag == "docsection" and not says(element, THREAD):
            missing.append(f"{own}: threads")
        for child in element:
            visit(child, own)

    visit(xml.etree.ElementTree.parse(path).getroot().find(CORE + "namespace"), "")
    return missing


def main():
    parser = argparse.ArgumentParser()
    for option in ("gir", "stock-gir", "differences"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--print", action="store_true", help="print the differences as they are listed, and no more")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.stock_gir):
        print(f"skipped: {arguments.stock_gir} is not installed; apt-get install libfarstream-0.2-dev")
        sys.exit(77)

    ours, stock = facts_of(arguments.gir), facts_of(arguments.stock_gir)
    found = list(compare(ours, stock))
    if arguments.print:
        print("\n".join(found))
        return
    listed = read_differences(arguments.differences)
    check(all(reason for _, reason in listed), f"each of the {len(listed)} listed differences has its reason")
    unlisted = [line for line in found if not any(fnmatch.fnmatchcase(line, pattern) for pattern, _ in listed)]
    if not check(not unlisted, f"{len(stock)} facts of Debian's GIR are compared, {len(found)} differ, all of them listed"):
        print("\n".join("    " + line for line in unlisted))
    stale = [pattern for pattern, _ in listed if not any(fnmatch.fnmatchcase(line, pattern) for line in found)]
    if not check(not stale, "every listed difference exists"):
        print("\n".join("    " + line for line in stale))
    missing = undocumented(arguments.gir)
    if not check(not missing, "everything is documented: entities, parameters, results, errors, defaults, threads"):
        print("\n".join("    " + line for line in missing))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
