/* SPDX-License-Identifier: MPL-2.0 */

/* The plugin loader and the construction of transmitters. */

#include "twin.h"

static GObject *
create (const char *name, const char *suffix, GError **error, const char *first_property, ...)
{
  va_list arguments;
  GObject *object;

  va_start (arguments, first_property);
  object = fs_plugin_create_valist (name, suffix, error, first_property, arguments);
  va_end (arguments);
  return object;
}

static void
register_pad (void)
{
  fs_plugin_register_static ("pad", "twin", GST_TYPE_PAD);
}

ROW (fs_plugin_create, ordinary) {
  GError *error = NULL;
  GObject *object;

  register_pad ();
  object = fs_plugin_create ("pad", "twin", &error, "name", "first", "direction", GST_PAD_SINK, NULL);
  say_made (out, object, &error);
  say (out, "%s", GST_PAD_IS_SINK (object) ? GST_OBJECT_NAME (object) : "no sink");
}

ROW (fs_plugin_create, no_properties) {
  GError *error = NULL;

  register_pad ();
  say_made (out, fs_plugin_create ("pad", "twin", &error, NULL), &error);
}

ROW (fs_plugin_create, unknown) {
  GError *error = NULL;

  say_made (out, fs_plugin_create ("no-such-thing", "twin", &error, NULL), &error);
}

ROW (fs_plugin_create, unknown_twice) {
  GError *error = NULL;

  say_made (out, fs_plugin_create ("no-such-thing", "twin", &error, NULL), &error);
  say_made (out, fs_plugin_create ("no-such-thing", "twin", &error, NULL), &error);
}

ROW (fs_plugin_create, other_suffix) {
  GError *error = NULL;

  register_pad ();
  say_made (out, fs_plugin_create ("pad", "other", &error, NULL), &error);
}

ROW (fs_plugin_create, unknown_property) {
  GError *error = NULL;

  register_pad ();
  say_made (out, fs_plugin_create ("pad", "twin", &error, "no-such-property", 1, NULL), &error);
}

ROW (fs_plugin_create, empty_names) {
  GError *error = NULL;

  say_made (out, fs_plugin_create ("", "", &error, NULL), &error);
}

ROW (fs_plugin_create, path_for_a_name) {
  GError *error = NULL;

  say_made (out, fs_plugin_create ("../../x", "twin", &error, NULL), &error);
}

ROW (fs_plugin_create, null_name) {
  GError *error = NULL;

  say_made (out, fs_plugin_create (NULL, "twin", &error, NULL), &error);
}

ROW (fs_plugin_create, null_suffix) {
  GError *error = NULL;

  say_made (out, fs_plugin_create ("pad", NULL, &error, NULL), &error);
}

ROW (fs_plugin_create, no_place_for_the_error) { say_made (out, fs_plugin_create ("none", "twin", NULL, NULL), &(GError *) {0}); }

ROW (fs_plugin_create_valist, ordinary) {
  GError *error = NULL;
  GObject *object;

  register_pad ();
  object = create ("pad", "twin", &error, "name", "first", "direction", GST_PAD_SRC, NULL);
  say_made (out, object, &error);
  say (out, "%s", GST_PAD_IS_SRC (object) ? GST_OBJECT_NAME (object) : "no source");
}

ROW (fs_plugin_create_valist, unknown) {
  GError *error = NULL;

  say_made (out, create ("no-such-thing", "twin", &error, NULL), &error);
}

ROW (fs_plugin_create_valist, null_name) {
  GError *error = NULL;

  say_made (out, create (NULL, "twin", &error, NULL), &error);
}

ROW (fs_plugin_create_valist, null_suffix) {
  GError *error = NULL;

  say_made (out, create ("pad", NULL, &error, NULL), &error);
}

ROW (fs_plugin_list_available, transmitters) { say_listed (out, fs_plugin_list_available ("transmitter"), "rawudp"); }
ROW (fs_plugin_list_available, unknown_suffix) { say_listed (out, fs_plugin_list_available ("no-such-suffix"), "x"); }
ROW (fs_plugin_list_available, empty) { say_listed (out, fs_plugin_list_available (""), "x"); }
ROW (fs_plugin_list_available, not_a_pattern) { say_listed (out, fs_plugin_list_available ("(["), "x"); }
ROW (fs_plugin_list_available, null) { say_listed (out, fs_plugin_list_available (NULL), "x"); }

ROW (fs_plugin_list_available, registered) {
  register_pad ();
  say_listed (out, fs_plugin_list_available ("twin"), "pad");
}

ROW (fs_plugin_register_static, twice) {
  GError *error = NULL;

  register_pad ();
  fs_plugin_register_static ("pad", "twin", GST_TYPE_BIN);
  say_made (out, fs_plugin_create ("pad", "twin", &error, NULL), &error);
}

ROW (fs_plugin_register_static, after_a_failure) {
  GError *error = NULL;

  say_made (out, fs_plugin_create ("pad", "twin", &error, NULL), &error);
  register_pad ();
  say_made (out, fs_plugin_create ("pad", "twin", &error, NULL), &error);
}

ROW (fs_plugin_register_static, null_name) { fs_plugin_register_static (NULL, "twin", GST_TYPE_PAD); }
ROW (fs_plugin_register_static, null_suffix) { fs_plugin_register_static ("pad", NULL, GST_TYPE_PAD); }
ROW (fs_plugin_register_static, no_type) { fs_plugin_register_static ("pad", "twin", 0); }

ROW (fs_plugin_register_static, no_object_type) {
  GError *error = NULL;

  fs_plugin_register_static ("number", "twin", G_TYPE_INT);
  say_made (out, fs_plugin_create ("number", "twin", &error, NULL), &error);
}

ROW (fs_transmitter_list_available, rawudp) { say_listed (out, fs_transmitter_list_available (), "rawudp"); }
ROW (fs_transmitter_list_available, multicast) { say_listed (out, fs_transmitter_list_available (), "multicast"); }
ROW (fs_transmitter_list_available, nice) { say_listed (out, fs_transmitter_list_available (), "nice"); }
ROW (fs_transmitter_list_available, shm) { say_listed (out, fs_transmitter_list_available (), "shm"); }

static void
register_fakes (void)
{
  fs_plugin_register_static ("fake", "transmitter", fake_transmitter_get_type ());
  fs_plugin_register_static ("bare", "transmitter", bare_transmitter_get_type ());
}

static FsTransmitter *
new_transmitter (GString *out, const char *name, guint components, guint tos)
{
  GError *error = NULL;
  FsTransmitter *transmitter;

  register_fakes ();
  transmitter = fs_transmitter_new (name, components, tos, &error);
  if (out)
    say_made (out, transmitter, &error);
  return transmitter;
}

ROW (fs_transmitter_new, ordinary) {
  guint components = 0, tos = 0;

  g_object_get (new_transmitter (out, "fake", 3, 46), "components", &components, "tos", &tos, NULL);
  say (out, "%u %u", components, tos);
}

ROW (fs_transmitter_new, rawudp) {
  FsTransmitter *transmitter = new_transmitter (out, "rawudp", 2, 0);
  GstElement *src = NULL, *sink = NULL;
  guint components = 0;

  g_object_get (transmitter, "gst-src", &src, "gst-sink", &sink, "components", &components, NULL);
  say (out, "%s %s %u %d %d", GST_IS_BIN (src) ? "bin" : "no bin", GST_IS_BIN (sink) ? "bin" : "no bin", components,
      src ? src->numsrcpads : -1, sink ? sink->numsinkpads : -1);
}

ROW (fs_transmitter_new, edges) {
  new_transmitter (out, "fake", 1, 255);
  new_transmitter (out, "rawudp", 255, 0);
}

ROW (fs_transmitter_new, no_components) { new_transmitter (out, "fake", 0, 0); }
ROW (fs_transmitter_new, many_components) { new_transmitter (out, "fake", 256, 0); }
ROW (fs_transmitter_new, large_tos) { new_transmitter (out, "fake", 2, 256); }
ROW (fs_transmitter_new, fails) { new_transmitter (out, "fake", 99, 0); }
ROW (fs_transmitter_new, unknown) { new_transmitter (out, "no-such", 2, 0); }
ROW (fs_transmitter_new, unknown_twice) { new_transmitter (out, "no-such", 2, 0); new_transmitter (out, "no-such", 2, 0); }
ROW (fs_transmitter_new, empty) { new_transmitter (out, "", 2, 0); }
ROW (fs_transmitter_new, null) { new_transmitter (out, NULL, 2, 0); }

ROW (fs_transmitter_new, no_transmitter) {
  fs_plugin_register_static ("pad", "transmitter", GST_TYPE_PAD);
  new_transmitter (out, "pad", 2, 0);
}

ROW (fs_transmitter_new, no_place_for_the_error) {
  say_made (out, fs_transmitter_new ("no-such", 2, 0, NULL), &(GError *) {0});
}

static void
say_type (GString *out, GType type)
{
  say (out, "%s", type ? g_type_name (type) : "0");
}

ROW (fs_transmitter_get_stream_transmitter_type, fake) {
  say_type (out, fs_transmitter_get_stream_transmitter_type (new_transmitter (NULL, "fake", 2, 0)));
}

ROW (fs_transmitter_get_stream_transmitter_type, rawudp) {
  say_type (out, fs_transmitter_get_stream_transmitter_type (new_transmitter (NULL, "rawudp", 2, 0)));
}

ROW (fs_transmitter_get_stream_transmitter_type, without_method) {
  say_type (out, fs_transmitter_get_stream_transmitter_type (new_transmitter (NULL, "bare", 2, 0)));
}

ROW (fs_transmitter_get_stream_transmitter_type, null) { say_type (out, fs_transmitter_get_stream_transmitter_type (NULL)); }

static void
note_error (GObject *object G_GNUC_UNUSED, FsError code, const char *text, gpointer out)
{
  say (out, "%d", code);
  say_text (out, text);
}

ROW (fs_transmitter_emit_error, ordinary) {
  FsTransmitter *transmitter = new_transmitter (NULL, "fake", 2, 0);

  fs_transmitter_emit_error (transmitter, FS_ERROR_NETWORK, "unheard");
  g_signal_connect (transmitter, "error", G_CALLBACK (note_error), out);
  fs_transmitter_emit_error (transmitter, FS_ERROR_NETWORK, "no net");
  fs_transmitter_emit_error (transmitter, FS_ERROR_INTERNAL, "");
  fs_transmitter_emit_error (transmitter, 4711, NULL);
}

ROW (fs_transmitter_emit_error, null) { fs_transmitter_emit_error (NULL, FS_ERROR_NETWORK, "x"); }

static GParameter
parameter (const char *name, gboolean yes)
{
  GParameter parameter = { name, G_VALUE_INIT };

  g_value_init (&parameter.value, G_TYPE_BOOLEAN);
  g_value_set_boolean (&parameter.value, yes);
  return parameter;
}

static FsStreamTransmitter *
new_stream_transmitter (GString *out, FsTransmitter *transmitter, FsParticipant *participant, guint n, GParameter *parameters)
{
  GError *error = NULL;
  FsStreamTransmitter *made =
      fs_transmitter_new_stream_transmitter (transmitter, participant, n, parameters, &error);

  if (out)
    say_made (out, made, &error);
  return made;
}

ROW (fs_transmitter_new_stream_transmitter, ordinary) {
  GParameter parameters[] = { parameter ("sending", FALSE), parameter ("associate-on-source", FALSE) };

  new_stream_transmitter (out, new_transmitter (NULL, "fake", 2, 0), fake_call ()->participant, 2, parameters);
}

ROW (fs_transmitter_new_stream_transmitter, nothing_else) {
  new_stream_transmitter (out, new_transmitter (NULL, "fake", 2, 0), NULL, 0, NULL);
}

ROW (fs_transmitter_new_stream_transmitter, method_fails) {
  fake_answer = ANSWER_ERROR;
  new_stream_transmitter (out, new_transmitter (NULL, "fake", 2, 0), NULL, 0, NULL);
}

ROW (fs_transmitter_new_stream_transmitter, method_fails_silently) {
  fake_answer = ANSWER_NOTHING;
  new_stream_transmitter (out, new_transmitter (NULL, "fake", 2, 0), NULL, 0, NULL);
}

ROW (fs_transmitter_new_stream_transmitter, without_method) {
  new_stream_transmitter (out, new_transmitter (NULL, "bare", 2, 0), NULL, 0, NULL);
}

ROW (fs_transmitter_new_stream_transmitter, null) { new_stream_transmitter (out, NULL, NULL, 0, NULL); }

ROW (fs_transmitter_new_stream_transmitter, rawudp) {
  GParameter parameters[] = { parameter ("sending", FALSE) };
  gboolean sending = TRUE;

  g_object_get (new_stream_transmitter (out, new_transmitter (NULL, "rawudp", 2, 0), NULL, 1, parameters), "sending",
      &sending, NULL);
  say_bool (out, sending);
}

ROW (fs_transmitter_new_stream_transmitter, rawudp_unknown_parameter) {
  GParameter parameters[] = { parameter ("no-such-parameter", FALSE) };

  new_stream_transmitter (out, new_transmitter (NULL, "rawudp", 2, 0), NULL, 1, parameters);
}

ROW (fs_transmitter_new_stream_transmitter, rawudp_wrong_type) {
  GParameter parameters[] = { parameter ("preferred-local-candidates", FALSE) };

  new_stream_transmitter (out, new_transmitter (NULL, "rawudp", 2, 0), NULL, 1, parameters);
}

ROW (fs_transmitter_new_stream_transmitter, rawudp_null_array) {
  new_stream_transmitter (out, new_transmitter (NULL, "rawudp", 2, 0), NULL, 1, NULL);
}

/* A stream transmitter of each kind. */

typedef gboolean (*Change) (FsStreamTransmitter *, GList *, GError **);

static FsStreamTransmitter *
stream_transmitter_of (const char *name)
{
  if (g_str_equal (name, "bare"))
    return g_object_new (bare_stream_transmitter_get_type (), NULL);
  return new_stream_transmitter (NULL, new_transmitter (NULL, name, 2, 0), NULL, 0, NULL);
}

static void
change (GString *out, const char *name, Change what, GList *candidates)
{
  FsStreamTransmitter *transmitter = name ? stream_transmitter_of (name) : NULL;
  GError *error = NULL;

  g_string_truncate (fake_calls, 0);
  say_result (out, what (transmitter, candidates, &error), &error);
}

/* The same with a method that fails. */
static void
failing_change (GString *out, Answer wanted, Change what)
{
  FsStreamTransmitter *transmitter = stream_transmitter_of ("fake");
  GError *error = NULL;

  g_string_truncate (fake_calls, 0);
  fake_answer = wanted;
  say_result (out, what (transmitter, NULL, &error), &error);
}

static FsCandidate *
address (guint component, const char *ip, guint port)
{
  return fs_candidate_new ("1", component, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, ip, port);
}

#define CHANGE(callable) \
  ROW (callable, fake) { change (out, "fake", callable, one (address (1, "127.0.0.1", 4000))); } \
  ROW (callable, fake_empty_list) { change (out, "fake", callable, NULL); } \
  ROW (callable, without_method) { change (out, "bare", callable, NULL); } \
  ROW (callable, method_fails) { failing_change (out, ANSWER_ERROR, callable); } \
  ROW (callable, method_fails_silently) { failing_change (out, ANSWER_NOTHING, callable); } \
  ROW (callable, null) { change (out, NULL, callable, NULL); } \
  ROW (callable, rawudp) { change (out, "rawudp", callable, one (address (1, "127.0.0.1", 4000))); } \
  ROW (callable, rawudp_empty_list) { change (out, "rawudp", callable, NULL); } \
  ROW (callable, rawudp_component_0) { change (out, "rawudp", callable, one (address (0, "127.0.0.1", 4000))); } \
  ROW (callable, rawudp_component_3) { change (out, "rawudp", callable, one (address (3, "127.0.0.1", 4000))); } \
  ROW (callable, rawudp_no_ip) { change (out, "rawudp", callable, one (address (1, NULL, 4000))); } \
  ROW (callable, rawudp_empty_ip) { change (out, "rawudp", callable, one (address (1, "", 4000))); } \
  ROW (callable, rawudp_bad_ip) { change (out, "rawudp", callable, one (address (1, "no address", 4000))); } \
  ROW (callable, rawudp_no_port) { change (out, "rawudp", callable, one (address (1, "127.0.0.1", 0))); }

CHANGE (fs_stream_transmitter_add_remote_candidates)
CHANGE (fs_stream_transmitter_force_remote_candidates)

static gboolean
gather (FsStreamTransmitter *transmitter, GList *candidates G_GNUC_UNUSED, GError **error)
{
  return fs_stream_transmitter_gather_local_candidates (transmitter, error);
}

ROW (fs_stream_transmitter_gather_local_candidates, fake) { change (out, "fake", gather, NULL); }
ROW (fs_stream_transmitter_gather_local_candidates, without_method) { change (out, "bare", gather, NULL); }
ROW (fs_stream_transmitter_gather_local_candidates, rawudp) { change (out, "rawudp", gather, NULL); }
ROW (fs_stream_transmitter_gather_local_candidates, null) { change (out, NULL, gather, NULL); }

ROW (fs_stream_transmitter_gather_local_candidates, method_fails) { failing_change (out, ANSWER_ERROR, gather); }
ROW (fs_stream_transmitter_gather_local_candidates, method_fails_silently) { failing_change (out, ANSWER_NOTHING, gather); }

ROW (fs_stream_transmitter_stop, fake) { fs_stream_transmitter_stop (stream_transmitter_of ("fake")); }
ROW (fs_stream_transmitter_stop, without_method) { fs_stream_transmitter_stop (stream_transmitter_of ("bare")); }
ROW (fs_stream_transmitter_stop, null) { fs_stream_transmitter_stop (NULL); }

ROW (fs_stream_transmitter_stop, rawudp_twice) {
  FsStreamTransmitter *transmitter = stream_transmitter_of ("rawudp");

  fs_stream_transmitter_stop (transmitter);
  fs_stream_transmitter_stop (transmitter);
  g_object_unref (transmitter);
}

ROW (fs_stream_transmitter_emit_error, ordinary) {
  FsStreamTransmitter *transmitter = stream_transmitter_of ("fake");

  g_signal_connect (transmitter, "error", G_CALLBACK (note_error), out);
  fs_stream_transmitter_emit_error (transmitter, FS_ERROR_CONNECTION_FAILED, "no way");
  fs_stream_transmitter_emit_error (transmitter, -1, NULL);
}

ROW (fs_stream_transmitter_emit_error, null) { fs_stream_transmitter_emit_error (NULL, FS_ERROR_NETWORK, "x"); }
