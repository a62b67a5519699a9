"""Debian's own Farstream, for programs that run it beside ours."""
import os
import pathlib

SYSTEM = pathlib.Path("/usr/lib") / (os.uname().machine + "-linux-gnu")
OURS_ONLY = ("LD_LIBRARY_PATH", "GI_TYPELIB_PATH", "GST_PLUGIN_PATH", "GST_PLUGIN_PATH_1_0", "FS_PLUGIN_PATH", "XDG_DATA_DIRS", "GST_REGISTRY")


def stock_environment(folder):
    """Without the srtp plugin, with which it is silent on libsrtp 2.5. The folder is for links to all other plugins."""
    plugins = folder / "plugins"
    plugins.mkdir()
    for file in (SYSTEM / "gstreamer-1.0").glob("*.so"):
        if file.name != "libgstsrtp.so":
            (plugins / file.name).symlink_to(file)
    environment = {name: value for name, value in os.environ.items() if name not in OURS_ONLY}
    return environment | {"GST_PLUGIN_SYSTEM_PATH": str(plugins), "GST_REGISTRY": str(folder / "registry.bin")}
