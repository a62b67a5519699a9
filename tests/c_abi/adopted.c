/* SPDX-License-Identifier: MPL-2.0 */

/* Looks at a transmitter that was written outside of the library, in whatever language: the classes it derives from must
 * be those of the one library in the process, and its file must bring no function of ours along. The first argument is
 * its name. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>

#include <farstream/fs-conference.h>
#include <farstream/fs-plugin.h>
#include <farstream/fs-transmitter.h>

#include "loaded.h"

/* Where the code of a class is tells who registered it. */
static void
check_home (GType type)
{
  gpointer klass = g_type_class_ref (type);
  Dl_info info;
  gchar *home = NULL;

  if (dladdr ((void *) G_OBJECT_CLASS (klass)->get_property, &info))
    home = realpath (info.dli_fname, NULL);
  check (g_strcmp0 (home, g_getenv ("EXPECT_LIBRARY")) == 0, "the code of %s is in %s", g_type_name (type), home);
  free (home);
  g_type_class_unref (klass);
}

static void
check_symbols (void)
{
  void *file = dlopen (g_getenv ("EXPECT_TRANSMITTER"), RTLD_LAZY | RTLD_NOLOAD);
  const gchar *names[] = { "fs_transmitter_get_type", "fs_codec_new", "fs_plugin_create" };
  Dl_info info;
  void *symbol;

  if (!check (file != NULL, "the file of the transmitter is loaded"))
    return;
  check (dlsym (file, "fs_init_plugin") != NULL, "it has its entry");
  /* dlsym() also looks at the libraries that the file needs, of which libfarstream may be one. */
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    symbol = dlsym (file, names[i]);
    check (!symbol || (dladdr (symbol, &info) && !strstr (info.dli_fname, "-transmitter.so")), "it has no %s of its own",
        names[i]);
  }
}

static void
check_refusals (FsStreamTransmitter *stream)
{
  GList *bad = g_list_append (NULL, fs_candidate_new (NULL, 99, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP,
          "nowhere", 0));
  GError *error = NULL;
  gboolean refused;

  refused = !fs_stream_transmitter_force_remote_candidates (stream, bad, &error);
  check (refused && g_error_matches (error, FS_ERROR, FS_ERROR_INVALID_ARGUMENTS), "it refuses a candidate: %s",
      error ? error->message : "no");
  g_clear_error (&error);
  refused = !fs_stream_transmitter_add_remote_candidates (stream, bad, &error);
  check (refused && g_error_matches (error, FS_ERROR, FS_ERROR_NOT_IMPLEMENTED), "what it lacks is not implemented: %s",
      error ? error->message : "no");
  g_clear_error (&error);
  fs_candidate_list_destroy (bad);
}

static void
count (GObject *stream G_GNUC_UNUSED, FsCandidate *candidate, gpointer data)
{
  *(guint *) data += candidate->ip != NULL;
}

int
main (int argc, char **argv)
{
  const gchar *name = argc > 1 ? argv[1] : "rawudp";
  GError *error = NULL;
  FsTransmitter *transmitter;
  FsStreamTransmitter *stream;
  guint components = 0, candidates = 0;
  gboolean sending = FALSE, gathered;

  gst_init (&argc, &argv);
  transmitter = fs_transmitter_new (name, 2, 0, &error);
  if (!check (transmitter != NULL, "%s is made: %s", name, error ? error->message : "yes"))
    return 1;
  check_loaded (NULL);
  check (g_type_parent (G_OBJECT_TYPE (transmitter)) == FS_TYPE_TRANSMITTER, "%s is an FsTransmitter",
      G_OBJECT_TYPE_NAME (transmitter));
  check (g_type_parent (fs_transmitter_get_stream_transmitter_type (transmitter)) == FS_TYPE_STREAM_TRANSMITTER,
      "%s is an FsStreamTransmitter", g_type_name (fs_transmitter_get_stream_transmitter_type (transmitter)));
  g_object_get (transmitter, "components", &components, NULL);
  check (components == 2, "it has %u components", components);

  stream = fs_transmitter_new_stream_transmitter (transmitter, NULL, 0, NULL, &error);
  if (!check (stream != NULL, "it makes a stream transmitter: %s", error ? error->message : "yes"))
    return 1;
  g_object_get (stream, "sending", &sending, NULL);
  check (sending, "which sends");
  g_signal_connect (stream, "new-local-candidate", G_CALLBACK (count), &candidates);
  gathered = fs_stream_transmitter_gather_local_candidates (stream, &error);
  check (gathered && candidates == 2, "and has %u candidates", candidates);
  check_refusals (stream);
  check_home (FS_TYPE_TRANSMITTER);
  check_home (FS_TYPE_STREAM_TRANSMITTER);
  check_symbols ();

  fs_stream_transmitter_stop (stream);
  fs_stream_transmitter_stop (stream);
  g_object_add_weak_pointer (G_OBJECT (transmitter), (gpointer *) & transmitter);
  g_object_add_weak_pointer (G_OBJECT (stream), (gpointer *) & stream);
  g_object_unref (stream);
  g_object_unref (transmitter);
  check (!stream && !transmitter, "both are gone when let go");
  return failures ? 1 : 0;
}
