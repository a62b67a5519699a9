/* SPDX-License-Identifier: MPL-2.0 */

/* A plugin file that is only a name. GStreamer opens lib<PLUGIN>.so and looks in it, and in the libraries it needs, for
 * gst_plugin_<PLUGIN>_get_desc. All code is in libfarstream-0.2.so.5; the pointer below makes the linker keep the need
 * for it. Meson compiles this file once for each plugin, with PLUGIN defined as its name. */

#define JOIN(a, b, c) a ## b ## c
#define DESCRIPTOR(plugin) JOIN (gst_plugin_, plugin, _get_desc)

extern const void *DESCRIPTOR (PLUGIN) (void);

__attribute__ ((used, visibility ("hidden")))
const void *(*const descriptor_of_this_plugin) (void) = DESCRIPTOR (PLUGIN);
