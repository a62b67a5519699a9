/* SPDX-License-Identifier: MPL-2.0 */

/* The functions that read bus messages: each with a good message, and with messages that lack something. */

#include "twin.h"

/* A field of a message, with a value of the right type. */
typedef struct
{
  const char *name;
  GType (*type) (void);
  int number;
} Field;

typedef gboolean (*Parse) (GString *out, gpointer object, GstMessage *message, gboolean places);

typedef struct
{
  const char *message;
  const char *about;
  Field fields[4];
  Parse parse;
} Kind;

static GType uint_type (void) { return G_TYPE_UINT; }
static GType byte_type (void) { return G_TYPE_UCHAR; }
static GType text_type (void) { return G_TYPE_STRING; }

static void
set_field (GstStructure *fields, const Field *field)
{
  GType type = field->type ();
  GValue value = G_VALUE_INIT;

  g_value_init (&value, type);
  if (G_TYPE_IS_ENUM (type))
    g_value_set_enum (&value, field->number);
  else if (type == G_TYPE_UINT)
    g_value_set_uint (&value, field->number);
  else if (type == G_TYPE_UCHAR)
    g_value_set_uchar (&value, field->number);
  else if (type == G_TYPE_STRING)
    g_value_set_static_string (&value, "the text");
  else if (type == FS_TYPE_CODEC)
    g_value_take_boxed (&value, pcma ());
  else if (type == FS_TYPE_CODEC_LIST)
    g_value_take_boxed (&value, one (pcma ()));
  else if (type == FS_TYPE_CANDIDATE)
    g_value_take_boxed (&value, fs_candidate_new (field->name, 1, 0, 0, "10.0.0.1", field->number));
  gst_structure_take_value (fields, field->name, &value);
}

/* The message of that kind about `object`, without the field `missing` and with a wrong type in the field `wrong`. */
static GstMessage *
message_of (const Kind *kind, const char *name, gpointer object, int missing, int wrong)
{
  GstStructure *fields = gst_structure_new_empty (name);

  if (object)
    gst_structure_set (fields, kind->about, G_OBJECT_TYPE (object), object, NULL);
  for (int i = 0; i < 4 && kind->fields[i].name; i++)
    if (i == wrong)
      gst_structure_set (fields, kind->fields[i].name, G_TYPE_DOUBLE, 1.5, NULL);
    else if (i != missing)
      set_field (fields, &kind->fields[i]);
  return gst_message_new_element (NULL, fields);
}

/* Runs the function on a message, which it then takes away. */
static void
try_message (GString *out, const Kind *kind, const char *what, gpointer object, GstMessage *message)
{
  say (out, "%s:", what);
  say_bool (out, kind->parse (out, object, message, TRUE));
  gst_message_unref (message);
}

/* The rows of every kind, by number; `is_stream` tells whom the message is about. */
static void
good_message (GString *out, const Kind *kind, gboolean is_stream)
{
  Call *call = fake_call ();
  gpointer object = is_stream ? (gpointer) call->stream : call->session;

  try_message (out, kind, "good", object, message_of (kind, kind->message, object, -1, -1));
}

static void
without_places (GString *out, const Kind *kind, gboolean is_stream)
{
  Call *call = fake_call ();
  gpointer object = is_stream ? (gpointer) call->stream : call->session;

  say_bool (out, kind->parse (out, object, message_of (kind, kind->message, object, -1, -1), FALSE));
}

static void
bad_messages (GString *out, const Kind *kind, gboolean is_stream)
{
  Call *call = fake_call (), *other = fake_call ();
  gpointer object = is_stream ? (gpointer) call->stream : call->session;
  gpointer stranger = is_stream ? (gpointer) other->stream : other->session;
  GstMessage *message;

  try_message (out, kind, "stranger", object, message_of (kind, kind->message, stranger, -1, -1));
  try_message (out, kind, "nobody", object, message_of (kind, kind->message, NULL, -1, -1));
  try_message (out, kind, "name", object, message_of (kind, "farstream-nothing", object, -1, -1));
  try_message (out, kind, "other type", object, gst_message_new_application (NULL, gst_structure_new_empty (kind->message)));
  try_message (out, kind, "eos", object, gst_message_new_eos (NULL));
  for (int i = 0; i < 4 && kind->fields[i].name; i++) {
    try_message (out, kind, "missing", object, message_of (kind, kind->message, object, i, -1));
    try_message (out, kind, "wrong", object, message_of (kind, kind->message, object, -1, i));
  }
  message = gst_message_new_element (NULL, gst_structure_new (kind->message, kind->about, G_TYPE_STRING, "x", NULL));
  try_message (out, kind, "text for the object", object, message);
  message = gst_message_new_element (NULL, gst_structure_new (kind->message, kind->about, G_TYPE_OBJECT, NULL, NULL));
  try_message (out, kind, "NULL for the object", object, message);
}

static void
wrong_arguments (GString *out, const Kind *kind, gboolean is_stream)
{
  Call *call = fake_call ();
  gpointer object = is_stream ? (gpointer) call->stream : call->session;

  say_bool (out, kind->parse (out, NULL, message_of (kind, kind->message, object, -1, -1), TRUE));
}

static void
no_message (GString *out, const Kind *kind, gboolean is_stream)
{
  Call *call = fake_call ();

  say_bool (out, kind->parse (out, is_stream ? (gpointer) call->stream : call->session, NULL, TRUE));
}

#define KIND(callable, is_stream) \
  ROW (callable, good) { good_message (out, &callable##_kind, is_stream); } \
  ROW (callable, without_places) { without_places (out, &callable##_kind, is_stream); } \
  ROW (callable, bad_messages) { bad_messages (out, &callable##_kind, is_stream); } \
  ROW (callable, null_object) { wrong_arguments (out, &callable##_kind, is_stream); } \
  ROW (callable, null_message) { no_message (out, &callable##_kind, is_stream); }

static gboolean
parse_error (GString *out, gpointer object, GstMessage *message, gboolean places)
{
  FsError code = 77;
  const gchar *text = "untouched";
  gboolean good = fs_parse_error (object, message, places ? &code : NULL, places ? &text : NULL);

  if (good)
    say (out, "%d %s", code, text);
  return good;
}

static const Kind fs_parse_error_kind = { "farstream-error", "src-object",
  { {"error-no", fs_error_get_type, FS_ERROR_NETWORK}, {"error-msg", text_type, 0} }, parse_error };
KIND (fs_parse_error, FALSE)

static gboolean
parse_send_codec (GString *out, gpointer session, GstMessage *message, gboolean places)
{
  FsCodec *codec = NULL;
  GList *secondary = NULL;
  gboolean good = fs_session_parse_send_codec_changed (session, message, places ? &codec : NULL, places ? &secondary : NULL);

  if (good) {
    say_codec (out, codec);
    say_codecs (out, secondary);
  }
  return good;
}

static const Kind fs_session_parse_send_codec_changed_kind = { "farstream-send-codec-changed", "session",
  { {"codec", fs_codec_get_type, 0}, {"secondary-codecs", fs_codec_list_get_type, 0} }, parse_send_codec };
KIND (fs_session_parse_send_codec_changed, FALSE)

static gboolean
parse_codecs (GString *out G_GNUC_UNUSED, gpointer session, GstMessage *message, gboolean places G_GNUC_UNUSED)
{
  return fs_session_parse_codecs_changed (session, message);
}

static const Kind fs_session_parse_codecs_changed_kind = { "farstream-codecs-changed", "session", { {0} }, parse_codecs };
KIND (fs_session_parse_codecs_changed, FALSE)

static gboolean
parse_started (GString *out, gpointer session, GstMessage *message, gboolean places)
{
  FsDTMFMethod method = 77;
  FsDTMFEvent event = 77;
  guint8 volume = 77;
  gboolean good = fs_session_parse_telephony_event_started (session, message, places ? &method : NULL,
      places ? &event : NULL, places ? &volume : NULL);

  if (good)
    say (out, "%d %d %u", method, event, volume);
  return good;
}

static const Kind fs_session_parse_telephony_event_started_kind = { "farstream-telephony-event-started", "session",
  { {"method", fs_dtmf_method_get_type, 2}, {"event", fs_dtmf_event_get_type, 11}, {"volume", byte_type, 8} },
  parse_started };
KIND (fs_session_parse_telephony_event_started, FALSE)

static gboolean
parse_stopped (GString *out, gpointer session, GstMessage *message, gboolean places)
{
  FsDTMFMethod method = 77;
  gboolean good = fs_session_parse_telephony_event_stopped (session, message, places ? &method : NULL);

  if (good)
    say (out, "%d", method);
  return good;
}

static const Kind fs_session_parse_telephony_event_stopped_kind = { "farstream-telephony-event-stopped", "session",
  { {"method", fs_dtmf_method_get_type, 1} }, parse_stopped };
KIND (fs_session_parse_telephony_event_stopped, FALSE)

static gboolean
parse_local (GString *out, gpointer stream, GstMessage *message, gboolean places)
{
  FsCandidate *candidate = NULL;
  gboolean good = fs_stream_parse_new_local_candidate (stream, message, places ? &candidate : NULL);

  if (good)
    say_candidate (out, candidate);
  return good;
}

static const Kind fs_stream_parse_new_local_candidate_kind = { "farstream-new-local-candidate", "stream",
  { {"candidate", fs_candidate_get_type, 5} }, parse_local };
KIND (fs_stream_parse_new_local_candidate, TRUE)

static gboolean
parse_prepared (GString *out G_GNUC_UNUSED, gpointer stream, GstMessage *message, gboolean places G_GNUC_UNUSED)
{
  return fs_stream_parse_local_candidates_prepared (stream, message);
}

static const Kind fs_stream_parse_local_candidates_prepared_kind = { "farstream-local-candidates-prepared", "stream",
  { {0} }, parse_prepared };
KIND (fs_stream_parse_local_candidates_prepared, TRUE)

static gboolean
parse_pair (GString *out, gpointer stream, GstMessage *message, gboolean places)
{
  FsCandidate *local = NULL, *remote = NULL;
  gboolean good = fs_stream_parse_new_active_candidate_pair (stream, message, places ? &local : NULL,
      places ? &remote : NULL);

  if (good) {
    say_candidate (out, local);
    say_candidate (out, remote);
  }
  return good;
}

static const Kind fs_stream_parse_new_active_candidate_pair_kind = { "farstream-new-active-candidate-pair", "stream",
  { {"local-candidate", fs_candidate_get_type, 5}, {"remote-candidate", fs_candidate_get_type, 6} }, parse_pair };
KIND (fs_stream_parse_new_active_candidate_pair, TRUE)

static gboolean
parse_recv (GString *out, gpointer stream, GstMessage *message, gboolean places)
{
  GList *codecs = NULL;
  gboolean good = fs_stream_parse_recv_codecs_changed (stream, message, places ? &codecs : NULL);

  if (good)
    say_codecs (out, codecs);
  return good;
}

static const Kind fs_stream_parse_recv_codecs_changed_kind = { "farstream-recv-codecs-changed", "stream",
  { {"codecs", fs_codec_list_get_type, 0} }, parse_recv };
KIND (fs_stream_parse_recv_codecs_changed, TRUE)

static gboolean
parse_state (GString *out, gpointer stream, GstMessage *message, gboolean places)
{
  FsStreamState state = 77;
  guint component = 77;
  gboolean good = fs_stream_parse_component_state_changed (stream, message, places ? &component : NULL,
      places ? &state : NULL);

  if (good)
    say (out, "%u %d", component, state);
  return good;
}

static const Kind fs_stream_parse_component_state_changed_kind = { "farstream-component-state-changed", "stream",
  { {"component", uint_type, 2}, {"state", fs_stream_state_get_type, FS_STREAM_STATE_READY} }, parse_state };
KIND (fs_stream_parse_component_state_changed, TRUE)

/* Any enumeration will do for the state. */
static const Kind other_enumeration = { "farstream-component-state-changed", "stream",
  { {"component", uint_type, 2}, {"state", fs_media_type_get_type, 1} }, parse_state };
ROW (fs_stream_parse_component_state_changed, other_enumeration) { good_message (out, &other_enumeration, TRUE); }

/* An empty list in the message. */
ROW (fs_session_parse_send_codec_changed, no_secondary_codecs) {
  Call *call = fake_call ();
  FsCodec *codec = NULL;
  GList *secondary = (GList *) call;

  say_bool (out, fs_session_parse_send_codec_changed (call->session, gst_message_new_element (NULL,
              gst_structure_new ("farstream-send-codec-changed", "session", FS_TYPE_SESSION, call->session, "codec",
                  FS_TYPE_CODEC, pcma (), "secondary-codecs", FS_TYPE_CODEC_LIST, NULL, NULL)), &codec, &secondary));
  say_codecs (out, secondary);
}

/* What has no source of the error but any object. */
ROW (fs_parse_error, any_object) {
  GObject *object = g_object_new (G_TYPE_OBJECT, NULL);
  FsError code = 0;
  const gchar *text = NULL;

  say_bool (out, fs_parse_error (object, gst_message_new_element (NULL, gst_structure_new ("farstream-error", "src-object",
                  G_TYPE_OBJECT, object, "error-no", FS_TYPE_ERROR, 77, "error-msg", G_TYPE_STRING, NULL, NULL)), &code,
          &text));
  say (out, "%d", code);
  say_text (out, text);
}
