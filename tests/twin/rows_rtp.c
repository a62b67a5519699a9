/* SPDX-License-Identifier: MPL-2.0 */

/* The same methods on fsrtpconference. */

#include <string.h>

#include "twin.h"

#define BOOL(expression) \
  G_STMT_START { GError *error = NULL; gboolean good = (expression); say_result (out, good, &error); } G_STMT_END
#define MADE(expression) \
  G_STMT_START { GError *error = NULL; gpointer made = (expression); say_made (out, made, &error); } G_STMT_END

/* A row with an audio call at hand, which is ended properly. */
#define CALL_ROW(callable, name) \
  static void callable##_##name##_with (GString *out G_GNUC_UNUSED, Call *call); \
  ROW (callable, name) { Call *call = rtp_call (FS_MEDIA_TYPE_AUDIO); callable##_##name##_with (out, call); call_free (call); } \
  static void callable##_##name##_with (GString *out G_GNUC_UNUSED, Call *call)

static GList *
codec_property (gpointer object, const char *name)
{
  GList *codecs = NULL;

  g_object_get (object, name, &codecs, NULL);
  return codecs;
}

/* How many codecs are listed, and which is the first. */
static void
say_head (GString *out, gpointer object, const char *name)
{
  GList *codecs = codec_property (object, name);

  say (out, "%s", name);
  if (codecs)
    say_codec (out, codecs->data);
  say (out, "%s", !codecs ? "none" : codecs->next ? "and more" : "alone");
  fs_codec_list_destroy (codecs);
}

static GList *
preferences (void)
{
  return g_list_append (one (named_codec (0, "PCMU", FS_MEDIA_TYPE_AUDIO, 8000)), pcma ());
}

static gboolean
prefer (Call *call, GList *codecs)
{
  gboolean good = fs_session_set_codec_preferences (call->session, codecs, NULL);

  fs_codec_list_destroy (codecs);
  return good;
}

/* Conference. */

static void
new_session_of (GString *out, int media_type)
{
  FsConference *conference = FS_CONFERENCE (gst_element_factory_make ("fsrtpconference", NULL));
  GError *error = NULL;
  FsSession *session = fs_conference_new_session (conference, media_type, &error);
  FsMediaType media = 0;
  guint id = 0;

  say_made (out, session, &error);
  if (!session)
    return;
  g_object_get (session, "media-type", &media, "id", &id, NULL);
  say (out, "%d %u", media, id);
  fs_session_destroy (session);
  g_object_unref (session);
  gst_object_unref (conference);
}

ROW (fs_conference_new_session, rtp_audio) { new_session_of (out, FS_MEDIA_TYPE_AUDIO); }
ROW (fs_conference_new_session, rtp_video) { new_session_of (out, FS_MEDIA_TYPE_VIDEO); }
ROW (fs_conference_new_session, rtp_application) { new_session_of (out, FS_MEDIA_TYPE_APPLICATION); }
ROW (fs_conference_new_session, rtp_other_media_type) { new_session_of (out, 9); }

CALL_ROW (fs_conference_new_session, rtp_second) {
  FsSession *session = fs_conference_new_session (call->conference, FS_MEDIA_TYPE_AUDIO, NULL);
  guint id = 0;

  g_object_get (session, "id", &id, NULL);
  say (out, "%u", id);
  fs_session_destroy (session);
  g_object_unref (session);
}

CALL_ROW (fs_conference_new_participant, rtp) {
  GError *error = NULL;
  FsParticipant *participant = fs_conference_new_participant (call->conference, &error);
  gchar *cname = NULL;

  say_made (out, participant, &error);
  g_object_get (participant, "cname", &cname, NULL);
  say_text (out, cname);
  g_object_unref (participant);
}

/* Session. */

CALL_ROW (fs_session_new_stream, rtp_second) {
  FsParticipant *other = fs_conference_new_participant (call->conference, NULL);

  MADE (fs_session_new_stream (call->session, other, FS_DIRECTION_NONE, &error));
}

CALL_ROW (fs_session_new_stream, rtp_same_participant) {
  MADE (fs_session_new_stream (call->session, call->participant, FS_DIRECTION_RECV, &error));
}

CALL_ROW (fs_session_new_stream, rtp_other_direction) {
  GError *error = NULL;
  FsStream *stream = fs_session_new_stream (call->session, call->participant, 77, &error);
  FsStreamDirection direction = 0;

  say_made (out, stream, &error);
  if (stream)
    g_object_get (stream, "direction", &direction, NULL);
  say (out, "%d", direction);
}

CALL_ROW (fs_session_new_stream, rtp_null_participant) {
  MADE (fs_session_new_stream (call->session, NULL, FS_DIRECTION_BOTH, &error));
}

CALL_ROW (fs_session_new_stream, rtp_strange_participant) {
  FsParticipant *stranger = g_object_new (fake_participant_get_type (), NULL);

  MADE (fs_session_new_stream (call->session, stranger, FS_DIRECTION_BOTH, &error));
}

CALL_ROW (fs_session_start_telephony_event, rtp) {
  say_bool (out, fs_session_start_telephony_event (call->session, 5, 8));
  say_bool (out, fs_session_start_telephony_event (call->session, 5, 8));
}

CALL_ROW (fs_session_start_telephony_event, rtp_out_of_range) {
  say_bool (out, fs_session_start_telephony_event (call->session, 255, 255));
}

CALL_ROW (fs_session_stop_telephony_event, rtp) {
  say_bool (out, fs_session_stop_telephony_event (call->session));
  say_bool (out, fs_session_stop_telephony_event (call->session));
  say_bool (out, fs_session_start_telephony_event (call->session, 5, 8));
  say_bool (out, fs_session_stop_telephony_event (call->session));
}

ROW (fs_session_start_telephony_event, rtp_video) {
  say_bool (out, fs_session_start_telephony_event (rtp_call (FS_MEDIA_TYPE_VIDEO)->session, 5, 8));
}

/* Preferences: a good list is set before the one of the row, and looked at afterwards. */
static void
set_preferences (GString *out, Call *call, GList *codecs)
{
  prefer (call, preferences ());
  BOOL (fs_session_set_codec_preferences (call->session, codecs, &error));
  say_head (out, call->session, "codec-preferences");
  say_head (out, call->session, "codecs-without-config");
}

static FsCodec *
odd_codec (int id, const char *name, FsMediaType media)
{
  return named_codec (id, name, media, 8000);
}

CALL_ROW (fs_session_set_codec_preferences, rtp) { set_preferences (out, call, one (pcma ())); }
CALL_ROW (fs_session_set_codec_preferences, rtp_unknown) {
  set_preferences (out, call, one (odd_codec (96, "NO-SUCH", FS_MEDIA_TYPE_AUDIO)));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_unknown_and_known) {
  set_preferences (out, call, g_list_append (one (odd_codec (96, "NO-SUCH", FS_MEDIA_TYPE_AUDIO)), pcma ()));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_other_media) {
  set_preferences (out, call, g_list_append (one (odd_codec (96, "PCMA", FS_MEDIA_TYPE_VIDEO)), pcma ()));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_disabled) {
  set_preferences (out, call, g_list_append (one (odd_codec (FS_CODEC_ID_DISABLE, "PCMU", FS_MEDIA_TYPE_AUDIO)), pcma ()));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_any_id) {
  set_preferences (out, call, one (odd_codec (FS_CODEC_ID_ANY, "PCMA", FS_MEDIA_TYPE_AUDIO)));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_other_id) {
  set_preferences (out, call, one (odd_codec (97, "PCMA", FS_MEDIA_TYPE_AUDIO)));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_id_128) {
  set_preferences (out, call, one (odd_codec (128, "PCMA", FS_MEDIA_TYPE_AUDIO)));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_id_minus_3) {
  set_preferences (out, call, one (odd_codec (-3, "PCMA", FS_MEDIA_TYPE_AUDIO)));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_empty_name) {
  set_preferences (out, call, one (odd_codec (96, "", FS_MEDIA_TYPE_AUDIO)));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_no_name) {
  set_preferences (out, call, one (odd_codec (96, NULL, FS_MEDIA_TYPE_AUDIO)));
}
CALL_ROW (fs_session_set_codec_preferences, rtp_null_item) { set_preferences (out, call, one (NULL)); }
CALL_ROW (fs_session_set_codec_preferences, rtp_no_place_for_the_error) {
  say_bool (out, prefer (call, one (odd_codec (128, "PCMA", FS_MEDIA_TYPE_AUDIO))));
}

CALL_ROW (fs_session_set_codec_preferences, rtp_null_list) {
  prefer (call, preferences ());
  BOOL (fs_session_set_codec_preferences (call->session, NULL, &error));
  say_head (out, call->session, "codec-preferences");
}

/* After a refused list the next good one is taken. */
CALL_ROW (fs_session_set_codec_preferences, rtp_all_disabled) {
  GList *everything = codec_property (call->session, "codecs-without-config");

  for (GList *item = everything; item; item = item->next)
    ((FsCodec *) item->data)->id = FS_CODEC_ID_DISABLE;
  prefer (call, preferences ());
  BOOL (fs_session_set_codec_preferences (call->session, everything, &error));
  say_head (out, call->session, "codec-preferences");
  say_head (out, call->session, "codecs-without-config");
  BOOL (fs_session_set_codec_preferences (call->session, one (pcma ()), &error));
}

CALL_ROW (fs_session_list_transmitters, rtp) { say_listed (out, fs_session_list_transmitters (call->session), "rawudp"); }

static void
say_type (GString *out, GType type)
{
  say (out, "%s", type ? g_type_name (type) : "0");
}

CALL_ROW (fs_session_get_stream_transmitter_type, rtp) {
  say_type (out, fs_session_get_stream_transmitter_type (call->session, "rawudp"));
}
/* The parameters that a transmitter can be set with. */
CALL_ROW (fs_session_get_stream_transmitter_type, rtp_parameters) {
  GObjectClass *klass = g_type_class_ref (fs_session_get_stream_transmitter_type (call->session, "rawudp"));
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties (klass, &count);
  GList *names = NULL;

  for (guint i = 0; i < count; i++) {
    gchar *value = g_strdup_value_contents (g_param_spec_get_default_value (specs[i]));

    names = g_list_insert_sorted (names, g_strdup_printf ("%s %s %s %d;", specs[i]->name, G_PARAM_SPEC_TYPE_NAME (specs[i]),
            value, specs[i]->flags & (G_PARAM_READWRITE | G_PARAM_CONSTRUCT | G_PARAM_CONSTRUCT_ONLY)), (GCompareFunc) strcmp);
    g_free (value);
  }
  for (GList *name = names; name; name = name->next)
    say (out, "%s", (char *) name->data);
  g_list_free_full (names, g_free);
  g_free (specs);
  g_type_class_unref (klass);
}
CALL_ROW (fs_session_get_stream_transmitter_type, rtp_unknown) {
  say_type (out, fs_session_get_stream_transmitter_type (call->session, "no-such"));
}
CALL_ROW (fs_session_get_stream_transmitter_type, rtp_empty) {
  say_type (out, fs_session_get_stream_transmitter_type (call->session, ""));
}
CALL_ROW (fs_session_get_stream_transmitter_type, rtp_null) {
  say_type (out, fs_session_get_stream_transmitter_type (call->session, NULL));
}

static FsCodec *
with_parameter (FsCodec *codec, const char *name, const char *value)
{
  fs_codec_add_optional_parameter (codec, name, value);
  return codec;
}

CALL_ROW (fs_session_codecs_need_resend, rtp_nulls) {
  say_codecs (out, fs_session_codecs_need_resend (call->session, NULL, NULL));
  say_codecs (out, fs_session_codecs_need_resend (call->session, one (pcma ()), NULL));
  say_codecs (out, fs_session_codecs_need_resend (call->session, NULL, one (pcma ())));
}

CALL_ROW (fs_session_codecs_need_resend, rtp_ordinary) {
  FsCodec *before = named_codec (96, "H264", FS_MEDIA_TYPE_VIDEO, 90000), *after = fs_codec_copy (before);

  say_codecs (out, fs_session_codecs_need_resend (call->session, one (before), one (after)));
  with_parameter (after, "sprop-parameter-sets", "AAAA");
  say_codecs (out, fs_session_codecs_need_resend (call->session, one (before), one (after)));
}

CALL_ROW (fs_session_codecs_need_resend, rtp_null_items) {
  say_codecs (out, fs_session_codecs_need_resend (call->session, one (NULL), one (NULL)));
}

/* Allowed caps. */
static void
allow (GString *out, Call *call, const char *sink, const char *src)
{
  BOOL (fs_session_set_allowed_caps (call->session, sink ? gst_caps_from_string (sink) : NULL,
          src ? gst_caps_from_string (src) : NULL, &error));
}

static void
say_allowed (GString *out, Call *call)
{
  GstCaps *sink = NULL, *src = NULL;

  g_object_get (call->session, "allowed-sink-caps", &sink, "allowed-src-caps", &src, NULL);
  say (out, "%s %s", gst_caps_is_any (sink) ? "ANY" : gst_caps_to_string (sink), src ? gst_caps_to_string (src) : "NULL");
}

CALL_ROW (fs_session_set_allowed_caps, rtp_nulls) { allow (out, call, NULL, NULL); say_allowed (out, call); }
CALL_ROW (fs_session_set_allowed_caps, rtp_encoded) {
  prefer (call, preferences ());
  allow (out, call, "audio/x-alaw", "audio/x-alaw");
  say_head (out, call->session, "codecs-without-config");
}
CALL_ROW (fs_session_set_allowed_caps, rtp_raw) { allow (out, call, "audio/x-raw", "audio/x-raw"); say_allowed (out, call); }
CALL_ROW (fs_session_set_allowed_caps, rtp_other_media) {
  allow (out, call, "video/x-raw", "video/x-raw");
  say_allowed (out, call);
  allow (out, call, "audio/x-raw", "audio/x-raw");
}
CALL_ROW (fs_session_set_allowed_caps, rtp_empty_caps) { allow (out, call, "EMPTY", "EMPTY"); say_allowed (out, call); }
CALL_ROW (fs_session_set_allowed_caps, rtp_any_caps) { allow (out, call, "ANY", "ANY"); say_allowed (out, call); }

/* Send codec. */
CALL_ROW (fs_session_set_send_codec, rtp_not_negotiated) { BOOL (fs_session_set_send_codec (call->session, pcma (), &error)); }
CALL_ROW (fs_session_set_send_codec, rtp_unknown) {
  BOOL (fs_session_set_send_codec (call->session, odd_codec (97, "NO-SUCH", FS_MEDIA_TYPE_AUDIO), &error));
}
CALL_ROW (fs_session_set_send_codec, rtp_no_name) {
  BOOL (fs_session_set_send_codec (call->session, odd_codec (8, NULL, FS_MEDIA_TYPE_AUDIO), &error));
}
CALL_ROW (fs_session_set_send_codec, rtp_other_media) {
  BOOL (fs_session_set_send_codec (call->session, odd_codec (8, "PCMA", FS_MEDIA_TYPE_VIDEO), &error));
}
CALL_ROW (fs_session_set_send_codec, rtp_null) { BOOL (fs_session_set_send_codec (call->session, NULL, &error)); }
CALL_ROW (fs_session_set_send_codec, rtp_negotiated) {
  prefer (call, preferences ());
  BOOL (fs_stream_set_remote_codecs (call->stream, preferences (), &error));
  BOOL (fs_session_set_send_codec (call->session, pcma (), &error));
  BOOL (fs_session_set_send_codec (call->session, named_codec (18, "G729", FS_MEDIA_TYPE_AUDIO, 8000), &error));
}

CALL_ROW (fs_session_set_encryption_parameters, rtp_null) {
  BOOL (fs_session_set_encryption_parameters (call->session, NULL, &error));
}
CALL_ROW (fs_session_set_encryption_parameters, rtp_other_name) {
  BOOL (fs_session_set_encryption_parameters (call->session, gst_structure_new_empty ("x"), &error));
}
CALL_ROW (fs_session_set_encryption_parameters, rtp_no_key) {
  BOOL (fs_session_set_encryption_parameters (call->session, gst_structure_new_empty ("FarstreamSRTP"), &error));
}

CALL_ROW (fs_session_emit_error, rtp) {
  GstBus *bus = gst_element_get_bus (call->pipeline);
  GstMessage *message;
  FsError code = 0;

  fs_session_emit_error (call->session, FS_ERROR_NETWORK, "no net");
  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    if (fs_parse_error (G_OBJECT (call->session), message, &code, NULL))
      say (out, "%d", code);
    gst_message_unref (message);
  }
  gst_object_unref (bus);
}

CALL_ROW (fs_session_parse_codecs_changed, rtp) {
  GstBus *bus = gst_element_get_bus (call->pipeline);
  GstMessage *message;
  guint count = 0;

  prefer (call, one (pcma ()));
  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    count += fs_session_parse_codecs_changed (call->session, message);
    gst_message_unref (message);
  }
  say (out, "%s", count ? "posted" : "never posted");
  gst_object_unref (bus);
}
