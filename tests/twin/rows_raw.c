/* SPDX-License-Identifier: MPL-2.0 */

/* The same methods on fsrawconference, which has neither payload types nor SRTP. */

#include "twin.h"

#define BOOL(expression) \
  G_STMT_START { GError *error = NULL; gboolean good = (expression); say_result (out, good, &error); } G_STMT_END

static Call *
raw_call (void)
{
  Call *call = g_new0 (Call, 1);

  call->pipeline = gst_pipeline_new (NULL);
  call->conference = FS_CONFERENCE (gst_element_factory_make ("fsrawconference", NULL));
  gst_bin_add (GST_BIN (call->pipeline), GST_ELEMENT (call->conference));
  call->session = fs_conference_new_session (call->conference, FS_MEDIA_TYPE_AUDIO, NULL);
  call->participant = fs_conference_new_participant (call->conference, NULL);
  if (call->session)
    call->stream = fs_session_new_stream (call->session, call->participant, FS_DIRECTION_BOTH, NULL);
  return call;
}

#define RAW_ROW(callable, name) \
  static void callable##_##name##_with (GString *out G_GNUC_UNUSED, Call *call); \
  ROW (callable, name) { Call *call = raw_call (); callable##_##name##_with (out, call); call_free (call); } \
  static void callable##_##name##_with (GString *out G_GNUC_UNUSED, Call *call)

static void
new_session_of (GString *out, int media_type)
{
  FsConference *conference = FS_CONFERENCE (gst_element_factory_make ("fsrawconference", NULL));
  GError *error = NULL;

  say_made (out, fs_conference_new_session (conference, media_type, &error), &error);
}

ROW (fs_conference_new_session, raw_audio) { new_session_of (out, FS_MEDIA_TYPE_AUDIO); }
ROW (fs_conference_new_session, raw_video) { new_session_of (out, FS_MEDIA_TYPE_VIDEO); }
ROW (fs_conference_new_session, raw_application) { new_session_of (out, FS_MEDIA_TYPE_APPLICATION); }
ROW (fs_conference_new_session, raw_other_media_type) { new_session_of (out, 9); }

RAW_ROW (fs_conference_new_participant, raw) { say (out, "%s", G_OBJECT_TYPE_NAME (call->participant)); }

RAW_ROW (fs_session_new_stream, raw_second) {
  GError *error = NULL;

  say_made (out, call->stream, &error);
  say_made (out, fs_session_new_stream (call->session, call->participant, FS_DIRECTION_BOTH, &error), &error);
}

RAW_ROW (fs_session_new_stream, raw_strange_participant) {
  GError *error = NULL;
  FsSession *session = fs_conference_new_session (call->conference, FS_MEDIA_TYPE_AUDIO, NULL);

  say_made (out, fs_session_new_stream (session, g_object_new (fake_participant_get_type (), NULL), FS_DIRECTION_BOTH, &error),
      &error);
}

RAW_ROW (fs_session_start_telephony_event, raw) { say_bool (out, fs_session_start_telephony_event (call->session, 5, 8)); }
RAW_ROW (fs_session_stop_telephony_event, raw) { say_bool (out, fs_session_stop_telephony_event (call->session)); }
RAW_ROW (fs_session_set_send_codec, raw) { BOOL (fs_session_set_send_codec (call->session, pcma (), &error)); }
RAW_ROW (fs_session_set_codec_preferences, raw) {
  BOOL (fs_session_set_codec_preferences (call->session, one (pcma ()), &error));
}
RAW_ROW (fs_session_set_allowed_caps, raw) {
  BOOL (fs_session_set_allowed_caps (call->session, gst_caps_new_any (), NULL, &error));
}
RAW_ROW (fs_session_set_encryption_parameters, raw) {
  BOOL (fs_session_set_encryption_parameters (call->session, NULL, &error));
}
RAW_ROW (fs_session_codecs_need_resend, raw) {
  say_codecs (out, fs_session_codecs_need_resend (call->session, NULL, one (pcma ())));
}
RAW_ROW (fs_session_list_transmitters, raw) { say_listed (out, fs_session_list_transmitters (call->session), "rawudp"); }
RAW_ROW (fs_session_get_stream_transmitter_type, raw) {
  GType type = fs_session_get_stream_transmitter_type (call->session, "rawudp");

  say (out, "%s", type ? g_type_name (type) : "0");
}
RAW_ROW (fs_session_get_stream_transmitter_type, raw_unknown) {
  GType type = fs_session_get_stream_transmitter_type (call->session, "no-such");

  say (out, "%s", type ? g_type_name (type) : "0");
}

static FsCodec *
caps_codec (const char *name, FsMediaType media)
{
  return named_codec (FS_CODEC_ID_ANY, name, media, 0);
}

static void
say_remote (GString *out, Call *call)
{
  GList *codecs = NULL;

  g_object_get (call->stream, "remote-codecs", &codecs, NULL);
  say_codecs (out, codecs);
}

static void
set_remote (GString *out, Call *call, GList *codecs)
{
  BOOL (fs_stream_set_remote_codecs (call->stream, codecs, &error));
  say_remote (out, call);
}

RAW_ROW (fs_stream_set_remote_codecs, raw) {
  set_remote (out, call, one (caps_codec ("audio/x-raw, format=(string)S16LE, rate=(int)8000", FS_MEDIA_TYPE_AUDIO)));
}
RAW_ROW (fs_stream_set_remote_codecs, raw_null_list) { set_remote (out, call, NULL); }
RAW_ROW (fs_stream_set_remote_codecs, raw_no_caps) { set_remote (out, call, one (caps_codec ("PCMA", FS_MEDIA_TYPE_AUDIO))); }
RAW_ROW (fs_stream_set_remote_codecs, raw_empty_name) { set_remote (out, call, one (caps_codec ("", FS_MEDIA_TYPE_AUDIO))); }
RAW_ROW (fs_stream_set_remote_codecs, raw_no_name) { set_remote (out, call, one (caps_codec (NULL, FS_MEDIA_TYPE_AUDIO))); }
RAW_ROW (fs_stream_set_remote_codecs, raw_other_media) {
  set_remote (out, call, one (caps_codec ("video/x-raw", FS_MEDIA_TYPE_VIDEO)));
}

static FsCandidate *
address (const char *ip)
{
  return fs_candidate_new ("1", 1, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, ip, 4000);
}

RAW_ROW (fs_stream_add_remote_candidates, raw_no_transmitter) {
  BOOL (fs_stream_add_remote_candidates (call->stream, one (address ("127.0.0.1")), &error));
}
RAW_ROW (fs_stream_force_remote_candidates, raw_no_transmitter) {
  BOOL (fs_stream_force_remote_candidates (call->stream, one (address ("127.0.0.1")), &error));
}
RAW_ROW (fs_stream_set_transmitter, raw) {
  BOOL (fs_stream_set_transmitter (call->stream, "rawudp", NULL, 0, &error));
  BOOL (fs_stream_force_remote_candidates (call->stream, one (address ("127.0.0.1")), &error));
  BOOL (fs_stream_force_remote_candidates (call->stream, one (address ("no address")), &error));
}
RAW_ROW (fs_stream_set_transmitter, raw_second) {
  BOOL (fs_stream_set_transmitter (call->stream, "rawudp", NULL, 0, &error));
  BOOL (fs_stream_set_transmitter (call->stream, "rawudp", NULL, 0, &error));
}
RAW_ROW (fs_stream_set_transmitter, raw_unknown) {
  BOOL (fs_stream_set_transmitter (call->stream, "no-such", NULL, 0, &error));
}
RAW_ROW (fs_stream_set_transmitter_ht, raw) { BOOL (fs_stream_set_transmitter_ht (call->stream, "rawudp", NULL, &error)); }
RAW_ROW (fs_stream_set_decryption_parameters, raw) {
  BOOL (fs_stream_set_decryption_parameters (call->stream, NULL, &error));
}
RAW_ROW (fs_stream_add_id, raw) { fs_stream_add_id (call->stream, 5); }

RAW_ROW (fs_stream_destroy, raw_then_changes) {
  fs_stream_destroy (call->stream);
  fs_stream_destroy (call->stream);
  BOOL (fs_stream_set_remote_codecs (call->stream, one (caps_codec ("audio/x-raw", FS_MEDIA_TYPE_AUDIO)), &error));
  BOOL (fs_stream_add_remote_candidates (call->stream, NULL, &error));
  BOOL (fs_stream_force_remote_candidates (call->stream, NULL, &error));
  BOOL (fs_stream_set_transmitter (call->stream, "rawudp", NULL, 0, &error));
}

RAW_ROW (fs_session_destroy, raw_then_new_stream) {
  GError *error = NULL;

  fs_stream_destroy (call->stream);
  fs_session_destroy (call->session);
  fs_session_destroy (call->session);
  say_made (out, fs_session_new_stream (call->session, call->participant, FS_DIRECTION_BOTH, &error), &error);
}
