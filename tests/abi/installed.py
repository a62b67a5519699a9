#!/usr/bin/python3
"""Installs the build into an empty folder and uses what lies there, as a distribution's package would.

A C program is compiled with what pkg-config says and places a call; the plugin files find the library by their own run path;
the typelib names it. Prints a line "ok - ..." or "not ok - ..." for each test.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

failures = 0


def check(good, what):
    """One line for one test."""
    global failures
    print("ok -" if good else "not ok -", what, flush=True)
    failures += not good
    return good


def output(command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=True, **more).stdout.strip()


# Loads the element without any path to the library, and says where element and library come from.
LOAD = """
import gi, sys
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
element = Gst.ElementFactory.make("fsrtpconference")
print(element.get_factory().get_plugin().get_filename())
with open("/proc/self/maps") as maps:
    print(*sorted({line[line.index("/"):].strip() for line in maps if "/libfarstream-0.2.so" in line}))
"""

# Uses the library through its typelib, and says where both come from.
INTROSPECT = """
import gi
gi.require_version("Farstream", "0.2")
from gi.repository import Farstream
assert Farstream.Codec.new(0, "PCMU", Farstream.MediaType.AUDIO, 8000).to_string() == "0: audio PCMU clock:8000 channels:0"
print(gi.Repository.get_default().get_typelib_path("Farstream"))
with open("/proc/self/maps") as maps:
    print(*sorted({line[line.index("/"):].strip() for line in maps if "/libfarstream-0.2.so" in line}))
"""


def main():
    parser = argparse.ArgumentParser()
    for option in ("meson", "build", "prefix", "libdir", "source", "launch", "stock-libdir", "cc"):
        parser.add_argument(f"--{option}", required=True)
    arguments = parser.parse_args()

    folder = os.path.realpath(tempfile.mkdtemp(prefix="farstream-installed-"))
    try:
        run(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if failures else 0)


def run(arguments, folder):
    destination = os.path.join(folder, "root")
    subprocess.run([arguments.meson, "install", "-C", arguments.build, "--no-rebuild", "--quiet", "--destdir", destination],
                   check=True, stdout=subprocess.DEVNULL, env={**os.environ, "MESON_INSTALL_QUIET": "1"})
    root = destination + arguments.prefix
    libdir = os.path.join(root, arguments.libdir)
    listed = os.listdir(libdir)
    names = sorted(name for name in listed if name.startswith("libfarstream-0.2.so"))
    check(len(names) == 3 and os.path.realpath(f"{libdir}/libfarstream-0.2.so") == os.path.realpath(f"{libdir}/libfarstream-0.2.so.5")
          == f"{libdir}/{names[-1]}" and re.fullmatch(r"libfarstream-0\.2\.so\.5\.\d+\.\d+", names[-1]),
          f"the library has its three names: {' '.join(names)}")
    headers = sorted(os.listdir(os.path.join(root, "include/farstream-0.2/farstream")))
    check(len(headers) == 13, f"{len(headers)} headers are installed")
    for path in ("share/farstream/0.2/fsrtpconference/default-codec-preferences",
                 "share/farstream/0.2/fsrtpconference/default-element-properties"):
        check(os.path.exists(os.path.join(root, path)), f"{path} is installed")

    env = {name: value for name, value in os.environ.items() if not name.startswith(("GST_", "LD_", "PKG_", "GI_", "FS_"))}
    env.update(PKG_CONFIG_PATH=os.path.join(libdir, "pkgconfig"), PKG_CONFIG_SYSROOT_DIR=destination)
    version = output(["pkg-config", "--modversion", "farstream-0.2"], env=env)
    check(subprocess.run(["pkg-config", "--exists", "farstream-0.2 > 0.2.9"], env=env, check=False).returncode == 0,
          f"pkg-config says {version}, above 0.2.9")
    plugins_dir = output(["pkg-config", "--variable=pluginsdir", "farstream-0.2"], env=env)
    check(plugins_dir.endswith(os.path.join(arguments.prefix, arguments.libdir, "farstream-0.2")), f"its pluginsdir is {plugins_dir}")

    flags = output(["pkg-config", "--cflags", "--libs", "farstream-0.2"], env=env).split()
    # Only Farstream lies below the folder; the packages it requires are where they always are.
    flags = [flag if os.path.exists(flag[2:]) else flag.replace(destination, "", 1) for flag in flags]
    check(f"-I{root}/include/farstream-0.2" in flags, "pkg-config names the installed headers")
    program = os.path.join(folder, "call")
    compiled = subprocess.run([arguments.cc, "-Wall", "-Werror", "-Wno-deprecated-declarations", "-o", program,
                               os.path.join(arguments.source, "tests/c_abi/call.c"), *flags, "-lm"], check=False).returncode
    if check(compiled == 0, "a program compiles with what pkg-config says"):
        call = subprocess.run([sys.executable, arguments.launch, "--files", "ours", "--library-dir", libdir, "--plugin-dir",
                               os.path.join(libdir, "gstreamer-1.0"), "--stock-libdir", arguments.stock_libdir, program],
                              check=False).returncode
        check(call == 0, "and its call succeeds on the installed files")

    typelib_env = {**env, "LD_LIBRARY_PATH": libdir, "GI_TYPELIB_PATH": os.path.join(libdir, "girepository-1.0")}
    typelib, library = output([sys.executable, "-c", INTROSPECT], env=typelib_env).splitlines()
    check(typelib == f"{libdir}/girepository-1.0/Farstream-0.2.typelib", f"Python finds the installed typelib: {typelib}")
    check(library == f"{libdir}/{names[-1]}", f"and by it the installed library: {library}")
    for path in ("share/gir-1.0/Farstream-0.2.gir", "share/doc/farstream-0.2/README.md", "share/doc/farstream-0.2/LICENSE"):
        check(os.path.exists(os.path.join(root, path)), f"{path} is installed")

    env.update(GST_PLUGIN_PATH=os.path.join(libdir, "gstreamer-1.0"), GST_REGISTRY=os.path.join(folder, "registry.bin"))
    plugin, library = output([sys.executable, "-c", LOAD], env=env).splitlines()
    check(plugin == f"{libdir}/gstreamer-1.0/libfsrtpconference.so", f"the installed plugin is found: {plugin}")
    check(library == f"{libdir}/{names[-1]}", f"and finds the installed library by itself: {library}")


if __name__ == "__main__":
    main()
