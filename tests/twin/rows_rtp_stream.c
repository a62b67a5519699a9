/* SPDX-License-Identifier: MPL-2.0 */

/* Streams of fsrtpconference, and what is left of them and of their session after destroy. */

#include "twin.h"

#define BOOL(expression) \
  G_STMT_START { GError *error = NULL; gboolean good = (expression); say_result (out, good, &error); } G_STMT_END

/* As in rows_rtp.c. */
#define CALL_ROW(callable, name) \
  static void callable##_##name##_with (GString *out G_GNUC_UNUSED, Call *call); \
  ROW (callable, name) { Call *call = rtp_call (FS_MEDIA_TYPE_AUDIO); callable##_##name##_with (out, call); call_free (call); } \
  static void callable##_##name##_with (GString *out G_GNUC_UNUSED, Call *call)

static FsCodec *
odd_codec (int id, const char *name, FsMediaType media)
{
  return named_codec (id, name, media, 8000);
}

static void
say_property (GString *out, gpointer object, const char *name)
{
  GList *codecs = NULL;

  g_object_get (object, name, &codecs, NULL);
  say (out, "%s", name);
  say_codecs (out, codecs);
  fs_codec_list_destroy (codecs);
}

/* Remote codecs: PCMU first, then the list of the row. */
static void
set_remote (GString *out, Call *call, GList *codecs)
{
  BOOL (fs_stream_set_remote_codecs (call->stream, one (named_codec (0, "PCMU", FS_MEDIA_TYPE_AUDIO, 8000)), &error));
  BOOL (fs_stream_set_remote_codecs (call->stream, codecs, &error));
  say_property (out, call->stream, "remote-codecs");
  say_property (out, call->stream, "negotiated-codecs");
  say_property (out, call->session, "codecs");
}

CALL_ROW (fs_stream_set_remote_codecs, rtp) { set_remote (out, call, one (pcma ())); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_other_id) { set_remote (out, call, one (odd_codec (97, "PCMA", FS_MEDIA_TYPE_AUDIO))); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_lower_case) { set_remote (out, call, one (odd_codec (8, "pcma", FS_MEDIA_TYPE_AUDIO))); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_unknown) { set_remote (out, call, one (odd_codec (97, "NO-SUCH", FS_MEDIA_TYPE_AUDIO))); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_unknown_and_known) {
  set_remote (out, call, g_list_append (one (odd_codec (97, "NO-SUCH", FS_MEDIA_TYPE_AUDIO)), pcma ()));
}
CALL_ROW (fs_stream_set_remote_codecs, rtp_other_media) { set_remote (out, call, one (odd_codec (8, "PCMA", FS_MEDIA_TYPE_VIDEO))); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_id_128) { set_remote (out, call, one (odd_codec (128, "PCMA", FS_MEDIA_TYPE_AUDIO))); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_id_1000) { set_remote (out, call, one (odd_codec (1000, "PCMA", FS_MEDIA_TYPE_AUDIO))); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_any_id) {
  set_remote (out, call, one (odd_codec (FS_CODEC_ID_ANY, "PCMA", FS_MEDIA_TYPE_AUDIO)));
}
CALL_ROW (fs_stream_set_remote_codecs, rtp_no_clock_rate) {
  set_remote (out, call, one (named_codec (8, "PCMA", FS_MEDIA_TYPE_AUDIO, 0)));
}
CALL_ROW (fs_stream_set_remote_codecs, rtp_empty_name) { set_remote (out, call, one (odd_codec (97, "", FS_MEDIA_TYPE_AUDIO))); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_no_name) { set_remote (out, call, one (odd_codec (97, NULL, FS_MEDIA_TYPE_AUDIO))); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_null_list) { set_remote (out, call, NULL); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_null_item) { set_remote (out, call, one (NULL)); }
CALL_ROW (fs_stream_set_remote_codecs, rtp_no_place_for_the_error) {
  say_bool (out, fs_stream_set_remote_codecs (call->stream, one (odd_codec (97, "NO-SUCH", FS_MEDIA_TYPE_AUDIO)), NULL));
}

static FsCandidate *
address (guint component, const char *ip, guint port)
{
  return fs_candidate_new ("1", component, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, ip, port);
}

static gboolean
set_rawudp (Call *call)
{
  return fs_stream_set_transmitter (call->stream, "rawudp", NULL, 0, NULL);
}

CALL_ROW (fs_stream_add_remote_candidates, rtp_no_transmitter) {
  BOOL (fs_stream_add_remote_candidates (call->stream, one (address (1, "127.0.0.1", 4000)), &error));
  BOOL (fs_stream_add_remote_candidates (call->stream, NULL, &error));
}

CALL_ROW (fs_stream_add_remote_candidates, rtp) {
  set_rawudp (call);
  BOOL (fs_stream_add_remote_candidates (call->stream, one (address (1, "127.0.0.1", 4000)), &error));
}

CALL_ROW (fs_stream_force_remote_candidates, rtp_no_transmitter) {
  BOOL (fs_stream_force_remote_candidates (call->stream, one (address (1, "127.0.0.1", 4000)), &error));
  BOOL (fs_stream_force_remote_candidates (call->stream, NULL, &error));
}

static void
force (GString *out, Call *call, FsCandidate *candidate)
{
  set_rawudp (call);
  BOOL (fs_stream_force_remote_candidates (call->stream, candidate ? one (candidate) : NULL, &error));
}

CALL_ROW (fs_stream_force_remote_candidates, rtp) { force (out, call, address (1, "127.0.0.1", 4000)); }
CALL_ROW (fs_stream_force_remote_candidates, rtp_component_2) { force (out, call, address (2, "127.0.0.1", 4000)); }
CALL_ROW (fs_stream_force_remote_candidates, rtp_component_0) { force (out, call, address (0, "127.0.0.1", 4000)); }
CALL_ROW (fs_stream_force_remote_candidates, rtp_component_3) { force (out, call, address (3, "127.0.0.1", 4000)); }
CALL_ROW (fs_stream_force_remote_candidates, rtp_no_ip) { force (out, call, address (1, NULL, 4000)); }
CALL_ROW (fs_stream_force_remote_candidates, rtp_bad_ip) { force (out, call, address (1, "no address", 4000)); }
CALL_ROW (fs_stream_force_remote_candidates, rtp_no_port) { force (out, call, address (1, "127.0.0.1", 0)); }
CALL_ROW (fs_stream_force_remote_candidates, rtp_null_list) { force (out, call, NULL); }
CALL_ROW (fs_stream_force_remote_candidates, rtp_null_item) {
  set_rawudp (call);
  BOOL (fs_stream_force_remote_candidates (call->stream, one (NULL), &error));
}

static void
set_transmitter (GString *out, Call *call, const char *name, guint n, GParameter *parameters)
{
  BOOL (fs_stream_set_transmitter (call->stream, name, parameters, n, &error));
}

static GParameter
parameter (const char *name, GType type)
{
  GParameter parameter = { name, G_VALUE_INIT };

  g_value_init (&parameter.value, type);
  return parameter;
}

CALL_ROW (fs_stream_set_transmitter, rtp) { set_transmitter (out, call, "rawudp", 0, NULL); }
CALL_ROW (fs_stream_set_transmitter, rtp_parameters) {
  GParameter parameters[] = { parameter ("preferred-local-candidates", FS_TYPE_CANDIDATE_LIST) };

  g_value_take_boxed (&parameters[0].value, one (address (1, "127.0.0.1", 0)));
  set_transmitter (out, call, "rawudp", 1, parameters);
}
CALL_ROW (fs_stream_set_transmitter, rtp_second) {
  set_transmitter (out, call, "rawudp", 0, NULL);
  set_transmitter (out, call, "rawudp", 0, NULL);
}
CALL_ROW (fs_stream_set_transmitter, rtp_unknown) {
  set_transmitter (out, call, "no-such", 0, NULL);
  set_transmitter (out, call, "rawudp", 0, NULL);
}
CALL_ROW (fs_stream_set_transmitter, rtp_unknown_twice) {
  set_transmitter (out, call, "no-such", 0, NULL);
  set_transmitter (out, call, "no-such", 0, NULL);
}
CALL_ROW (fs_stream_set_transmitter, rtp_empty_name) { set_transmitter (out, call, "", 0, NULL); }
CALL_ROW (fs_stream_set_transmitter, rtp_null_name) { set_transmitter (out, call, NULL, 0, NULL); }
CALL_ROW (fs_stream_set_transmitter, rtp_unknown_parameter) {
  GParameter parameters[] = { parameter ("no-such", G_TYPE_BOOLEAN) };

  set_transmitter (out, call, "rawudp", 1, parameters);
}
CALL_ROW (fs_stream_set_transmitter, rtp_wrong_type) {
  GParameter parameters[] = { parameter ("preferred-local-candidates", G_TYPE_BOOLEAN) };

  set_transmitter (out, call, "rawudp", 1, parameters);
}
CALL_ROW (fs_stream_set_transmitter, rtp_bad_local_address) {
  GParameter parameters[] = { parameter ("preferred-local-candidates", FS_TYPE_CANDIDATE_LIST) };

  g_value_take_boxed (&parameters[0].value, one (address (1, "no address", 0)));
  set_transmitter (out, call, "rawudp", 1, parameters);
}
CALL_ROW (fs_stream_set_transmitter, rtp_null_array) { set_transmitter (out, call, "rawudp", 1, NULL); }

static void
set_table (GString *out, Call *call, const char *name, const char *key, GType type)
{
  GHashTable *table = g_hash_table_new (g_str_hash, g_str_equal);
  GValue value = G_VALUE_INIT;

  g_value_init (&value, type);
  g_hash_table_insert (table, (gpointer) key, &value);
  BOOL (fs_stream_set_transmitter_ht (call->stream, name, table, &error));
}

CALL_ROW (fs_stream_set_transmitter_ht, rtp_null_table) {
  BOOL (fs_stream_set_transmitter_ht (call->stream, "rawudp", NULL, &error));
}
CALL_ROW (fs_stream_set_transmitter_ht, rtp) { set_table (out, call, "rawudp", "upnp-discovery", G_TYPE_BOOLEAN); }
CALL_ROW (fs_stream_set_transmitter_ht, rtp_unknown_property) { set_table (out, call, "rawudp", "no-such", G_TYPE_INT); }
CALL_ROW (fs_stream_set_transmitter_ht, rtp_unknown) { set_table (out, call, "no-such", "sending", G_TYPE_BOOLEAN); }
CALL_ROW (fs_stream_set_transmitter_ht, rtp_wrong_type) {
  set_table (out, call, "rawudp", "preferred-local-candidates", G_TYPE_INT);
}

CALL_ROW (fs_stream_set_decryption_parameters, rtp_null) {
  BOOL (fs_stream_set_decryption_parameters (call->stream, NULL, &error));
}
CALL_ROW (fs_stream_set_decryption_parameters, rtp_other_name) {
  BOOL (fs_stream_set_decryption_parameters (call->stream, gst_structure_new_empty ("x"), &error));
}
CALL_ROW (fs_stream_set_decryption_parameters, rtp_no_key) {
  BOOL (fs_stream_set_decryption_parameters (call->stream, gst_structure_new_empty ("FarstreamSRTP"), &error));
}

CALL_ROW (fs_stream_add_id, rtp) {
  fs_stream_add_id (call->stream, 0);
  fs_stream_add_id (call->stream, G_MAXUINT);
  fs_stream_add_id (call->stream, G_MAXUINT);
  say (out, "added");
}

CALL_ROW (fs_stream_iterate_src_pads, rtp) {
  GstIterator *pads = fs_stream_iterate_src_pads (call->stream);
  GValue item = G_VALUE_INIT;

  say (out, "%d", gst_iterator_next (pads, &item));
  gst_iterator_free (pads);
}

/* Every method once more after destroy. */

CALL_ROW (fs_session_destroy, rtp_twice) {
  fs_stream_destroy (call->stream);
  fs_session_destroy (call->session);
  fs_session_destroy (call->session);
}

CALL_ROW (fs_session_destroy, rtp_before_its_stream) {
  fs_session_destroy (call->session);
  BOOL (fs_stream_set_remote_codecs (call->stream, one (pcma ()), &error));
}

CALL_ROW (fs_session_destroy, rtp_then_changes) {
  fs_stream_destroy (call->stream);
  fs_session_destroy (call->session);
  BOOL (fs_session_set_codec_preferences (call->session, one (pcma ()), &error));
  BOOL (fs_session_set_send_codec (call->session, pcma (), &error));
  BOOL (fs_session_set_encryption_parameters (call->session, NULL, &error));
}

CALL_ROW (fs_session_destroy, rtp_then_allowed_caps) {
  fs_stream_destroy (call->stream);
  fs_session_destroy (call->session);
  BOOL (fs_session_set_allowed_caps (call->session, gst_caps_new_any (), NULL, &error));
}

CALL_ROW (fs_session_destroy, rtp_then_new_stream) {
  GError *error = NULL;

  fs_stream_destroy (call->stream);
  fs_session_destroy (call->session);
  say_made (out, fs_session_new_stream (call->session, call->participant, FS_DIRECTION_BOTH, &error), &error);
}

CALL_ROW (fs_session_destroy, rtp_then_the_rest) {
  fs_stream_destroy (call->stream);
  fs_session_destroy (call->session);
  say_bool (out, fs_session_start_telephony_event (call->session, 1, 8));
  say_bool (out, fs_session_stop_telephony_event (call->session));
  say_listed (out, fs_session_list_transmitters (call->session), "rawudp");
  say_codecs (out, fs_session_codecs_need_resend (call->session, NULL, one (pcma ())));
}

CALL_ROW (fs_session_destroy, rtp_then_transmitter_type) {
  GType type;

  fs_stream_destroy (call->stream);
  fs_session_destroy (call->session);
  type = fs_session_get_stream_transmitter_type (call->session, "rawudp");
  say (out, "%s", type ? g_type_name (type) : "0");
}

/* Reads every property there is. */
static void
read_properties (GString *out, gpointer object)
{
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &count);

  for (guint i = 0; i < count; i++) {
    GValue value = G_VALUE_INIT;

    if (!(specs[i]->flags & G_PARAM_READABLE))
      continue;
    g_value_init (&value, specs[i]->value_type);
    g_object_get_property (object, specs[i]->name, &value);
    g_value_unset (&value);
  }
  say (out, "read");
  g_free (specs);
}

CALL_ROW (fs_session_destroy, rtp_then_properties) {
  fs_stream_destroy (call->stream);
  fs_session_destroy (call->session);
  read_properties (out, call->session);
}

CALL_ROW (fs_stream_destroy, rtp_then_properties) {
  fs_stream_destroy (call->stream);
  read_properties (out, call->stream);
}

CALL_ROW (fs_stream_destroy, rtp_twice) {
  fs_stream_destroy (call->stream);
  fs_stream_destroy (call->stream);
}

CALL_ROW (fs_stream_destroy, rtp_then_changes) {
  fs_stream_destroy (call->stream);
  BOOL (fs_stream_set_remote_codecs (call->stream, one (pcma ()), &error));
  BOOL (fs_stream_add_remote_candidates (call->stream, NULL, &error));
  BOOL (fs_stream_force_remote_candidates (call->stream, NULL, &error));
  BOOL (fs_stream_set_decryption_parameters (call->stream, NULL, &error));
  fs_stream_add_id (call->stream, 5);
}

CALL_ROW (fs_stream_destroy, rtp_then_transmitter) {
  fs_stream_destroy (call->stream);
  set_transmitter (out, call, "rawudp", 0, NULL);
}

CALL_ROW (fs_stream_destroy, rtp_then_table) {
  fs_stream_destroy (call->stream);
  set_table (out, call, "rawudp", "sending", G_TYPE_BOOLEAN);
}

CALL_ROW (fs_stream_destroy, rtp_with_transmitter) {
  set_rawudp (call);
  fs_stream_destroy (call->stream);
  set_transmitter (out, call, "rawudp", 0, NULL);
}

/* On another thread than the main one. */
static gpointer
destroy_stream (gpointer stream)
{
  fs_stream_destroy (stream);
  return NULL;
}

CALL_ROW (fs_stream_destroy, rtp_from_a_thread) {
  g_thread_join (g_thread_new (NULL, destroy_stream, call->stream));
  BOOL (fs_stream_set_remote_codecs (call->stream, one (pcma ()), &error));
}

/* The messages of a call that finds its candidates and its peer, each read with its own function. */

typedef struct
{
  gchar *local[3];
  gchar *pair[3];
  gboolean prepared;
} Heard;

static void
hear (Call *call, Heard *heard, GstMessage *message)
{
  FsCandidate *local = NULL, *remote = NULL;

  if (fs_stream_parse_new_local_candidate (call->stream, message, &local) && local->component_id < 3 && local->port)
    heard->local[local->component_id] = g_strdup_printf ("%s %d %d", local->ip, local->proto, local->type);
  if (fs_stream_parse_local_candidates_prepared (call->stream, message))
    heard->prepared = TRUE;
  if (fs_stream_parse_new_active_candidate_pair (call->stream, message, &local, &remote) && local->component_id < 3)
    heard->pair[local->component_id] = g_strdup_printf ("%s %s:%u", local->ip, remote->ip, remote->port);
}

/* A call over rawudp on the loopback interface, told to send to two ports there. */
static Heard
heard_call (Call *call)
{
  GstBus *bus = gst_element_get_bus (call->pipeline);
  GParameter parameters[] = { parameter ("preferred-local-candidates", FS_TYPE_CANDIDATE_LIST) };
  GList *remote = g_list_append (one (address (1, "127.0.0.1", 4000)), address (2, "127.0.0.1", 4001));
  Heard heard = { {NULL}, {NULL}, FALSE };
  GstMessage *message;

  g_value_take_boxed (&parameters[0].value, g_list_append (one (address (1, "127.0.0.1", 0)), address (2, "127.0.0.1", 0)));
  gst_element_set_state (call->pipeline, GST_STATE_PLAYING);
  if (fs_stream_set_transmitter (call->stream, "rawudp", parameters, 1, NULL))
    fs_stream_force_remote_candidates (call->stream, remote, NULL);
  while ((!heard.prepared || !heard.pair[1] || !heard.pair[2])
      && (message = gst_bus_timed_pop_filtered (bus, 3 * GST_SECOND, GST_MESSAGE_ELEMENT))) {
    hear (call, &heard, message);
    gst_message_unref (message);
  }
  gst_object_unref (bus);
  return heard;
}

CALL_ROW (fs_stream_parse_new_local_candidate, rtp) {
  Heard heard = heard_call (call);

  say_text (out, heard.local[1]);
  say_text (out, heard.local[2]);
}

CALL_ROW (fs_stream_parse_local_candidates_prepared, rtp) { say_bool (out, heard_call (call).prepared); }

CALL_ROW (fs_stream_parse_new_active_candidate_pair, rtp) {
  Heard heard = heard_call (call);

  say_text (out, heard.pair[1]);
  say_text (out, heard.pair[2]);
}
