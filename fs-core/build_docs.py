#!/usr/bin/python3
"""Has cargo write the documentation of the library crates and puts it where Meson wants it."""

import argparse
import os
import shutil
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser()
    for option in ("--cargo", "--manifest", "--target-dir", "--crates"):
        parser.add_argument(option, required=True)
    parser.add_argument("output")
    arguments = parser.parse_args()

    crates = arguments.crates.split(",")
    command = [arguments.cargo, "doc", "--locked", "--quiet", "--no-deps", "--manifest-path", arguments.manifest]
    for crate in crates:
        command += ["--package", crate]
    environment = dict(os.environ, CARGO_TARGET_DIR=arguments.target_dir)
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        sys.exit(f"build_docs.py: cargo could not write the documentation ({' '.join(command)})")

    shutil.rmtree(arguments.output, ignore_errors=True)
    shutil.copytree(os.path.join(arguments.target_dir, "doc"), arguments.output, ignore=shutil.ignore_patterns(".lock"))
    entries = "".join(f'<li><a href="{crate.replace("-", "_")}/index.html">{crate}</a></li>' for crate in crates)
    with open(os.path.join(arguments.output, "index.html"), "w", encoding="utf-8") as index:
        index.write(f'<!DOCTYPE html><meta charset="utf-8"><title>Farstream</title><h1>Crates</h1><ul>{entries}</ul>\n')


if __name__ == "__main__":
    main()
