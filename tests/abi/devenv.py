#!/usr/bin/python3
"""Runs itself inside `meson devenv` and says which library, typelib, plugins and data files a program finds there."""

import os
import subprocess
import sys


def outside(meson, build):
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("GST_", "LD_", "GI_", "FS_")) and name != "XDG_DATA_DIRS"}
    command = [meson, "devenv", "-C", build, sys.executable, os.path.abspath(__file__), "inside", build]
    sys.exit(subprocess.run(command, env=env, check=False).returncode)


def inside(build):
    import gi

    gi.require_version("Farstream", "0.2")
    from gi.repository import Farstream, Gst

    Gst.init(None)
    build = os.path.realpath(build) + "/"
    results = []

    def check(good, what):
        results.append(good)
        print("ok -" if good else "not ok -", what, flush=True)

    for name in ("fsrtpconference", "fssipcall"):
        factory = Gst.ElementFactory.find(name)
        plugin = os.path.realpath(factory.get_plugin().get_filename()) if factory else None
        check(plugin and plugin.startswith(build), f"{name} comes from {plugin}")
    conference = Gst.ElementFactory.make("fsrtpconference")
    with open("/proc/self/maps", encoding="utf-8") as maps:
        libraries = sorted({line[line.index("/"):].strip() for line in maps if "/libfarstream-0.2.so" in line})
    check(len(libraries) == 1 and libraries[0].startswith(build), f"the library is {libraries}")
    typelib = os.path.realpath(gi.Repository.get_default().get_typelib_path("Farstream"))
    check(typelib.startswith(build), f"the typelib is {typelib}")
    check(os.environ["GST_REGISTRY"].startswith(build), f"the registry is {os.environ['GST_REGISTRY']}")
    preferences = [codec.to_string() for codec in Farstream.utils_get_default_codec_preferences(conference)]
    check(len(preferences) > 5, f"{len(preferences)} default codec preferences are found: {preferences[:2]} ...")
    notifier = Farstream.ElementAddedNotifier()
    check(notifier.set_default_properties(conference) != 0, "default element properties are found")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    if sys.argv[1] == "inside":
        inside(sys.argv[2])
    outside(sys.argv[1], sys.argv[2])
