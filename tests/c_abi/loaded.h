/* SPDX-License-Identifier: MPL-2.0 */

/* Says which files a process really runs on. A missing plugin or a wrong path would let the system's Farstream take over
 * without a word, so each test asks. */

#ifndef TESTS_C_ABI_LOADED_H
#define TESTS_C_ABI_LOADED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gst/gst.h>

static int failures;

/* One line for one test, counted by ./run check. */
static inline gboolean
check (gboolean good, const char *format, ...) G_GNUC_PRINTF (2, 3);

static inline gboolean
check (gboolean good, const char *format, ...)
{
  va_list arguments;

  printf (good ? "ok - " : "not ok - ");
  va_start (arguments, format);
  vprintf (format, arguments);
  va_end (arguments);
  printf ("\n");
  fflush (stdout);
  if (!good)
    failures++;
  return good;
}

/* The mapped files whose path holds `part`, each once, separated by blanks. */
static inline gchar *
mapped_files (const char *part)
{
  GString *found = g_string_new (NULL);
  gchar *maps = NULL;
  gchar **lines;

  g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL);
  lines = g_strsplit (maps ? maps : "", "\n", -1);
  for (gchar **line = lines; *line; line++) {
    const char *path = strchr (*line, '/');
    if (path && strstr (path, part) && !strstr (found->str, path))
      g_string_append_printf (found, "%s%s", found->len ? " " : "", path);
  }
  g_strfreev (lines);
  g_free (maps);
  return g_string_free (found, FALSE);
}

/* The environment names the files expected, as real paths. EXPECT_TRANSMITTER is
 * empty when the transmitter is a part of the library. */
static inline void
check_loaded (const char *factory_name)
{
  const char *library = g_getenv ("EXPECT_LIBRARY");
  const char *plugin = g_getenv ("EXPECT_PLUGIN");
  const char *transmitter = g_getenv ("EXPECT_TRANSMITTER");
  gchar *mapped = mapped_files ("/libfarstream-0.2.so");

  check (g_strcmp0 (mapped, library) == 0, "the library in this process is %s (wanted: %s)", mapped, library);
  g_free (mapped);

  if (factory_name && plugin) {
    GstElementFactory *factory = gst_element_factory_find (factory_name);
    GstPlugin *from = factory ? gst_plugin_feature_get_plugin (GST_PLUGIN_FEATURE (factory)) : NULL;
    const gchar *file = from ? gst_plugin_get_filename (from) : NULL;
    gchar *real = file ? realpath (file, NULL) : NULL;

    check (g_strcmp0 (real, plugin) == 0, "%s comes from %s (wanted: %s)", factory_name, real, plugin);
    free (real);
    g_clear_object (&from);
    g_clear_object (&factory);
  }

  if (factory_name && transmitter) {
    mapped = mapped_files ("-transmitter.so");
    check (g_strcmp0 (mapped, transmitter) == 0, "the transmitter file in this process is \"%s\" (wanted: \"%s\")",
        mapped, transmitter);
    g_free (mapped);
  }
}

#endif
