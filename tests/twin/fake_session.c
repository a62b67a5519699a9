/* SPDX-License-Identifier: MPL-2.0 */

/* The sub-classes of conference, session and stream; see fakes.c. Stock Farstream asks a stream for its session and a session
 * for its conference, so that also the bare ones have these properties. */

#include "fakes.h"

enum { PROP_CONFERENCE = 1, PROP_SESSION, PROP_PARTICIPANT, PROP_DIRECTION, PROP_MEDIA_TYPE, PROP_ID };

/* The properties of sessions and streams alike live with the object as data. */

static void
keep_property (GObject *object, guint id G_GNUC_UNUSED, const GValue *value, GParamSpec *spec)
{
  GValue *copy = g_new0 (GValue, 1);

  g_value_init (copy, G_VALUE_TYPE (value));
  g_value_copy (value, copy);
  g_object_set_data (object, spec->name, copy);
}

static void
kept_property (GObject *object, guint id G_GNUC_UNUSED, GValue *value, GParamSpec *spec)
{
  GValue *kept = g_object_get_data (object, spec->name);

  if (kept)
    g_value_copy (kept, value);
}

static void
override_session_properties (GObjectClass *klass)
{
  klass->set_property = keep_property;
  klass->get_property = kept_property;
  g_object_class_override_property (klass, PROP_CONFERENCE, "conference");
  g_object_class_override_property (klass, PROP_MEDIA_TYPE, "media-type");
  g_object_class_override_property (klass, PROP_ID, "id");
}

static void
override_stream_properties (GObjectClass *klass)
{
  klass->set_property = keep_property;
  klass->get_property = kept_property;
  g_object_class_override_property (klass, PROP_SESSION, "session");
  g_object_class_override_property (klass, PROP_PARTICIPANT, "participant");
  g_object_class_override_property (klass, PROP_DIRECTION, "direction");
}

/* Streams. */

typedef FsStream BareStream;
typedef FsStreamClass BareStreamClass;
G_DEFINE_TYPE (BareStream, bare_stream, FS_TYPE_STREAM)
static void bare_stream_init (BareStream *self G_GNUC_UNUSED) {}
static void bare_stream_class_init (BareStreamClass *klass) { override_stream_properties (G_OBJECT_CLASS (klass)); }

typedef FsStream FakeStream;
typedef FsStreamClass FakeStreamClass;
G_DEFINE_TYPE (FakeStream, fake_stream, FS_TYPE_STREAM)

static gboolean
fake_add (FsStream *self G_GNUC_UNUSED, GList *candidates, GError **error)
{
  return answer (error, "add_remote_candidates(%u)", g_list_length (candidates));
}

static gboolean
fake_force (FsStream *self G_GNUC_UNUSED, GList *candidates, GError **error)
{
  return answer (error, "force_remote_candidates(%u)", g_list_length (candidates));
}

static gboolean
fake_set_remote_codecs (FsStream *self G_GNUC_UNUSED, GList *codecs, GError **error)
{
  return answer (error, "set_remote_codecs(%u)", g_list_length (codecs));
}

static void
fake_add_id (FsStream *self G_GNUC_UNUSED, guint id)
{
  answer (NULL, "add_id(%u)", id);
}

static gboolean
fake_set_transmitter (FsStream *self G_GNUC_UNUSED, const gchar *transmitter, GParameter *parameters, guint n,
    GError **error)
{
  GString *names = g_string_new (NULL);
  gboolean good;

  for (guint i = 0; i < n && parameters; i++) {
    gchar *value = g_strdup_value_contents (&parameters[i].value);

    g_string_append_printf (names, ",%s=%s:%s", parameters[i].name, G_VALUE_TYPE_NAME (&parameters[i].value), value);
    g_free (value);
  }
  good = answer (error, "set_transmitter(%s,%u%s)", transmitter, n, names->str);
  g_string_free (names, TRUE);
  return good;
}

static gboolean
fake_set_decryption (FsStream *self G_GNUC_UNUSED, GstStructure *parameters, GError **error)
{
  return answer (error, "set_decryption_parameters(%s)", parameters ? gst_structure_get_name (parameters) : "NULL");
}

static void fake_stream_init (FakeStream *self G_GNUC_UNUSED) {}

static void
fake_stream_class_init (FakeStreamClass *klass)
{
  override_stream_properties (G_OBJECT_CLASS (klass));
  klass->add_remote_candidates = fake_add;
  klass->force_remote_candidates = fake_force;
  klass->set_remote_codecs = fake_set_remote_codecs;
  klass->add_id = fake_add_id;
  klass->set_transmitter = fake_set_transmitter;
  klass->set_decryption_parameters = fake_set_decryption;
}

/* Sessions. */

typedef FsSession BareSession;
typedef FsSessionClass BareSessionClass;
G_DEFINE_TYPE (BareSession, bare_session, FS_TYPE_SESSION)
static void bare_session_init (BareSession *self G_GNUC_UNUSED) {}
static void bare_session_class_init (BareSessionClass *klass) { override_session_properties (G_OBJECT_CLASS (klass)); }

typedef FsSession FakeSession;
typedef FsSessionClass FakeSessionClass;
G_DEFINE_TYPE (FakeSession, fake_session, FS_TYPE_SESSION)

static FsStream *
fake_new_stream (FsSession *session, FsParticipant *participant, FsStreamDirection direction, GError **error)
{
  if (!answer (error, "new_stream(%d)", direction))
    return NULL;
  return g_object_new (fake_stream_get_type (), "session", session, "participant", participant, "direction", direction & 3,
      NULL);
}

static gboolean
fake_start (FsSession *self G_GNUC_UNUSED, guint8 event, guint8 volume)
{
  return answer (NULL, "start_telephony_event(%u,%u)", event, volume);
}

static gboolean
fake_stop (FsSession *self G_GNUC_UNUSED)
{
  return answer (NULL, "stop_telephony_event()");
}

static gboolean
fake_set_send_codec (FsSession *self G_GNUC_UNUSED, FsCodec *codec, GError **error)
{
  return answer (error, "set_send_codec(%s)", codec ? codec->encoding_name : "NULL");
}

static gboolean
fake_set_codec_preferences (FsSession *self G_GNUC_UNUSED, GList *codecs, GError **error)
{
  return answer (error, "set_codec_preferences(%u)", g_list_length (codecs));
}

static gchar **
fake_list_transmitters (FsSession *self G_GNUC_UNUSED)
{
  const gchar *names[] = { "one", NULL };

  return answer (NULL, "list_transmitters()") ? g_strdupv ((gchar **) names) : NULL;
}

static GType
fake_transmitter_type (FsSession *self G_GNUC_UNUSED, const gchar *transmitter)
{
  return g_str_equal (transmitter, "known") ? fake_stream_transmitter_get_type () : 0;
}

static GList *
fake_codecs_need_resend (FsSession *self G_GNUC_UNUSED, GList *before, GList *after)
{
  answer (NULL, "codecs_need_resend(%u,%u)", g_list_length (before), g_list_length (after));
  return fs_codec_list_copy (after);
}

static gboolean
fake_set_allowed_caps (FsSession *self G_GNUC_UNUSED, GstCaps *sink, GstCaps *src, GError **error)
{
  return answer (error, "set_allowed_caps(%s,%s)", sink ? "caps" : "NULL", src ? "caps" : "NULL");
}

static gboolean
fake_set_encryption (FsSession *self G_GNUC_UNUSED, GstStructure *parameters, GError **error)
{
  return answer (error, "set_encryption_parameters(%s)", parameters ? gst_structure_get_name (parameters) : "NULL");
}

static void fake_session_init (FakeSession *self G_GNUC_UNUSED) {}

static void
fake_session_class_init (FakeSessionClass *klass)
{
  override_session_properties (G_OBJECT_CLASS (klass));
  klass->new_stream = fake_new_stream;
  klass->start_telephony_event = fake_start;
  klass->stop_telephony_event = fake_stop;
  klass->set_send_codec = fake_set_send_codec;
  klass->set_codec_preferences = fake_set_codec_preferences;
  klass->list_transmitters = fake_list_transmitters;
  klass->get_stream_transmitter_type = fake_transmitter_type;
  klass->codecs_need_resend = fake_codecs_need_resend;
  klass->set_allowed_caps = fake_set_allowed_caps;
  klass->set_encryption_parameters = fake_set_encryption;
}

/* Conferences. */

typedef FsConference BareConference;
typedef FsConferenceClass BareConferenceClass;
G_DEFINE_TYPE (BareConference, bare_conference, FS_TYPE_CONFERENCE)
static void bare_conference_init (BareConference *self G_GNUC_UNUSED) {}
static void bare_conference_class_init (BareConferenceClass *klass G_GNUC_UNUSED) {}

typedef FsConference FakeConference;
typedef FsConferenceClass FakeConferenceClass;
G_DEFINE_TYPE (FakeConference, fake_conference, FS_TYPE_CONFERENCE)

static FsSession *
fake_new_session (FsConference *conference, FsMediaType media_type, GError **error)
{
  if (!answer (error, "new_session(%d)", media_type))
    return NULL;
  return g_object_new (fake_session_get_type (), "conference", conference, "id", 7, NULL);
}

static FsParticipant *
fake_new_participant (FsConference *self G_GNUC_UNUSED, GError **error)
{
  return answer (error, "new_participant()") ? g_object_new (fake_participant_get_type (), NULL) : NULL;
}

static void fake_conference_init (FakeConference *self G_GNUC_UNUSED) {}

static void
fake_conference_class_init (FakeConferenceClass *klass)
{
  klass->new_session = fake_new_session;
  klass->new_participant = fake_new_participant;
}

/* Calls. */

static Call *
call_with (gpointer conference)
{
  Call *call = g_new0 (Call, 1);

  call->pipeline = gst_pipeline_new (NULL);
  call->conference = conference;
  gst_bin_add (GST_BIN (call->pipeline), conference);
  return call;
}

Call *
fake_call (void)
{
  Call *call = call_with (g_object_new (fake_conference_get_type (), NULL));

  call->session = fs_conference_new_session (call->conference, FS_MEDIA_TYPE_AUDIO, NULL);
  call->participant = fs_conference_new_participant (call->conference, NULL);
  call->stream = fs_session_new_stream (call->session, call->participant, FS_DIRECTION_BOTH, NULL);
  g_string_truncate (fake_calls, 0);
  return call;
}

Call *
bare_call (void)
{
  Call *call = call_with (g_object_new (fake_conference_get_type (), NULL));

  call->session = g_object_new (bare_session_get_type (), "conference", call->conference, NULL);
  call->participant = g_object_new (fake_participant_get_type (), NULL);
  call->stream = g_object_new (bare_stream_get_type (), "session", call->session, "participant", call->participant, NULL);
  return call;
}

Call *
rtp_call (FsMediaType media_type)
{
  Call *call = call_with (gst_element_factory_make ("fsrtpconference", NULL));

  call->session = fs_conference_new_session (call->conference, media_type, NULL);
  call->participant = fs_conference_new_participant (call->conference, NULL);
  if (call->session)
    call->stream = fs_session_new_stream (call->session, call->participant, FS_DIRECTION_BOTH, NULL);
  return call;
}

/* Ends a call in the order programs do. */
void
call_free (Call *call)
{
  gst_element_set_state (call->pipeline, GST_STATE_NULL);
  if (call->stream) {
    fs_stream_destroy (call->stream);
    g_object_unref (call->stream);
  }
  if (call->session) {
    fs_session_destroy (call->session);
    g_object_unref (call->session);
  }
  g_clear_object (&call->participant);
  gst_object_unref (call->pipeline);
  g_free (call);
}
