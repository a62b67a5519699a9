#!/usr/bin/python3
"""Installs the shared library under its three names, by rename: a program that has the old file mapped keeps it."""

import os
import shutil
import sys


def main():
    build_dir, libdir, unversioned, soname, real = sys.argv[1:]
    folder = os.path.join(os.environ["MESON_INSTALL_DESTDIR_PREFIX"], libdir)
    os.makedirs(folder, exist_ok=True)

    temporary = os.path.join(folder, f".{real}.{os.getpid()}")
    shutil.copyfile(os.path.join(build_dir, real), temporary)
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
