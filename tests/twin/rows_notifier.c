/* SPDX-License-Identifier: MPL-2.0 */

/* Bit rates, and the notifier of added elements. */

#include <glib/gstdio.h>

#include "twin.h"

/* Elements with a property "bitrate" of one type each. */
#define BITRATE_ELEMENT(Type, name, Parent, spec, get) \
  typedef struct { GstElement parent; gint64 rate; } Type; \
  typedef GstElementClass Type##Class; \
  G_DEFINE_TYPE (Type, name, Parent) \
  static void name##_init (Type *self G_GNUC_UNUSED) {} \
  static void name##_set (GObject *object, guint id G_GNUC_UNUSED, const GValue *value, GParamSpec *s G_GNUC_UNUSED) \
  { ((Type *) object)->rate = (gint64) get (value); } \
  static void name##_class_init (Type##Class *klass) \
  { \
    G_OBJECT_CLASS (klass)->set_property = name##_set; \
    g_object_class_install_property (G_OBJECT_CLASS (klass), 1, spec); \
  } \
  static void say_##name (GString *out, glong rate) \
  { \
    Type *self = g_object_new (name##_get_type (), NULL); \
    self->rate = -99; \
    fs_utils_set_bitrate (GST_ELEMENT (self), rate); \
    say (out, "%" G_GINT64_FORMAT, self->rate); \
  }

BITRATE_ELEMENT (IntRate, int_rate, GST_TYPE_ELEMENT,
    g_param_spec_int ("bitrate", NULL, NULL, 10, 50000, 10, G_PARAM_WRITABLE), g_value_get_int)
BITRATE_ELEMENT (UintRate, uint_rate, GST_TYPE_ELEMENT,
    g_param_spec_uint ("bitrate", NULL, NULL, 10, G_MAXUINT, 10, G_PARAM_WRITABLE), g_value_get_uint)
BITRATE_ELEMENT (LongRate, long_rate, GST_TYPE_ELEMENT,
    g_param_spec_long ("bitrate", NULL, NULL, 10, 50000, 10, G_PARAM_WRITABLE), g_value_get_long)
BITRATE_ELEMENT (UlongRate, ulong_rate, GST_TYPE_ELEMENT,
    g_param_spec_ulong ("bitrate", NULL, NULL, 10, 50000, 10, G_PARAM_WRITABLE), g_value_get_ulong)
BITRATE_ELEMENT (StringRate, string_rate, GST_TYPE_ELEMENT,
    g_param_spec_string ("bitrate", NULL, NULL, NULL, G_PARAM_WRITABLE), g_value_get_string)

#define EVERY_RATE(what) what (out, 20000); what (out, 1); what (out, 60000); what (out, 0); what (out, -5)

ROW (fs_utils_set_bitrate, of_int) { EVERY_RATE (say_int_rate); }
ROW (fs_utils_set_bitrate, of_uint) { EVERY_RATE (say_uint_rate); }
ROW (fs_utils_set_bitrate, of_uint_large) { say_uint_rate (out, G_MAXLONG); }
ROW (fs_utils_set_bitrate, of_long) { say_long_rate (out, 20000); say_long_rate (out, 60000); }
ROW (fs_utils_set_bitrate, of_ulong) { EVERY_RATE (say_ulong_rate); }
ROW (fs_utils_set_bitrate, of_string) { say_string_rate (out, 20000); }

ROW (fs_utils_set_bitrate, without_property) {
  fs_utils_set_bitrate (gst_element_factory_make ("identity", NULL), 64000);
}

ROW (fs_utils_set_bitrate, null) { fs_utils_set_bitrate (NULL, 64000); }

ROW (fs_element_added_notifier_new, ordinary) {
  FsElementAddedNotifier *notifier = fs_element_added_notifier_new ();

  say (out, "%s %u", G_OBJECT_TYPE_NAME (notifier), G_OBJECT (notifier)->ref_count);
  g_object_unref (notifier);
}

static void
note (FsElementAddedNotifier *notifier G_GNUC_UNUSED, GstBin *bin, GstElement *element, gpointer out)
{
  say (out, "%s/%s", bin ? GST_OBJECT_NAME (bin) : "NULL", GST_OBJECT_NAME (element));
}

/* The bin "outer" with "inner", which holds "first", and a notifier that tells `out`. */
typedef struct
{
  FsElementAddedNotifier *notifier;
  GstBin *outer, *inner;
  GstElement *first;
} Bins;

static Bins
bins (GString *out)
{
  Bins bins = { fs_element_added_notifier_new (), gst_object_ref_sink (gst_bin_new ("outer")),
    GST_BIN (gst_bin_new ("inner")), gst_element_factory_make ("queue", "first") };

  gst_bin_add (bins.inner, bins.first);
  gst_bin_add (bins.outer, GST_ELEMENT (bins.inner));
  if (out)
    g_signal_connect (bins.notifier, "element-added", G_CALLBACK (note), out);
  return bins;
}

static GstElement *
add_queue (GstBin *bin, const char *name)
{
  GstElement *queue = gst_element_factory_make ("queue", name);

  gst_bin_add (bin, queue);
  return queue;
}

static void
say_limit (GString *out, GstElement *queue)
{
  guint limit = 0;

  g_object_get (queue, "max-size-buffers", &limit, NULL);
  say (out, "%s:%u", GST_OBJECT_NAME (queue), limit);
}

ROW (fs_element_added_notifier_add, ordinary) {
  Bins b = bins (out);

  fs_element_added_notifier_add (b.notifier, b.outer);
  add_queue (b.inner, "second");
  add_queue (b.outer, "third");
}

ROW (fs_element_added_notifier_add, twice) {
  Bins b = bins (out);

  fs_element_added_notifier_add (b.notifier, b.outer);
  fs_element_added_notifier_add (b.notifier, b.outer);
  add_queue (b.inner, "second");
}

ROW (fs_element_added_notifier_add, bin_added_later) {
  Bins b = bins (out);
  GstBin *late = GST_BIN (gst_bin_new ("late"));

  fs_element_added_notifier_add (b.notifier, b.outer);
  add_queue (late, "inside");
  gst_bin_add (b.outer, GST_ELEMENT (late));
  add_queue (late, "then");
}

ROW (fs_element_added_notifier_add, bin_taken_out) {
  Bins b = bins (out);

  fs_element_added_notifier_add (b.notifier, b.outer);
  gst_object_ref (b.inner);
  gst_bin_remove (b.outer, GST_ELEMENT (b.inner));
  add_queue (b.inner, "unseen");
}

ROW (fs_element_added_notifier_add, notifier_gone) {
  Bins b = bins (out);

  fs_element_added_notifier_add (b.notifier, b.outer);
  g_object_unref (b.notifier);
  add_queue (b.inner, "unseen");
  say (out, "%u", GST_OBJECT_REFCOUNT_VALUE (b.outer));
}

ROW (fs_element_added_notifier_add, null_notifier) { fs_element_added_notifier_add (NULL, bins (NULL).outer); }
ROW (fs_element_added_notifier_add, null_bin) { fs_element_added_notifier_add (bins (out).notifier, NULL); }
ROW (fs_element_added_notifier_add, no_bin) { fs_element_added_notifier_add (bins (out).notifier, (GstBin *) bins (NULL).first); }

ROW (fs_element_added_notifier_remove, ordinary) {
  Bins b = bins (NULL);

  fs_element_added_notifier_add (b.notifier, b.outer);
  g_signal_connect (b.notifier, "element-added", G_CALLBACK (note), out);
  say_bool (out, fs_element_added_notifier_remove (b.notifier, b.outer));
  add_queue (b.inner, "unseen");
  say_bool (out, fs_element_added_notifier_remove (b.notifier, b.outer));
  say (out, "%u", GST_OBJECT_REFCOUNT_VALUE (b.outer));
}

ROW (fs_element_added_notifier_remove, never_added) {
  Bins b = bins (out);

  say_bool (out, fs_element_added_notifier_remove (b.notifier, b.outer));
}

ROW (fs_element_added_notifier_remove, inner_bin) {
  Bins b = bins (NULL);

  fs_element_added_notifier_add (b.notifier, b.outer);
  g_signal_connect (b.notifier, "element-added", G_CALLBACK (note), out);
  say_bool (out, fs_element_added_notifier_remove (b.notifier, b.inner));
  add_queue (b.inner, "unseen");
  add_queue (b.outer, "seen");
}

ROW (fs_element_added_notifier_remove, nulls) {
  Bins b = bins (out);

  say_bool (out, fs_element_added_notifier_remove (NULL, b.outer));
  say_bool (out, fs_element_added_notifier_remove (b.notifier, NULL));
}

static GKeyFile *
settings (const char *text)
{
  GKeyFile *file = g_key_file_new ();

  g_assert_true (g_key_file_load_from_data (file, text, -1, G_KEY_FILE_NONE, NULL));
  return file;
}

ROW (fs_element_added_notifier_set_properties_from_keyfile, ordinary) {
  Bins b = bins (NULL);
  gulong id;

  fs_element_added_notifier_add (b.notifier, b.outer);
  id = fs_element_added_notifier_set_properties_from_keyfile (b.notifier, settings ("[queue]\nmax-size-buffers=7\n"));
  say_bool (out, id != 0);
  say_limit (out, b.first);
  say_limit (out, add_queue (b.inner, "second"));
  g_signal_handler_disconnect (b.notifier, id);
  say_limit (out, add_queue (b.inner, "third"));
}

ROW (fs_element_added_notifier_set_properties_from_keyfile, bin_later) {
  Bins b = bins (NULL);

  fs_element_added_notifier_set_properties_from_keyfile (b.notifier, settings ("[queue]\nmax-size-buffers=7\n"));
  say_limit (out, b.first);
  fs_element_added_notifier_add (b.notifier, b.outer);
  say_limit (out, b.first);
}

ROW (fs_element_added_notifier_set_properties_from_keyfile, by_object_name) {
  Bins b = bins (NULL);

  fs_element_added_notifier_add (b.notifier, b.outer);
  fs_element_added_notifier_set_properties_from_keyfile (b.notifier, settings ("[first]\nmax-size-buffers=7\n"));
  say_limit (out, b.first);
}

ROW (fs_element_added_notifier_set_properties_from_keyfile, factory_before_name) {
  Bins b = bins (NULL);

  fs_element_added_notifier_add (b.notifier, b.outer);
  fs_element_added_notifier_set_properties_from_keyfile (b.notifier,
      settings ("[first]\nmax-size-buffers=8\n[queue]\nmax-size-buffers=7\n"));
  say_limit (out, b.first);
}

ROW (fs_element_added_notifier_set_properties_from_keyfile, strange) {
  Bins b = bins (NULL);

  fs_element_added_notifier_add (b.notifier, b.outer);
  say_bool (out, fs_element_added_notifier_set_properties_from_keyfile (b.notifier,
          settings ("[queue]\nno-such-property=7\nmax-size-buffers=many\nparent=x\nleaky=downstream\n")) != 0);
  say_limit (out, b.first);
  say_bool (out, fs_element_added_notifier_set_properties_from_keyfile (b.notifier, settings ("")) != 0);
}

ROW (fs_element_added_notifier_set_properties_from_keyfile, read_only_property) {
  Bins b = bins (NULL);

  fs_element_added_notifier_add (b.notifier, b.outer);
  fs_element_added_notifier_set_properties_from_keyfile (b.notifier, settings ("[queue]\ncurrent-level-buffers=7\n"));
}

ROW (fs_element_added_notifier_set_properties_from_keyfile, nulls) {
  Bins b = bins (NULL);

  say (out, "%lu", fs_element_added_notifier_set_properties_from_keyfile (b.notifier, NULL));
  say (out, "%lu", fs_element_added_notifier_set_properties_from_keyfile (NULL, settings ("")));
}

static void
set_from_file (GString *out, const char *content)
{
  Bins b = bins (NULL);
  GError *error = NULL;
  const char *path = "/no/such/file";

  fs_element_added_notifier_add (b.notifier, b.outer);
  if (content) {
    path = g_build_filename (g_get_user_data_dir (), "settings", NULL);
    g_mkdir_with_parents (g_get_user_data_dir (), 0700);
    g_assert_true (g_file_set_contents (path, content, -1, NULL));
  }
  say_result (out, fs_element_added_notifier_set_properties_from_file (b.notifier, path, &error), &error);
  say_limit (out, b.first);
}

ROW (fs_element_added_notifier_set_properties_from_file, ordinary) { set_from_file (out, "[queue]\nmax-size-buffers=7\n"); }
ROW (fs_element_added_notifier_set_properties_from_file, empty) { set_from_file (out, ""); }
ROW (fs_element_added_notifier_set_properties_from_file, no_key_file) { set_from_file (out, "max-size-buffers=7"); }
ROW (fs_element_added_notifier_set_properties_from_file, missing_file) { set_from_file (out, NULL); }

ROW (fs_element_added_notifier_set_properties_from_file, nulls) {
  GError *error = NULL;

  say_result (out, fs_element_added_notifier_set_properties_from_file (NULL, "/x", &error), &error);
  say_result (out, fs_element_added_notifier_set_properties_from_file (bins (NULL).notifier, NULL, &error), &error);
  say_bool (out, fs_element_added_notifier_set_properties_from_file (bins (NULL).notifier, "/no/such/file", NULL));
}

ROW (fs_element_added_notifier_set_default_properties, conference) {
  FsElementAddedNotifier *notifier = fs_element_added_notifier_new ();
  GstElement *conference = gst_object_ref_sink (gst_element_factory_make ("fsrtpconference", NULL));
  GstElement *rtpbin;
  guint latency = 0;

  say_bool (out, fs_element_added_notifier_set_default_properties (notifier, conference) != 0);
  fs_element_added_notifier_add (notifier, GST_BIN (conference));
  rtpbin = gst_bin_get_by_name (GST_BIN (conference), "rtpbin");
  if (rtpbin)
    g_object_get (rtpbin, "latency", &latency, NULL);
  say (out, "latency %u", latency);
}

ROW (fs_element_added_notifier_set_default_properties, without_file) {
  say (out, "%lu", fs_element_added_notifier_set_default_properties (fs_element_added_notifier_new (),
          gst_element_factory_make ("identity", NULL)));
}

ROW (fs_element_added_notifier_set_default_properties, nulls) {
  say (out, "%lu", fs_element_added_notifier_set_default_properties (NULL, gst_element_factory_make ("identity", NULL)));
  say (out, "%lu", fs_element_added_notifier_set_default_properties (fs_element_added_notifier_new (), NULL));
}
