#!/usr/bin/python3
"""Has cargo build the Rust transmitter, and gives the file the name that the plugin loader looks for.

The file is only replaced when it changed, by rename, so that a program which runs on it is left alone.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser()
    for option in ("--cargo", "--manifest", "--target-dir", "--profile", "--plugins-dir"):
        parser.add_argument(option, required=True)
    parser.add_argument("output")
    arguments = parser.parse_args()

    environment = dict(os.environ, CARGO_TARGET_DIR=arguments.target_dir, FARSTREAM_PLUGINS_DIR=arguments.plugins_dir)
    command = [arguments.cargo, "build", "--locked", "--quiet", "--package", "unixgram-transmitter",
               "--manifest-path", arguments.manifest, "--profile", arguments.profile]
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        sys.exit(f"build_module.py: cargo could not build the transmitter ({' '.join(command)})")

    folder = "debug" if arguments.profile == "dev" else arguments.profile
    built = os.path.join(arguments.target_dir, folder, "libunixgram_transmitter.so")
    if not os.path.exists(arguments.output) or not filecmp.cmp(built, arguments.output, shallow=False):
        temporary = f"{arguments.output}.{os.getpid()}"
        shutil.copyfile(built, temporary)
        os.replace(temporary, arguments.output)


if __name__ == "__main__":
    main()
