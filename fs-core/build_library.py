#!/usr/bin/python3
"""Has cargo build the shared library and puts it where Meson wants it, under its three names.

The file is only replaced when it changed, so that nothing behind it is made anew for no reason, and by rename, so that a
program which runs on it is left alone. A new library makes the GStreamer registry of the devenv stale; it is removed.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys


def link(target, name):
    """Makes `name` a symbolic link to `target`, unless it is one."""
    if os.path.islink(name) and os.readlink(name) == target:
        return
    temporary = f"{name}.{os.getpid()}"
    os.symlink(target, temporary)
    os.replace(temporary, name)


def main():
    parser = argparse.ArgumentParser()
    for option in ("--cargo", "--manifest", "--target-dir", "--profile", "--plugins-dir", "--registry"):
        parser.add_argument(option, required=True)
    parser.add_argument("outputs", nargs=3, metavar="OUTPUT", help="unversioned, soname and real name of the library")
    arguments = parser.parse_args()
    unversioned, soname, real = arguments.outputs

    environment = dict(os.environ, CARGO_TARGET_DIR=arguments.target_dir, FARSTREAM_PLUGINS_DIR=arguments.plugins_dir)
    command = [arguments.cargo, "build", "--locked", "--quiet", "--package", "libfarstream",
               "--manifest-path", arguments.manifest, "--profile", arguments.profile]
    status = subprocess.run(command, env=environment, check=False).returncode
    if status != 0:
        sys.exit(f"build_library.py: cargo could not build the library ({' '.join(command)})")

    folder = "debug" if arguments.profile == "dev" else arguments.profile
    built = os.path.join(arguments.target_dir, folder, "libfarstream.so")
    if not os.path.exists(real) or not filecmp.cmp(built, real, shallow=False):
        temporary = f"{real}.{os.getpid()}"
        shutil.copyfile(built, temporary)
        os.chmod(temporary, 0o755)
        os.replace(temporary, real)
        if os.path.exists(arguments.registry):
            os.unlink(arguments.registry)
    link(os.path.basename(real), soname)
    link(os.path.basename(soname), unversioned)


if __name__ == "__main__":
    main()
