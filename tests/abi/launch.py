#!/usr/bin/python3
"""Runs a program on a chosen set of Farstream files, with a fresh GStreamer registry, and tells it what to expect.

  ours                our library, our plugin files; the transmitters are built in
  debian-transmitters our library and plugin files with the transmitters of Debian, found through FS_PLUGIN_PATH
  debian-plugin       our library under Debian's own fsrtpconference and its transmitters
  stock               everything as Debian ships it: shows that the program asks for nothing the original does not give

The last two hide the srtp plugin, without which Debian's fsrtpconference is silent on libsrtp 2.5. The environment variables
EXPECT_LIBRARY, EXPECT_PLUGIN, EXPECT_TRANSMITTER and EXPECT_TYPELIB tell the program which files must be in use. Exit status
77, which Meson counts as skipped, says that Debian's files are not installed, or that a network namespace is not allowed.

--transmitter names the transmitter that the program will use, when it is not rawudp; with --transmitter-dir it is a file of
that folder, which then is FS_PLUGIN_PATH. --own-network runs the program in a network namespace that has nothing but a
loopback interface with multicast.
"""

import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile

# Nothing of the caller's own set-up may reach the program.
FOREIGN = ("FS_PLUGIN_PATH", "GST_PLUGIN_PATH", "GST_PLUGIN_PATH_1_0", "GST_PLUGIN_SYSTEM_PATH", "GST_PLUGIN_SYSTEM_PATH_1_0",
           "GST_REGISTRY", "GST_REGISTRY_1_0", "GI_TYPELIB_PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "XDG_DATA_DIRS",
           "FS_AUDIO_CODECS_CACHE", "FS_VIDEO_CODECS_CACHE", "FS_APPLICATION_CODECS_CACHE")


def only(pattern, what):
    """The one file that matches, as a real path."""
    found = sorted(set(map(os.path.realpath, glob.glob(pattern))))
    if len(found) != 1:
        print(f"skipped: {what} is not installed ({pattern}); apt-get install libfarstream-0.2-dev gir1.2-farstream-0.2")
        sys.exit(77)
    return found[0]


def hide_srtp(stock, folder):
    """A folder with links to all of Debian's GStreamer plugins but srtp."""
    for plugin in glob.glob(os.path.join(stock, "gstreamer-1.0", "*.so")):
        if os.path.basename(plugin) != "libgstsrtp.so":
            os.symlink(plugin, os.path.join(folder, os.path.basename(plugin)))
    return folder


def own_network(program):
    """The command that runs `program` with a loopback interface of its own. Root may do that, and on most systems any user."""
    prefix = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    up = "ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo"
    tried = subprocess.run([*prefix, "sh", "-c", up], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        print("skipped: this test needs a network namespace with multicast on its loopback interface. Run it as root (or allow "
              f"unprivileged user namespaces) with util-linux and iproute2 installed: {tried.stderr.strip()}")
        sys.exit(77)
    return [*prefix, "sh", "-c", up + ' && exec "$@"', "sh", *program]


# GStreamer 1.22's rtpmux changes the format of its source pad at a collision of SSRCs, also where it has none yet (gstrtpmux.c). Debian's
# fsrtpconference runs into that at the start of one call over multicast in ten or so, when it hears itself early.
KNOWN = "GStreamer-CRITICAL **", "gst_mini_object_make_writable: assertion 'mini_object != NULL' failed"


def run_under_debians(program, env):
    """The exit status under Debian's own fsrtpconference. What ended by the known critical says nothing, and is run again."""
    for _ in range(4):
        done = subprocess.run(program, env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        sys.stderr.write(done.stderr)
        last = next((line for line in reversed(done.stderr.splitlines()) if "-CRITICAL **" in line), "")
        if done.returncode == 0 or not all(part in last for part in KNOWN):
            break
        print("again: rtpmux had no format", flush=True)
    return done.returncode


def environment(arguments, folder):
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    stock = arguments.stock_libdir
    env["GST_REGISTRY"] = os.path.join(folder, "registry.bin")
    env["XDG_CACHE_HOME"] = os.path.join(folder, "cache")
    env["XDG_DATA_HOME"] = os.path.join(folder, "data")
    # A wrong allocator for a boxed structure is then noticed where it is freed.
    env.setdefault("G_SLICE", "debug-blocks")
    env["G_DEBUG"] = "fatal-criticals"

    if arguments.files == "stock":
        env["EXPECT_LIBRARY"] = only(f"{stock}/libfarstream-0.2.so.5", "Debian's library")
    else:
        env["LD_LIBRARY_PATH"] = arguments.library_dir
        env["EXPECT_LIBRARY"] = os.path.realpath(os.path.join(arguments.library_dir, "libfarstream-0.2.so.5"))
        if arguments.data_dir:
            env["XDG_DATA_DIRS"] = f"{arguments.data_dir}:/usr/local/share:/usr/share"

    if arguments.files in ("ours", "debian-transmitters"):
        env["GST_PLUGIN_PATH"] = arguments.plugin_dir
        env["EXPECT_PLUGIN"] = os.path.realpath(os.path.join(arguments.plugin_dir, "libfsrtpconference.so"))
    else:
        plugins = os.path.join(folder, "plugins")
        os.mkdir(plugins)
        if not arguments.keep_srtp:
            env["GST_PLUGIN_SYSTEM_PATH"] = hide_srtp(stock, plugins)
        env["EXPECT_PLUGIN"] = only(f"{stock}/gstreamer-1.0/libfsrtpconference.so", "Debian's fsrtpconference")

    transmitters = arguments.transmitter_dir or (None if arguments.files == "ours" else os.path.join(stock, "farstream-0.2"))
    env["EXPECT_TRANSMITTER"] = ""
    if transmitters:
        name = f"lib{arguments.transmitter}-transmitter.so"
        env["FS_PLUGIN_PATH"] = transmitters
        if arguments.transmitter_dir:
            env["EXPECT_TRANSMITTER"] = os.path.realpath(os.path.join(transmitters, name))
        else:
            env["EXPECT_TRANSMITTER"] = only(os.path.join(transmitters, name), f"Debian's transmitter {arguments.transmitter}")

    if arguments.typelib == "ours":
        env["GI_TYPELIB_PATH"] = arguments.library_dir
        env["EXPECT_TYPELIB"] = os.path.realpath(os.path.join(arguments.library_dir, "Farstream-0.2.typelib"))
    else:
        env["EXPECT_TYPELIB"] = only("/usr/lib/*/girepository-1.0/Farstream-0.2.typelib", "Debian's typelib")
    return env


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", choices=("ours", "debian-transmitters", "debian-plugin", "stock"), default="ours")
    parser.add_argument("--typelib", choices=("ours", "stock"), default="stock")
    parser.add_argument("--library-dir", required=True)
    parser.add_argument("--plugin-dir", required=True)
    parser.add_argument("--data-dir", help="our data files, for programs that read them")
    parser.add_argument("--stock-libdir", required=True)
    parser.add_argument("--transmitter", default="rawudp")
    parser.add_argument("--transmitter-dir")
    parser.add_argument("--own-network", action="store_true")
    parser.add_argument("--keep-srtp", action="store_true", help="for programs that send nothing")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()

    folder = tempfile.mkdtemp(prefix="farstream-test-")
    try:
        env = environment(arguments, folder)
        program = own_network(arguments.program) if arguments.own_network else arguments.program
        if arguments.files in ("debian-plugin", "stock") and arguments.transmitter == "multicast":
            sys.exit(run_under_debians(program, env))
        sys.exit(subprocess.run(program, env=env, stdin=subprocess.DEVNULL, check=False).returncode)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
