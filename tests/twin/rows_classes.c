/* SPDX-License-Identifier: MPL-2.0 */

/* The methods of conference, session and stream on the classes of fakes.c: what reaches the sub-class and what comes back. */

#include "twin.h"

/* What is done in a row: with every method present and the given answer, or with none. */
typedef void (*Deed) (GString *out, Call *call);

static void
on_fakes (GString *out, Deed deed, Answer answer)
{
  Call *call = fake_call ();

  fake_answer = answer;
  deed (out, call);
}

static void
on_bare (GString *out, Deed deed)
{
  deed (out, bare_call ());
}

static void
without_object (GString *out, Deed deed)
{
  Call nothing = { NULL, NULL, NULL, NULL, NULL };

  deed (out, &nothing);
}

/* An object of another class, as a careless binding would pass. */
static void
wrong_object (GString *out, Deed deed)
{
  gpointer object = gst_object_ref_sink (gst_element_factory_make ("identity", NULL));
  Call wrong = { object, object, object, object, object };

  deed (out, &wrong);
}

#define EVERY(callable, deed) \
  ROW (callable, fake) { on_fakes (out, deed, ANSWER_GOOD); } \
  ROW (callable, method_fails) { on_fakes (out, deed, ANSWER_ERROR); } \
  ROW (callable, method_fails_silently) { on_fakes (out, deed, ANSWER_NOTHING); } \
  ROW (callable, null_object) { without_object (out, deed); } \
  ROW (callable, wrong_object) { wrong_object (out, deed); }

#define EVERY_AND_BARE(callable, deed) \
  EVERY (callable, deed) \
  ROW (callable, without_method) { on_bare (out, deed); }

/* The deed is a body; where it calls a function with a GError it passes `place`, which is NULL if `no_place` is set. */
static gboolean no_place;

static void
without_place (GString *out, Deed deed)
{
  no_place = TRUE;
  on_fakes (out, deed, ANSWER_ERROR);
  on_bare (out, deed);
  without_object (out, deed);
}

/* For the functions with a GError. */
#define EVERY_RESULT(callable, deed) \
  EVERY_AND_BARE (callable, deed) \
  ROW (callable, no_place_for_the_error) { without_place (out, deed); }

#define DEED(name) \
  static void name (GString *out G_GNUC_UNUSED, Call *call); \
  static void name (GString *out G_GNUC_UNUSED, Call *call)

#define PLACE GError *error = NULL, **place = no_place ? NULL : &error
#define BOOL(expression) PLACE; gboolean good = (expression); say_result (out, good, &error)
#define MADE(expression) PLACE; gpointer made = (expression); say_made (out, made, &error)

/* Conference. */

DEED (new_session) { MADE (fs_conference_new_session (call->conference, FS_MEDIA_TYPE_VIDEO, place)); }
DEED (new_session_9) { MADE (fs_conference_new_session (call->conference, 9, place)); }
DEED (new_participant) { MADE (fs_conference_new_participant (call->conference, place)); }
EVERY (fs_conference_new_session, new_session)
EVERY (fs_conference_new_participant, new_participant)
ROW (fs_conference_new_session, no_place_for_the_error) { without_place (out, new_session); }
ROW (fs_conference_new_participant, no_place_for_the_error) { without_place (out, new_participant); }
ROW (fs_conference_new_session, other_media_type) { on_fakes (out, new_session_9, ANSWER_GOOD); }

static Call *
without_methods (void)
{
  Call *call = g_new0 (Call, 1);

  call->conference = g_object_new (bare_conference_get_type (), NULL);
  return call;
}

ROW (fs_conference_new_session, without_method) { new_session (out, without_methods ()); }
ROW (fs_conference_new_participant, without_method) { new_participant (out, without_methods ()); }

/* Session. */

DEED (new_stream) { MADE (fs_session_new_stream (call->session, call->participant, FS_DIRECTION_SEND, place)); }
EVERY_RESULT (fs_session_new_stream, new_stream)

DEED (new_stream_for_nobody) { MADE (fs_session_new_stream (call->session, NULL, FS_DIRECTION_SEND, place)); }
DEED (new_stream_direction) { MADE (fs_session_new_stream (call->session, call->participant, 77, place)); }
ROW (fs_session_new_stream, null_participant) { on_fakes (out, new_stream_for_nobody, ANSWER_GOOD); }
ROW (fs_session_new_stream, other_direction) { on_fakes (out, new_stream_direction, ANSWER_GOOD); }

DEED (start_event) {
  say_bool (out, fs_session_start_telephony_event (call->session, 11, 8));
  say_bool (out, fs_session_start_telephony_event (call->session, 255, 255));
}
DEED (stop_event) { say_bool (out, fs_session_stop_telephony_event (call->session)); }
EVERY_AND_BARE (fs_session_start_telephony_event, start_event)
EVERY_AND_BARE (fs_session_stop_telephony_event, stop_event)

DEED (set_send_codec) { BOOL (fs_session_set_send_codec (call->session, pcma (), place)); }
DEED (set_no_send_codec) { BOOL (fs_session_set_send_codec (call->session, NULL, place)); }
EVERY_RESULT (fs_session_set_send_codec, set_send_codec)
ROW (fs_session_set_send_codec, null_codec) { on_fakes (out, set_no_send_codec, ANSWER_GOOD); }
ROW (fs_session_set_send_codec, null_codec_without_method) { on_bare (out, set_no_send_codec); }

DEED (set_preferences) { BOOL (fs_session_set_codec_preferences (call->session, one (pcma ()), place)); }
DEED (set_no_preferences) { BOOL (fs_session_set_codec_preferences (call->session, NULL, place)); }
EVERY_RESULT (fs_session_set_codec_preferences, set_preferences)
ROW (fs_session_set_codec_preferences, null_list) { on_fakes (out, set_no_preferences, ANSWER_GOOD); }

DEED (list_transmitters) { say_listed (out, fs_session_list_transmitters (call->session), "one"); }
EVERY_AND_BARE (fs_session_list_transmitters, list_transmitters)

static void
say_type (GString *out, GType type)
{
  say (out, "%s", type ? g_type_name (type) : "0");
}

DEED (transmitter_type) {
  say_type (out, fs_session_get_stream_transmitter_type (call->session, "known"));
  say_type (out, fs_session_get_stream_transmitter_type (call->session, "unknown"));
  say_type (out, fs_session_get_stream_transmitter_type (call->session, ""));
}
DEED (transmitter_type_null) { say_type (out, fs_session_get_stream_transmitter_type (call->session, NULL)); }
EVERY_AND_BARE (fs_session_get_stream_transmitter_type, transmitter_type)
ROW (fs_session_get_stream_transmitter_type, null_name_without_method) { on_bare (out, transmitter_type_null); }
ROW (fs_session_get_stream_transmitter_type, null_name) { on_fakes (out, transmitter_type_null, ANSWER_GOOD); }

DEED (need_resend) { say_codecs (out, fs_session_codecs_need_resend (call->session, NULL, one (pcma ()))); }
DEED (need_resend_null) { say_codecs (out, fs_session_codecs_need_resend (call->session, NULL, NULL)); }
EVERY_AND_BARE (fs_session_codecs_need_resend, need_resend)
ROW (fs_session_codecs_need_resend, null_lists) { on_fakes (out, need_resend_null, ANSWER_GOOD); }

static GstCaps *
audio (void)
{
  return gst_caps_new_empty_simple ("audio/x-raw");
}

DEED (allow_both) { BOOL (fs_session_set_allowed_caps (call->session, audio (), audio (), place)); }
DEED (allow_sink) { BOOL (fs_session_set_allowed_caps (call->session, audio (), NULL, place)); }
DEED (allow_nothing) { BOOL (fs_session_set_allowed_caps (call->session, NULL, NULL, place)); }
EVERY_RESULT (fs_session_set_allowed_caps, allow_both)
ROW (fs_session_set_allowed_caps, sink_only) { on_fakes (out, allow_sink, ANSWER_GOOD); }
ROW (fs_session_set_allowed_caps, sink_only_without_method) { on_bare (out, allow_sink); }
ROW (fs_session_set_allowed_caps, nulls) { on_fakes (out, allow_nothing, ANSWER_GOOD); }
ROW (fs_session_set_allowed_caps, nulls_without_method) { on_bare (out, allow_nothing); }

static GstStructure *
keys (void)
{
  return gst_structure_new_empty ("FarstreamSRTP");
}

DEED (encrypt) { BOOL (fs_session_set_encryption_parameters (call->session, keys (), place)); }
DEED (encrypt_null) { BOOL (fs_session_set_encryption_parameters (call->session, NULL, place)); }
EVERY_RESULT (fs_session_set_encryption_parameters, encrypt)
ROW (fs_session_set_encryption_parameters, null_parameters) { on_fakes (out, encrypt_null, ANSWER_GOOD); }

static void
note_session_error (FsSession *session G_GNUC_UNUSED, GObject *source, FsError code, const char *text, gpointer out)
{
  say (out, "signal %s %d", G_OBJECT_TYPE_NAME (source), code);
  say_text (out, text);
}

/* What arrives at the bus of the pipeline. */
static void
say_messages (GString *out, Call *call)
{
  GstBus *bus = gst_element_get_bus (call->pipeline);
  GstMessage *message;
  FsError code = 0;
  const gchar *text = NULL;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    say (out, "message %s", gst_structure_get_name (gst_message_get_structure (message)));
    if (fs_parse_error (G_OBJECT (call->session), message, &code, &text))
      say (out, "session %d %s", code, text);
    if (fs_parse_error (G_OBJECT (call->stream), message, &code, &text))
      say (out, "stream %d %s", code, text);
    say (out, "from %s", GST_MESSAGE_SRC (message) == GST_OBJECT (call->conference) ? "conference" : "elsewhere");
    gst_message_unref (message);
  }
  gst_object_unref (bus);
}

ROW (fs_session_emit_error, fake) {
  Call *call = fake_call ();

  g_signal_connect (call->session, "error", G_CALLBACK (note_session_error), out);
  fs_session_emit_error (call->session, FS_ERROR_NETWORK, "no net");
  fs_session_emit_error (call->session, 0, "");
  say_messages (out, call);
}

ROW (fs_session_emit_error, null_text) {
  Call *call = fake_call ();

  fs_session_emit_error (call->session, FS_ERROR_NETWORK, NULL);
  say_messages (out, call);
}

DEED (session_error) { fs_session_emit_error (call->session, FS_ERROR_NETWORK, "x"); }
ROW (fs_session_emit_error, null_object) { without_object (out, session_error); }
ROW (fs_session_emit_error, wrong_object) { wrong_object (out, session_error); }
ROW (fs_session_emit_error, bare) { on_bare (out, session_error); }

DEED (session_destroy) { fs_session_destroy (call->session); }
ROW (fs_session_destroy, null_object) { without_object (out, session_destroy); }
ROW (fs_session_destroy, wrong_object) { wrong_object (out, session_destroy); }

ROW (fs_session_destroy, fake) {
  Call *call = fake_call ();

  fs_session_destroy (call->session);
  fs_session_destroy (call->session);
  say_bool (out, fs_session_stop_telephony_event (call->session));
}

/* Stream. */

static FsCandidate *
address (void)
{
  return fs_candidate_new ("1", 1, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, "127.0.0.1", 4000);
}

DEED (add_candidates) { BOOL (fs_stream_add_remote_candidates (call->stream, one (address ()), place)); }
DEED (add_nothing) { BOOL (fs_stream_add_remote_candidates (call->stream, NULL, place)); }
EVERY_RESULT (fs_stream_add_remote_candidates, add_candidates)
ROW (fs_stream_add_remote_candidates, null_list) { on_fakes (out, add_nothing, ANSWER_GOOD); }

DEED (force_candidates) { BOOL (fs_stream_force_remote_candidates (call->stream, one (address ()), place)); }
DEED (force_nothing) { BOOL (fs_stream_force_remote_candidates (call->stream, NULL, place)); }
EVERY_RESULT (fs_stream_force_remote_candidates, force_candidates)
ROW (fs_stream_force_remote_candidates, null_list) { on_fakes (out, force_nothing, ANSWER_GOOD); }

DEED (set_remote_codecs) { BOOL (fs_stream_set_remote_codecs (call->stream, one (pcma ()), place)); }
DEED (set_no_remote_codecs) { BOOL (fs_stream_set_remote_codecs (call->stream, NULL, place)); }
EVERY_RESULT (fs_stream_set_remote_codecs, set_remote_codecs)
ROW (fs_stream_set_remote_codecs, null_list) { on_fakes (out, set_no_remote_codecs, ANSWER_GOOD); }

DEED (add_ids) { fs_stream_add_id (call->stream, 0); fs_stream_add_id (call->stream, G_MAXUINT); }
EVERY_AND_BARE (fs_stream_add_id, add_ids)

DEED (decrypt) { BOOL (fs_stream_set_decryption_parameters (call->stream, keys (), place)); }
DEED (decrypt_null) { BOOL (fs_stream_set_decryption_parameters (call->stream, NULL, place)); }
EVERY_RESULT (fs_stream_set_decryption_parameters, decrypt)
ROW (fs_stream_set_decryption_parameters, null_parameters) { on_fakes (out, decrypt_null, ANSWER_GOOD); }

DEED (set_transmitter) {
  GParameter parameters[] = { {"sending", G_VALUE_INIT} };

  g_value_init (&parameters[0].value, G_TYPE_BOOLEAN);
  BOOL (fs_stream_set_transmitter (call->stream, "known", parameters, 1, place));
}
DEED (set_transmitter_without) { BOOL (fs_stream_set_transmitter (call->stream, "known", NULL, 0, place)); }
DEED (set_transmitter_null) { BOOL (fs_stream_set_transmitter (call->stream, NULL, NULL, 0, place)); }
EVERY_RESULT (fs_stream_set_transmitter, set_transmitter)
ROW (fs_stream_set_transmitter, no_parameters) { on_fakes (out, set_transmitter_without, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter, null_name) { on_fakes (out, set_transmitter_null, ANSWER_GOOD); }

/* Runs set_transmitter_ht with one entry; `text` NULL stands for no value. */
static void
set_table (GString *out, Call *call, const char *transmitter, const char *name, GType type, const char *text)
{
  GHashTable *table = g_hash_table_new (g_str_hash, g_str_equal);
  GValue source = G_VALUE_INIT, value = G_VALUE_INIT;

  g_value_init (&source, G_TYPE_INT);
  g_value_set_int (&source, 1);
  if (type) {
    g_value_init (&value, type);
    if (!g_value_transform (&source, &value))
      g_value_set_string (&value, text);
  }
  g_hash_table_insert (table, (gpointer) name, text || type ? &value : NULL);
  BOOL (fs_stream_set_transmitter_ht (call->stream, transmitter, table, place));
}

DEED (table) { set_table (out, call, "known", "sending", G_TYPE_BOOLEAN, NULL); }
DEED (table_int) { set_table (out, call, "known", "sending", G_TYPE_INT, NULL); }
DEED (table_text) { set_table (out, call, "known", "preferred-local-candidates", G_TYPE_STRING, "x"); }
DEED (table_unknown_type) { set_table (out, call, "unknown", "sending", G_TYPE_BOOLEAN, NULL); }
DEED (table_unknown_name) { set_table (out, call, "known", "no-such-property", G_TYPE_BOOLEAN, NULL); }
DEED (table_empty_name) { set_table (out, call, "known", "", G_TYPE_BOOLEAN, NULL); }
DEED (table_no_type) { set_table (out, call, "known", "sending", 0, "x"); }
DEED (table_null_value) { set_table (out, call, "known", "sending", 0, NULL); }
DEED (null_table) { BOOL (fs_stream_set_transmitter_ht (call->stream, "unknown", NULL, place)); }
DEED (table_null_name) { BOOL (fs_stream_set_transmitter_ht (call->stream, NULL, NULL, place)); }
EVERY_RESULT (fs_stream_set_transmitter_ht, table)
ROW (fs_stream_set_transmitter_ht, int_for_boolean) { on_fakes (out, table_int, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter_ht, text_for_list) { on_fakes (out, table_text, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter_ht, unknown_transmitter) { on_fakes (out, table_unknown_type, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter_ht, unknown_property) { on_fakes (out, table_unknown_name, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter_ht, empty_property) { on_fakes (out, table_empty_name, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter_ht, unset_value) { on_fakes (out, table_no_type, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter_ht, null_value) { on_fakes (out, table_null_value, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter_ht, null_table) { on_fakes (out, null_table, ANSWER_GOOD); }
ROW (fs_stream_set_transmitter_ht, null_table_without_method) { on_bare (out, null_table); }
ROW (fs_stream_set_transmitter_ht, null_name) { on_fakes (out, table_null_name, ANSWER_GOOD); }

ROW (fs_stream_set_transmitter_ht, empty_table) {
  Call *call = fake_call ();
  BOOL (fs_stream_set_transmitter_ht (call->stream, "unknown", g_hash_table_new (NULL, NULL), place));
}

ROW (fs_stream_set_transmitter_ht, after_destroy) {
  Call *call = fake_call ();

  fs_stream_destroy (call->stream);
  g_object_set (call->stream, "require-encryption", FALSE, NULL);
  table (out, call);
}

static void
note_stream_error (FsStream *stream G_GNUC_UNUSED, FsError code, const char *text, gpointer out)
{
  say (out, "stream signal %d", code);
  say_text (out, text);
}

ROW (fs_stream_emit_error, fake) {
  Call *call = fake_call ();

  g_signal_connect (call->stream, "error", G_CALLBACK (note_stream_error), out);
  g_signal_connect (call->session, "error", G_CALLBACK (note_session_error), out);
  fs_stream_emit_error (call->stream, FS_ERROR_CONNECTION_FAILED, "no way");
  say_messages (out, call);
}

ROW (fs_stream_emit_error, null_text) {
  Call *call = fake_call ();

  fs_stream_emit_error (call->stream, -5, NULL);
  say_messages (out, call);
}

DEED (stream_error) { fs_stream_emit_error (call->stream, FS_ERROR_NETWORK, "x"); }
ROW (fs_stream_emit_error, null_object) { without_object (out, stream_error); }
ROW (fs_stream_emit_error, wrong_object) { wrong_object (out, stream_error); }
ROW (fs_stream_emit_error, bare) { on_bare (out, stream_error); }

/* The pads the stream says it has. */
static void
say_pads (GString *out, FsStream *stream)
{
  GstIterator *pads = fs_stream_iterate_src_pads (stream);
  GValue item = G_VALUE_INIT;

  if (!pads) {
    say (out, "no iterator");
    return;
  }
  say (out, "pads:");
  while (gst_iterator_next (pads, &item) == GST_ITERATOR_OK) {
    say (out, "%s", GST_OBJECT_NAME (g_value_get_object (&item)));
    g_value_reset (&item);
  }
  gst_iterator_free (pads);
}

static void
note_pad (FsStream *stream G_GNUC_UNUSED, GstPad *pad, FsCodec *codec, gpointer out)
{
  say (out, "pad %s", GST_OBJECT_NAME (pad));
  say_codec (out, codec);
}

static GstPad *
add_pad (Call *call, const char *name)
{
  GstPad *pad = gst_pad_new (name, GST_PAD_SRC);

  gst_element_add_pad (GST_ELEMENT (call->conference), pad);
  return pad;
}

ROW (fs_stream_emit_src_pad_added, fake) {
  Call *call = fake_call ();
  GstPad *pad = add_pad (call, "a"), *other = add_pad (call, "b");

  g_signal_connect (call->stream, "src-pad-added", G_CALLBACK (note_pad), out);
  fs_stream_emit_src_pad_added (call->stream, pad, pcma ());
  fs_stream_emit_src_pad_added (call->stream, other, pcma ());
  say_pads (out, call->stream);
  gst_element_remove_pad (GST_ELEMENT (call->conference), pad);
  say_pads (out, call->stream);
}

ROW (fs_stream_emit_src_pad_added, twice) {
  Call *call = fake_call ();
  GstPad *pad = add_pad (call, "a");

  fs_stream_emit_src_pad_added (call->stream, pad, pcma ());
  fs_stream_emit_src_pad_added (call->stream, pad, pcma ());
  say_pads (out, call->stream);
}

ROW (fs_stream_emit_src_pad_added, null_pad) { fs_stream_emit_src_pad_added (fake_call ()->stream, NULL, pcma ()); }

ROW (fs_stream_emit_src_pad_added, null_codec) {
  Call *call = fake_call ();

  fs_stream_emit_src_pad_added (call->stream, add_pad (call, "a"), NULL);
  say_pads (out, call->stream);
}

ROW (fs_stream_emit_src_pad_added, null_object) {
  fs_stream_emit_src_pad_added (NULL, add_pad (fake_call (), "a"), pcma ());
}

DEED (iterate) { say_pads (out, call->stream); }
ROW (fs_stream_iterate_src_pads, fake) { on_fakes (out, iterate, ANSWER_GOOD); }
ROW (fs_stream_iterate_src_pads, bare) { on_bare (out, iterate); }
ROW (fs_stream_iterate_src_pads, null_object) { without_object (out, iterate); }
ROW (fs_stream_iterate_src_pads, wrong_object) { wrong_object (out, iterate); }

ROW (fs_stream_iterate_src_pads, changed_meanwhile) {
  Call *call = fake_call ();
  GstPad *pad = add_pad (call, "a");
  GstIterator *pads;
  GValue item = G_VALUE_INIT;

  fs_stream_emit_src_pad_added (call->stream, pad, pcma ());
  pads = fs_stream_iterate_src_pads (call->stream);
  gst_element_remove_pad (GST_ELEMENT (call->conference), pad);
  say (out, "%d", gst_iterator_next (pads, &item));
  gst_iterator_resync (pads);
  say (out, "%d", gst_iterator_next (pads, &item));
  gst_iterator_free (pads);
}

DEED (stream_destroy) { fs_stream_destroy (call->stream); }
ROW (fs_stream_destroy, null_object) { without_object (out, stream_destroy); }
ROW (fs_stream_destroy, wrong_object) { wrong_object (out, stream_destroy); }

ROW (fs_stream_destroy, fake) {
  Call *call = fake_call ();

  fs_stream_destroy (call->stream);
  fs_stream_destroy (call->stream);
  say_pads (out, call->stream);
  call_free (call);
}
