#!/usr/bin/python3
"""Installs the shared library under its three names, by rename: a program that has the old file mapped keeps it.

With --strip (Meson's option "strip") without debugging information, which is nine tenths of the file and stays in the build
folder; packaging tools leave that out, to take the information themselves.
"""

import argparse
import os
import shutil
import subprocess


def main():
    parser = argparse.ArgumentParser()
    for name in ("build_dir", "libdir", "unversioned", "soname", "real"):
        parser.add_argument(name)
    parser.add_argument("--strip", action="store_true")
    arguments = parser.parse_args()
    unversioned, soname, real = arguments.unversioned, arguments.soname, arguments.real
    folder = os.path.join(os.environ["MESON_INSTALL_DESTDIR_PREFIX"], arguments.libdir)
    os.makedirs(folder, exist_ok=True)

    temporary = os.path.join(folder, f".{real}.{os.getpid()}")
    shutil.copyfile(os.path.join(arguments.build_dir, real), temporary)
    if arguments.strip:
        subprocess.run(["strip", "--strip-unneeded", temporary], check=True)
    os.chmod(temporary, 0o755)
    os.replace(temporary, os.path.join(folder, real))
    for target, name in ((real, soname), (soname, unversioned)):
        temporary = os.path.join(folder, f".{name}.{os.getpid()}")
        os.symlink(target, temporary)
        os.replace(temporary, os.path.join(folder, name))
    if not os.environ.get("MESON_INSTALL_QUIET"):
        print(f"Installing {real}, {soname} and {unversioned} to {folder}")


if __name__ == "__main__":
    main()
