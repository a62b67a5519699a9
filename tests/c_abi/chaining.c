/* SPDX-License-Identifier: MPL-2.0 */

/* Two levels of classes written in C upon the six abstract ones. The first overrides all 24 methods and all 28 properties, the
 * second overrides all methods again and chains up. Every method is called through the library's function, and both levels
 * must be told, in order and with the arguments of the caller; every property is set and read. */

#include <farstream/fs-conference.h>
#include <farstream/fs-transmitter.h>

#include "loaded.h"

static GString *told;
static guint methods, properties, sets, gets;

#define CLASS(Name, name, Base, PARENT_TYPE) \
  typedef Base Name; \
  typedef Base ## Class Name ## Class; \
  G_DEFINE_TYPE (Name, name, PARENT_TYPE) \
  static void name ## _init (Name *self G_GNUC_UNUSED) {}

/* A method of the second level: says so, then asks the first. */
#define CHAIN(name, Base, answer, method, parameters, arguments) \
  static answer \
  name ## _ ## method parameters \
  { \
    g_string_append (told, "over "); \
    return ((Base ## Class *) name ## _parent_class)->method arguments; \
  }

/* ------------------------------------------------------------------------------------------- any property */

static GQuark
values_quark (void)
{
  return g_quark_from_static_string ("test-values");
}

static void
free_value (gpointer value)
{
  g_value_unset (value);
  g_free (value);
}

static void
keep_value (GObject *object, const gchar *name, const GValue *value)
{
  GHashTable *values = g_object_get_qdata (object, values_quark ());
  GValue *copy = g_new0 (GValue, 1);

  if (!values) {
    values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_value);
    g_object_set_qdata_full (object, values_quark (), values, (GDestroyNotify) g_hash_table_unref);
  }
  g_value_init (copy, G_VALUE_TYPE (value));
  g_value_copy (value, copy);
  g_hash_table_replace (values, g_strdup (name), copy);
}

static void
any_set_property (GObject *object, guint id G_GNUC_UNUSED, const GValue *value, GParamSpec *spec)
{
  sets++;
  keep_value (object, spec->name, value);
}

static void
any_get_property (GObject *object, guint id G_GNUC_UNUSED, GValue *value, GParamSpec *spec)
{
  GHashTable *values = g_object_get_qdata (object, values_quark ());
  GValue *kept = values ? g_hash_table_lookup (values, spec->name) : NULL;

  gets++;
  if (kept)
    g_value_copy (kept, value);
  else
    g_param_value_set_default (spec, value);
}

/* Overrides every property that the abstract class has. */
static void
override_properties (gpointer klass, GType base)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  gpointer base_class = g_type_class_ref (base);
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties (G_OBJECT_CLASS (base_class), &count);

  object_class->set_property = any_set_property;
  object_class->get_property = any_get_property;
  for (guint i = 0; i < count; i++)
    g_object_class_override_property (object_class, i + 1, specs[i]->name);
  g_free (specs);
  g_type_class_unref (base_class);
}

/* ------------------------------------------------------------------------- participant, stream transmitter */

CLASS (FullParticipant, full_participant, FsParticipant, FS_TYPE_PARTICIPANT)
static void full_participant_class_init (FullParticipantClass *klass G_GNUC_UNUSED) {}

CLASS (FullEnd, full_end, FsStreamTransmitter, FS_TYPE_STREAM_TRANSMITTER)

static gboolean
full_end_add_remote_candidates (FsStreamTransmitter *end G_GNUC_UNUSED, GList *candidates, GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "add %s", ((FsCandidate *) candidates->data)->ip);
  return TRUE;
}

static gboolean
full_end_force_remote_candidates (FsStreamTransmitter *end G_GNUC_UNUSED, GList *candidates, GError **error)
{
  g_string_append_printf (told, "force %u", g_list_length (candidates));
  g_set_error (error, FS_ERROR, FS_ERROR_NETWORK, "no way");
  return FALSE;
}

static gboolean
full_end_gather_local_candidates (FsStreamTransmitter *end, GError **error G_GNUC_UNUSED)
{
  g_string_append (told, "gather");
  g_signal_emit_by_name (end, "local-candidates-prepared");
  return TRUE;
}

static void
full_end_stop (FsStreamTransmitter *end G_GNUC_UNUSED)
{
  g_string_append (told, "stop");
}

static void
full_end_class_init (FullEndClass *klass)
{
  override_properties (klass, FS_TYPE_STREAM_TRANSMITTER);
  klass->add_remote_candidates = full_end_add_remote_candidates;
  klass->force_remote_candidates = full_end_force_remote_candidates;
  klass->gather_local_candidates = full_end_gather_local_candidates;
  klass->stop = full_end_stop;
}

CLASS (OverEnd, over_end, FsStreamTransmitter, full_end_get_type ())
CHAIN (over_end, FsStreamTransmitter, gboolean, add_remote_candidates,
    (FsStreamTransmitter *end, GList *list, GError **error), (end, list, error))
CHAIN (over_end, FsStreamTransmitter, gboolean, force_remote_candidates,
    (FsStreamTransmitter *end, GList *list, GError **error), (end, list, error))
CHAIN (over_end, FsStreamTransmitter, gboolean, gather_local_candidates,
    (FsStreamTransmitter *end, GError **error), (end, error))
CHAIN (over_end, FsStreamTransmitter, void, stop, (FsStreamTransmitter *end), (end))

static void
over_end_class_init (OverEndClass *klass)
{
  klass->add_remote_candidates = over_end_add_remote_candidates;
  klass->force_remote_candidates = over_end_force_remote_candidates;
  klass->gather_local_candidates = over_end_gather_local_candidates;
  klass->stop = over_end_stop;
}

/* ------------------------------------------------------------------------------------------- transmitter */

CLASS (FullTransmitter, full_transmitter, FsTransmitter, FS_TYPE_TRANSMITTER)

static void
tell_parameters (GParameter *parameters, guint count)
{
  for (guint i = 0; i < count; i++) {
    gchar *text = g_strdup_value_contents (&parameters[i].value);

    g_string_append_printf (told, " %s=%s", parameters[i].name, text);
    g_free (text);
  }
}

static FsStreamTransmitter *
full_transmitter_new_stream_transmitter (FsTransmitter *transmitter G_GNUC_UNUSED, FsParticipant *participant,
    guint count, GParameter *parameters, GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "new_stream_transmitter %s", participant ? "to one" : "to nobody");
  tell_parameters (parameters, count);
  return g_object_new (over_end_get_type (), NULL);
}

static GType
full_transmitter_get_stream_transmitter_type (FsTransmitter *transmitter G_GNUC_UNUSED)
{
  g_string_append (told, "type");
  return over_end_get_type ();
}

static void
full_transmitter_class_init (FullTransmitterClass *klass)
{
  override_properties (klass, FS_TYPE_TRANSMITTER);
  klass->new_stream_transmitter = full_transmitter_new_stream_transmitter;
  klass->get_stream_transmitter_type = full_transmitter_get_stream_transmitter_type;
}

CLASS (OverTransmitter, over_transmitter, FsTransmitter, full_transmitter_get_type ())
CHAIN (over_transmitter, FsTransmitter, FsStreamTransmitter *, new_stream_transmitter,
    (FsTransmitter *self, FsParticipant *participant, guint count, GParameter *parameters, GError **error),
    (self, participant, count, parameters, error))
CHAIN (over_transmitter, FsTransmitter, GType, get_stream_transmitter_type, (FsTransmitter *self), (self))

static void
over_transmitter_class_init (OverTransmitterClass *klass)
{
  klass->new_stream_transmitter = over_transmitter_new_stream_transmitter;
  klass->get_stream_transmitter_type = over_transmitter_get_stream_transmitter_type;
}

/* ------------------------------------------------------------------------------------------------ stream */

CLASS (FullStream, full_stream, FsStream, FS_TYPE_STREAM)

static gboolean
full_stream_add_remote_candidates (FsStream *stream G_GNUC_UNUSED, GList *candidates, GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "add %s", ((FsCandidate *) candidates->data)->ip);
  return TRUE;
}

static gboolean
full_stream_force_remote_candidates (FsStream *stream G_GNUC_UNUSED, GList *candidates, GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "force %u", g_list_length (candidates));
  return TRUE;
}

static gboolean
full_stream_set_remote_codecs (FsStream *stream G_GNUC_UNUSED, GList *codecs, GError **error)
{
  g_string_append_printf (told, "codecs %s", ((FsCodec *) codecs->data)->encoding_name);
  g_set_error (error, FS_ERROR, FS_ERROR_NEGOTIATION_FAILED, "not that one");
  return FALSE;
}

static void
full_stream_add_id (FsStream *stream G_GNUC_UNUSED, guint id)
{
  g_string_append_printf (told, "id %u", id);
}

static gboolean
full_stream_set_transmitter (FsStream *stream G_GNUC_UNUSED, const gchar *transmitter, GParameter *parameters,
    guint count, GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "transmitter %s", transmitter);
  tell_parameters (parameters, count);
  return TRUE;
}

static gboolean
full_stream_set_decryption_parameters (FsStream *stream G_GNUC_UNUSED, GstStructure *parameters,
    GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "decryption %s", gst_structure_get_name (parameters));
  return TRUE;
}

static void
full_stream_class_init (FullStreamClass *klass)
{
  override_properties (klass, FS_TYPE_STREAM);
  klass->add_remote_candidates = full_stream_add_remote_candidates;
  klass->force_remote_candidates = full_stream_force_remote_candidates;
  klass->set_remote_codecs = full_stream_set_remote_codecs;
  klass->add_id = full_stream_add_id;
  klass->set_transmitter = full_stream_set_transmitter;
  klass->set_decryption_parameters = full_stream_set_decryption_parameters;
}

CLASS (OverStream, over_stream, FsStream, full_stream_get_type ())
CHAIN (over_stream, FsStream, gboolean, add_remote_candidates, (FsStream *self, GList *list, GError **error),
    (self, list, error))
CHAIN (over_stream, FsStream, gboolean, force_remote_candidates, (FsStream *self, GList *list, GError **error),
    (self, list, error))
CHAIN (over_stream, FsStream, gboolean, set_remote_codecs, (FsStream *self, GList *list, GError **error),
    (self, list, error))
CHAIN (over_stream, FsStream, void, add_id, (FsStream *self, guint id), (self, id))
CHAIN (over_stream, FsStream, gboolean, set_transmitter,
    (FsStream *self, const gchar *name, GParameter *parameters, guint count, GError **error),
    (self, name, parameters, count, error))
CHAIN (over_stream, FsStream, gboolean, set_decryption_parameters,
    (FsStream *self, GstStructure *parameters, GError **error), (self, parameters, error))

static void
over_stream_class_init (OverStreamClass *klass)
{
  klass->add_remote_candidates = over_stream_add_remote_candidates;
  klass->force_remote_candidates = over_stream_force_remote_candidates;
  klass->set_remote_codecs = over_stream_set_remote_codecs;
  klass->add_id = over_stream_add_id;
  klass->set_transmitter = over_stream_set_transmitter;
  klass->set_decryption_parameters = over_stream_set_decryption_parameters;
}

/* ----------------------------------------------------------------------------------------------- session */

CLASS (FullSession, full_session, FsSession, FS_TYPE_SESSION)

static FsStream *
full_session_new_stream (FsSession *session, FsParticipant *participant, FsStreamDirection direction,
    GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "new_stream %d", direction);
  return g_object_new (over_stream_get_type (), "session", session, "participant", participant, "direction", direction,
      NULL);
}

static gboolean
full_session_start_telephony_event (FsSession *session G_GNUC_UNUSED, guint8 event, guint8 volume)
{
  g_string_append_printf (told, "start %d %d", event, volume);
  return TRUE;
}

static gboolean
full_session_stop_telephony_event (FsSession *session G_GNUC_UNUSED)
{
  g_string_append (told, "stop");
  return TRUE;
}

static gboolean
full_session_set_send_codec (FsSession *session G_GNUC_UNUSED, FsCodec *codec, GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "send %s", codec->encoding_name);
  return TRUE;
}

static gboolean
full_session_set_codec_preferences (FsSession *session G_GNUC_UNUSED, GList *codecs, GError **error)
{
  g_string_append_printf (told, "preferences %u", g_list_length (codecs));
  g_set_error (error, FS_ERROR, FS_ERROR_NO_CODECS_LEFT, "nothing left");
  return FALSE;
}

static gchar **
full_session_list_transmitters (FsSession *session G_GNUC_UNUSED)
{
  g_string_append (told, "transmitters");
  return g_strsplit ("one two", " ", 0);
}

static GType
full_session_get_stream_transmitter_type (FsSession *session G_GNUC_UNUSED, const gchar *transmitter)
{
  g_string_append_printf (told, "type %s", transmitter);
  return over_end_get_type ();
}

static GList *
full_session_codecs_need_resend (FsSession *session G_GNUC_UNUSED, GList *old_codecs, GList *new_codecs)
{
  g_string_append_printf (told, "resend %u %u", g_list_length (old_codecs), g_list_length (new_codecs));
  return fs_codec_list_copy (new_codecs);
}

static gboolean
full_session_set_allowed_caps (FsSession *session G_GNUC_UNUSED, GstCaps *sink_caps, GstCaps *src_caps,
    GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "caps %s %s", sink_caps ? "sink" : "-", src_caps ? "src" : "-");
  return TRUE;
}

static gboolean
full_session_set_encryption_parameters (FsSession *session G_GNUC_UNUSED, GstStructure *parameters,
    GError **error G_GNUC_UNUSED)
{
  g_string_append_printf (told, "encryption %s", parameters ? gst_structure_get_name (parameters) : "none");
  return TRUE;
}

static void
full_session_class_init (FullSessionClass *klass)
{
  override_properties (klass, FS_TYPE_SESSION);
  klass->new_stream = full_session_new_stream;
  klass->start_telephony_event = full_session_start_telephony_event;
  klass->stop_telephony_event = full_session_stop_telephony_event;
  klass->set_send_codec = full_session_set_send_codec;
  klass->set_codec_preferences = full_session_set_codec_preferences;
  klass->list_transmitters = full_session_list_transmitters;
  klass->get_stream_transmitter_type = full_session_get_stream_transmitter_type;
  klass->codecs_need_resend = full_session_codecs_need_resend;
  klass->set_allowed_caps = full_session_set_allowed_caps;
  klass->set_encryption_parameters = full_session_set_encryption_parameters;
}

CLASS (OverSession, over_session, FsSession, full_session_get_type ())
CHAIN (over_session, FsSession, FsStream *, new_stream,
    (FsSession *self, FsParticipant *participant, FsStreamDirection direction, GError **error),
    (self, participant, direction, error))
CHAIN (over_session, FsSession, gboolean, start_telephony_event, (FsSession *self, guint8 event, guint8 volume),
    (self, event, volume))
CHAIN (over_session, FsSession, gboolean, stop_telephony_event, (FsSession *self), (self))
CHAIN (over_session, FsSession, gboolean, set_send_codec, (FsSession *self, FsCodec *codec, GError **error),
    (self, codec, error))
CHAIN (over_session, FsSession, gboolean, set_codec_preferences, (FsSession *self, GList *list, GError **error),
    (self, list, error))
CHAIN (over_session, FsSession, gchar **, list_transmitters, (FsSession *self), (self))
CHAIN (over_session, FsSession, GType, get_stream_transmitter_type, (FsSession *self, const gchar *name), (self, name))
CHAIN (over_session, FsSession, GList *, codecs_need_resend, (FsSession *self, GList *before, GList *after),
    (self, before, after))
CHAIN (over_session, FsSession, gboolean, set_allowed_caps,
    (FsSession *self, GstCaps *sink, GstCaps *src, GError **error), (self, sink, src, error))
CHAIN (over_session, FsSession, gboolean, set_encryption_parameters,
    (FsSession *self, GstStructure *parameters, GError **error), (self, parameters, error))

static void
over_session_class_init (OverSessionClass *klass)
{
  klass->new_stream = over_session_new_stream;
  klass->start_telephony_event = over_session_start_telephony_event;
  klass->stop_telephony_event = over_session_stop_telephony_event;
  klass->set_send_codec = over_session_set_send_codec;
  klass->set_codec_preferences = over_session_set_codec_preferences;
  klass->list_transmitters = over_session_list_transmitters;
  klass->get_stream_transmitter_type = over_session_get_stream_transmitter_type;
  klass->codecs_need_resend = over_session_codecs_need_resend;
  klass->set_allowed_caps = over_session_set_allowed_caps;
  klass->set_encryption_parameters = over_session_set_encryption_parameters;
}

/* -------------------------------------------------------------------------------------------- conference */

CLASS (FullConference, full_conference, FsConference, FS_TYPE_CONFERENCE)

static FsSession *
full_conference_new_session (FsConference *conference, FsMediaType media_type, GError **error)
{
  g_string_append_printf (told, "new_session %s", fs_media_type_to_string (media_type));
  if (media_type == FS_MEDIA_TYPE_VIDEO) {
    g_set_error (error, FS_ERROR, FS_ERROR_NO_CODECS, "no pictures");
    return NULL;
  }
  return g_object_new (over_session_get_type (), "conference", conference, "media-type", media_type, NULL);
}

static FsParticipant *
full_conference_new_participant (FsConference *conference G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  g_string_append (told, "new_participant");
  return g_object_new (full_participant_get_type (), NULL);
}

static void
full_conference_class_init (FullConferenceClass *klass)
{
  klass->new_session = full_conference_new_session;
  klass->new_participant = full_conference_new_participant;
}

CLASS (OverConference, over_conference, FsConference, full_conference_get_type ())
CHAIN (over_conference, FsConference, FsSession *, new_session,
    (FsConference *self, FsMediaType media_type, GError **error), (self, media_type, error))
CHAIN (over_conference, FsConference, FsParticipant *, new_participant, (FsConference *self, GError **error),
    (self, error))

static void
over_conference_class_init (OverConferenceClass *klass)
{
  klass->new_session = over_conference_new_session;
  klass->new_participant = over_conference_new_participant;
}

/* ----------------------------------------------------------------------------------------------- methods */

/* Compares what was told by both levels, and the error, which is 0 for none. */
static void
expect (gboolean answer_is_right, GError **error, gint code, const gchar *text)
{
  gchar *wanted = g_strconcat ("over ", text, NULL);
  gint found = *error ? (*error)->code : 0;

  check (answer_is_right && found == code && g_str_equal (told->str, wanted), "\"%s\", error %d (wanted: \"%s\", %d)",
      told->str, found, wanted, code);
  methods++;
  g_clear_error (error);
  g_string_truncate (told, 0);
  g_free (wanted);
}

static void
session_methods (FsSession *session, GList *codecs)
{
  GError *error = NULL;
  GstCaps *caps = gst_caps_new_any ();
  GstStructure *parameters = gst_structure_new_empty ("Keys");
  gchar **names;
  GList *answer;
  GType type;
  gboolean good;

  good = fs_session_start_telephony_event (session, 11, 7);
  expect (good, &error, 0, "start 11 7");
  good = fs_session_stop_telephony_event (session);
  expect (good, &error, 0, "stop");
  good = fs_session_set_send_codec (session, codecs->data, &error);
  expect (good, &error, 0, "send PCMA");
  good = fs_session_set_codec_preferences (session, codecs, &error);
  expect (!good, &error, FS_ERROR_NO_CODECS_LEFT, "preferences 1");
  names = fs_session_list_transmitters (session);
  expect (names && g_strv_length (names) == 2 && g_str_equal (names[1], "two"), &error, 0, "transmitters");
  g_strfreev (names);
  type = fs_session_get_stream_transmitter_type (session, "two");
  expect (type == over_end_get_type (), &error, 0, "type two");
  answer = fs_session_codecs_need_resend (session, NULL, codecs);
  expect (fs_codec_list_are_equal (answer, codecs), &error, 0, "resend 0 1");
  fs_codec_list_destroy (answer);
  good = fs_session_set_allowed_caps (session, NULL, caps, &error);
  expect (good, &error, 0, "caps - src");
  good = fs_session_set_encryption_parameters (session, parameters, &error);
  expect (good, &error, 0, "encryption Keys");
  gst_caps_unref (caps);
  gst_structure_free (parameters);
}

static void
stream_methods (FsStream *stream, GList *codecs, GList *candidates)
{
  GError *error = NULL;
  GstStructure *parameters = gst_structure_new_empty ("Keys");
  GParameter parameter = { "port", G_VALUE_INIT };
  gboolean good;

  good = fs_stream_add_remote_candidates (stream, candidates, &error);
  expect (good, &error, 0, "add 192.0.2.1");
  good = fs_stream_force_remote_candidates (stream, candidates, &error);
  expect (good, &error, 0, "force 1");
  good = fs_stream_set_remote_codecs (stream, codecs, &error);
  expect (!good, &error, FS_ERROR_NEGOTIATION_FAILED, "codecs PCMA");
  fs_stream_add_id (stream, 4711);
  expect (TRUE, &error, 0, "id 4711");
  g_value_init (&parameter.value, G_TYPE_UINT);
  g_value_set_uint (&parameter.value, 5000);
  good = fs_stream_set_transmitter (stream, "two", &parameter, 1, &error);
  expect (good, &error, 0, "transmitter two port=5000");
  good = fs_stream_set_decryption_parameters (stream, parameters, &error);
  expect (good, &error, 0, "decryption Keys");
  gst_structure_free (parameters);
}

static void
transmitter_methods (FsParticipant *participant, GList *candidates)
{
  FsTransmitter *transmitter = g_object_new (over_transmitter_get_type (), NULL);
  FsStreamTransmitter *end;
  GParameter parameter = { "sending", G_VALUE_INIT };
  GError *error = NULL;
  gboolean good;
  GType type = fs_transmitter_get_stream_transmitter_type (transmitter);

  expect (type == over_end_get_type (), &error, 0, "type");
  g_value_init (&parameter.value, G_TYPE_BOOLEAN);
  end = fs_transmitter_new_stream_transmitter (transmitter, participant, 1, &parameter, &error);
  expect (end && G_OBJECT_TYPE (end) == over_end_get_type (), &error, 0, "new_stream_transmitter to one sending=FALSE");
  good = fs_stream_transmitter_add_remote_candidates (end, candidates, &error);
  expect (good, &error, 0, "add 192.0.2.1");
  good = fs_stream_transmitter_force_remote_candidates (end, candidates, &error);
  expect (!good, &error, FS_ERROR_NETWORK, "force 1");
  good = fs_stream_transmitter_gather_local_candidates (end, &error);
  expect (good, &error, 0, "gather");
  fs_stream_transmitter_stop (end);
  expect (TRUE, &error, 0, "stop");
  g_object_unref (end);
  g_object_unref (transmitter);
}

static void
all_methods (void)
{
  FsConference *conference = g_object_ref_sink (g_object_new (over_conference_get_type (), NULL));
  GList *codecs = g_list_append (NULL, fs_codec_new (8, "PCMA", FS_MEDIA_TYPE_AUDIO, 8000));
  GList *candidates = g_list_append (NULL, fs_candidate_new ("1", 1, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP,
          "192.0.2.1", 5000));
  GError *error = NULL;
  FsSession *session = fs_conference_new_session (conference, FS_MEDIA_TYPE_VIDEO, &error);
  FsParticipant *participant;
  FsStream *stream;

  expect (!session, &error, FS_ERROR_NO_CODECS, "new_session video");
  methods--;                    /* the same one again */
  session = fs_conference_new_session (conference, FS_MEDIA_TYPE_AUDIO, &error);
  expect (session && G_OBJECT_TYPE (session) == over_session_get_type (), &error, 0, "new_session audio");
  participant = fs_conference_new_participant (conference, &error);
  expect (participant != NULL, &error, 0, "new_participant");
  stream = fs_session_new_stream (session, participant, FS_DIRECTION_RECV, &error);
  expect (stream && G_OBJECT_TYPE (stream) == over_stream_get_type (), &error, 0, "new_stream 2");
  session_methods (session, codecs);
  stream_methods (stream, codecs, candidates);
  transmitter_methods (participant, candidates);
  check (methods == 24, "%u methods were overridden twice and called", methods);
  fs_candidate_list_destroy (candidates);
  fs_codec_list_destroy (codecs);
  g_object_unref (stream);
  g_object_unref (participant);
  g_object_unref (session);
  gst_object_unref (conference);
}

/* -------------------------------------------------------------------------------------------- properties */

/* An object for a property of that type. */
static gpointer
new_of (GType type)
{
  const GType concrete[] = { over_conference_get_type (), full_participant_get_type (), GST_TYPE_BIN, GST_TYPE_PAD };
  gpointer object = NULL;

  if (type == FS_TYPE_SESSION) {
    gpointer conference = g_object_ref_sink (g_object_new (over_conference_get_type (), NULL));

    object = g_object_new (over_session_get_type (), "conference", conference, NULL);
    gst_object_unref (conference);
    return object;
  }
  for (guint i = 0; i < G_N_ELEMENTS (concrete) && !object; i++)
    if (g_type_is_a (concrete[i], type))
      object = g_object_new (concrete[i], NULL);
  if (object && g_object_is_floating (object))
    g_object_ref_sink (object);
  return object;
}

/* Stock Farstream asks a new stream for the conference of its session, so that one has a session. */
static GObject *
new_with (GType type, const gchar *name, const GValue *value)
{
  const gchar *names[2];
  GValue values[2] = { G_VALUE_INIT, G_VALUE_INIT };
  guint count = 0;
  GObject *object;

  if (name) {
    names[count] = name;
    g_value_init (&values[count], G_VALUE_TYPE (value));
    g_value_copy (value, &values[count++]);
  }
  if (g_type_is_a (type, FS_TYPE_STREAM) && g_strcmp0 (name, "session") != 0) {
    names[count] = "session";
    g_value_init (&values[count], FS_TYPE_SESSION);
    g_value_take_object (&values[count++], new_of (FS_TYPE_SESSION));
  }
  object = g_object_new_with_properties (type, count, names, values);
  for (guint i = 0; i < count; i++)
    g_value_unset (&values[i]);
  return object;
}

/* Some value other than the default. */
static void
set_sample (GParamSpec *spec, GValue *value)
{
  FsCodec *codec = fs_codec_new (8, "PCMA", FS_MEDIA_TYPE_AUDIO, 8000);
  GType type = spec->value_type;

  g_value_init (value, type);
  if (type == G_TYPE_BOOLEAN)
    g_value_set_boolean (value, !G_PARAM_SPEC_BOOLEAN (spec)->default_value);
  else if (type == G_TYPE_UINT)
    g_value_set_uint (value, G_PARAM_SPEC_UINT (spec)->default_value + 3);
  else if (type == FS_TYPE_MEDIA_TYPE)
    g_value_set_enum (value, FS_MEDIA_TYPE_VIDEO);
  else if (type == FS_TYPE_STREAM_DIRECTION)
    g_value_set_flags (value, FS_DIRECTION_RECV);
  else if (type == FS_TYPE_CODEC)
    g_value_set_boxed (value, codec);
  else if (type == FS_TYPE_CODEC_LIST)
    g_value_take_boxed (value, g_list_append (NULL, fs_codec_copy (codec)));
  else if (type == FS_TYPE_CANDIDATE_LIST)
    g_value_take_boxed (value, g_list_append (NULL, fs_candidate_new ("1", 1, 0, 0, "192.0.2.1", 5000)));
  else if (type == GST_TYPE_CAPS)
    g_value_take_boxed (value, gst_caps_new_empty_simple ("audio/x-raw"));
  else if (type == GST_TYPE_STRUCTURE)
    g_value_take_boxed (value, gst_structure_new_empty ("Keys"));
  else if (g_type_is_a (type, G_TYPE_OBJECT))
    g_value_take_object (value, new_of (type));
  else
    check (FALSE, "there is a sample for %s", g_type_name (type));
  fs_codec_destroy (codec);
}

static gboolean
are_equal (const GValue *a, const GValue *b, GParamSpec *spec)
{
  GType type = spec->value_type;

  if (type == FS_TYPE_CODEC)
    return fs_codec_are_equal (g_value_get_boxed (a), g_value_get_boxed (b));
  if (type == FS_TYPE_CODEC_LIST)
    return fs_codec_list_are_equal (g_value_get_boxed (a), g_value_get_boxed (b));
  if (type == FS_TYPE_CANDIDATE_LIST) {
    GList *one = g_value_get_boxed (a), *other = g_value_get_boxed (b);
    return one && other && g_str_equal (((FsCandidate *) one->data)->ip, ((FsCandidate *) other->data)->ip);
  }
  if (type == GST_TYPE_CAPS)
    return gst_caps_is_equal (g_value_get_boxed (a), g_value_get_boxed (b));
  if (type == GST_TYPE_STRUCTURE)
    return gst_structure_is_equal (g_value_get_boxed (a), g_value_get_boxed (b));
  return g_param_values_cmp (spec, a, b) == 0;
}

/* Sets one property, at construction or later as it allows (or from inside, if it is only read), and reads it back. */
static void
check_property (GType type, GParamSpec *spec)
{
  GValue sample = G_VALUE_INIT, found = G_VALUE_INIT;
  gboolean early = (spec->flags & G_PARAM_CONSTRUCT_ONLY) != 0, late = !early && (spec->flags & G_PARAM_WRITABLE);
  GObject *object;
  guint sets_before, gets_before;

  set_sample (spec, &sample);
  object = early ? NULL : new_with (type, NULL, NULL);
  sets_before = sets;
  gets_before = gets;
  if (early)
    object = new_with (type, spec->name, &sample);
  else if (late)
    g_object_set_property (object, spec->name, &sample);
  else
    keep_value (object, spec->name, &sample);
  g_value_init (&found, spec->value_type);
  g_object_get_property (object, spec->name, &found);
  check (are_equal (&sample, &found, spec) && gets > gets_before && (sets > sets_before || !(early || late)),
      "property \"%s\" of %s, %s", spec->name, g_type_name (type),
      early ? "set at construction" : late ? "set" : "only read");
  properties++;
  g_value_unset (&sample);
  g_value_unset (&found);
  g_object_unref (object);
}

static void
all_properties (void)
{
  const struct { GType type, base; } classes[] = {
    {over_session_get_type (), FS_TYPE_SESSION}, {over_stream_get_type (), FS_TYPE_STREAM},
    {over_transmitter_get_type (), FS_TYPE_TRANSMITTER}, {over_end_get_type (), FS_TYPE_STREAM_TRANSMITTER},
  };

  for (guint i = 0; i < G_N_ELEMENTS (classes); i++) {
    gpointer base_class = g_type_class_ref (classes[i].base);
    guint count = 0;
    GParamSpec **specs = g_object_class_list_properties (G_OBJECT_CLASS (base_class), &count);

    for (guint j = 0; j < count; j++)
      check_property (classes[i].type, specs[j]);
    g_free (specs);
    g_type_class_unref (base_class);
  }
  check (properties == 28, "%u properties were overridden", properties);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  check_loaded (NULL);
  told = g_string_new (NULL);
  all_methods ();
  all_properties ();
  g_string_free (told, TRUE);
  return failures ? 1 : 0;
}
