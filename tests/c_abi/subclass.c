/* SPDX-License-Identifier: MPL-2.0 */

/* Classes written in C upon the abstract classes: what a method answers that a class does not have, how signals travel
 * from a stream to the bus, that chaining up works, and how a transmitter that a program brings along is found. The same
 * lines must come out on the stock library. */

#include <farstream/fs-conference.h>
#include <farstream/fs-plugin.h>
#include <farstream/fs-transmitter.h>

#include "loaded.h"

#define HAS_CODE(error, wanted) ((error) && (error)->domain == FS_ERROR && (error)->code == (wanted))

static int constructed_runs, dispose_runs, finalize_runs;

/* A session, a stream, a participant and a conference without any methods; and a session that has some. */

typedef FsSession BareSession;
typedef FsSessionClass BareSessionClass;
G_DEFINE_TYPE (BareSession, bare_session, FS_TYPE_SESSION)
static void bare_session_init (BareSession *self G_GNUC_UNUSED) {}
static void bare_session_class_init (BareSessionClass *klass G_GNUC_UNUSED) {}

typedef FsParticipant BareParticipant;
typedef FsParticipantClass BareParticipantClass;
G_DEFINE_TYPE (BareParticipant, bare_participant, FS_TYPE_PARTICIPANT)
static void bare_participant_init (BareParticipant *self G_GNUC_UNUSED) {}
static void bare_participant_class_init (BareParticipantClass *klass G_GNUC_UNUSED) {}

typedef FsStreamTransmitter BareStreamTransmitter;
typedef FsStreamTransmitterClass BareStreamTransmitterClass;
G_DEFINE_TYPE (BareStreamTransmitter, bare_stream_transmitter, FS_TYPE_STREAM_TRANSMITTER)
static void bare_stream_transmitter_init (BareStreamTransmitter *self G_GNUC_UNUSED) {}
static void bare_stream_transmitter_class_init (BareStreamTransmitterClass *klass G_GNUC_UNUSED) {}

/* The stream keeps what it was told. Stock Farstream asks streams for "session" and the like, so it has those. */

enum { STREAM_CONFERENCE = 1, STREAM_SESSION, STREAM_PARTICIPANT, STREAM_DIRECTION };

typedef struct
{
  FsStream parent;
  FsSession *session;
  FsParticipant *participant;
  FsStreamDirection direction;
  gchar *transmitter;
  guint n_parameters;
  gboolean flag;
} TestStream;
typedef FsStreamClass TestStreamClass;
G_DEFINE_TYPE (TestStream, test_stream, FS_TYPE_STREAM)

static gboolean
test_stream_set_transmitter (FsStream *stream, const gchar *transmitter, GParameter *parameters, guint n_parameters,
    GError **error G_GNUC_UNUSED)
{
  TestStream *self = (TestStream *) stream;

  g_free (self->transmitter);
  self->transmitter = g_strdup (transmitter);
  self->n_parameters = n_parameters;
  for (guint i = 0; i < n_parameters; i++)
    if (g_str_equal (parameters[i].name, "sending"))
      self->flag = g_value_get_boolean (&parameters[i].value);
  return TRUE;
}

static void
test_stream_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  TestStream *self = (TestStream *) object;

  switch (id) {
    case STREAM_SESSION: self->session = g_value_dup_object (value); break;
    case STREAM_PARTICIPANT: self->participant = g_value_dup_object (value); break;
    case STREAM_DIRECTION: self->direction = g_value_get_flags (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
test_stream_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  TestStream *self = (TestStream *) object;

  switch (id) {
    case STREAM_SESSION: g_value_set_object (value, self->session); break;
    case STREAM_PARTICIPANT: g_value_set_object (value, self->participant); break;
    case STREAM_DIRECTION: g_value_set_flags (value, self->direction); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
test_stream_dispose (GObject *object)
{
  TestStream *self = (TestStream *) object;

  g_clear_object (&self->session);
  g_clear_object (&self->participant);
  g_clear_pointer (&self->transmitter, g_free);
  dispose_runs++;
  G_OBJECT_CLASS (test_stream_parent_class)->dispose (object);
}

static void
test_stream_finalize (GObject *object)
{
  finalize_runs++;
  G_OBJECT_CLASS (test_stream_parent_class)->finalize (object);
}

static void
test_stream_constructed (GObject *object)
{
  constructed_runs++;
  if (G_OBJECT_CLASS (test_stream_parent_class)->constructed)
    G_OBJECT_CLASS (test_stream_parent_class)->constructed (object);
}

static void test_stream_init (TestStream *self G_GNUC_UNUSED) {}

static void
test_stream_class_init (TestStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = test_stream_set_property;
  object_class->get_property = test_stream_get_property;
  object_class->constructed = test_stream_constructed;
  object_class->dispose = test_stream_dispose;
  object_class->finalize = test_stream_finalize;
  klass->set_transmitter = test_stream_set_transmitter;
  g_object_class_override_property (object_class, STREAM_SESSION, "session");
  g_object_class_override_property (object_class, STREAM_PARTICIPANT, "participant");
  g_object_class_override_property (object_class, STREAM_DIRECTION, "direction");
}

/* The session makes such streams. set_send_codec chains up to the parent, where there is something to chain up to. */

enum { SESSION_CONFERENCE = 1, SESSION_MEDIA_TYPE, SESSION_ID };

typedef struct
{
  FsSession parent;
  FsConference *conference;
  FsMediaType media_type;
  guint id;
} TestSession;
typedef FsSessionClass TestSessionClass;
G_DEFINE_TYPE (TestSession, test_session, FS_TYPE_SESSION)

static FsStream *
test_session_new_stream (FsSession *session, FsParticipant *participant, FsStreamDirection direction,
    GError **error G_GNUC_UNUSED)
{
  return g_object_new (test_stream_get_type (), "session", session, "participant", participant, "direction", direction,
      NULL);
}

static gboolean
test_session_set_send_codec (FsSession *session, FsCodec *codec, GError **error)
{
  FsSessionClass *parent = FS_SESSION_CLASS (test_session_parent_class);

  if (parent->set_send_codec)
    return parent->set_send_codec (session, codec, error);
  g_set_error (error, FS_ERROR, FS_ERROR_UNKNOWN_CODEC, "the parent has nothing, and %s is unknown",
      codec->encoding_name);
  return FALSE;
}

static GType
test_session_get_stream_transmitter_type (FsSession *session G_GNUC_UNUSED, const gchar *transmitter)
{
  return g_str_equal (transmitter, "known") ? bare_stream_transmitter_get_type () : 0;
}

static void
test_session_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  TestSession *self = (TestSession *) object;

  switch (id) {
    case SESSION_CONFERENCE: self->conference = g_value_get_object (value); break;
    case SESSION_MEDIA_TYPE: self->media_type = g_value_get_enum (value); break;
    case SESSION_ID: self->id = g_value_get_uint (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
test_session_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  TestSession *self = (TestSession *) object;

  switch (id) {
    case SESSION_CONFERENCE: g_value_set_object (value, self->conference); break;
    case SESSION_MEDIA_TYPE: g_value_set_enum (value, self->media_type); break;
    case SESSION_ID: g_value_set_uint (value, self->id); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void test_session_init (TestSession *self G_GNUC_UNUSED) {}

static void
test_session_class_init (TestSessionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = test_session_set_property;
  object_class->get_property = test_session_get_property;
  klass->new_stream = test_session_new_stream;
  klass->set_send_codec = test_session_set_send_codec;
  klass->get_stream_transmitter_type = test_session_get_stream_transmitter_type;
  g_object_class_override_property (object_class, SESSION_CONFERENCE, "conference");
  g_object_class_override_property (object_class, SESSION_MEDIA_TYPE, "media-type");
  g_object_class_override_property (object_class, SESSION_ID, "id");
}

/* The conference makes such sessions. */

typedef FsConference TestConference;
typedef FsConferenceClass TestConferenceClass;
G_DEFINE_TYPE (TestConference, test_conference, FS_TYPE_CONFERENCE)

static FsSession *
test_conference_new_session (FsConference *conference, FsMediaType media_type, GError **error)
{
  if (media_type == FS_MEDIA_TYPE_APPLICATION) {
    g_set_error (error, FS_ERROR, FS_ERROR_NO_CODECS, "nothing carries that");
    return NULL;
  }
  return g_object_new (test_session_get_type (), "conference", conference, "media-type", media_type, "id", 7, NULL);
}

static FsParticipant *
test_conference_new_participant (FsConference *conference G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
  return g_object_new (bare_participant_get_type (), NULL);
}

static void test_conference_init (TestConference *self G_GNUC_UNUSED) {}

static void
test_conference_class_init (TestConferenceClass *klass)
{
  klass->new_session = test_conference_new_session;
  klass->new_participant = test_conference_new_participant;
}

/* A transmitter; 99 components make its construction fail. */

enum { TRANSMITTER_SRC = 1, TRANSMITTER_SINK, TRANSMITTER_COMPONENTS, TRANSMITTER_TOS };

typedef struct
{
  FsTransmitter parent;
  guint components, tos;
} TestTransmitter;
typedef FsTransmitterClass TestTransmitterClass;
G_DEFINE_TYPE (TestTransmitter, test_transmitter, FS_TYPE_TRANSMITTER)

static FsStreamTransmitter *
test_transmitter_new_stream_transmitter (FsTransmitter *transmitter G_GNUC_UNUSED,
    FsParticipant *participant G_GNUC_UNUSED, guint n_parameters, GParameter *parameters, GError **error G_GNUC_UNUSED)
{
  const gchar *names[4];
  GValue values[4];

  g_assert_true (n_parameters <= 4);
  for (guint i = 0; i < n_parameters; i++) {
    names[i] = parameters[i].name;
    values[i] = parameters[i].value;
  }
  return (FsStreamTransmitter *) g_object_new_with_properties (bare_stream_transmitter_get_type (), n_parameters,
      names, values);
}

static GType
test_transmitter_get_stream_transmitter_type (FsTransmitter *transmitter G_GNUC_UNUSED)
{
  return bare_stream_transmitter_get_type ();
}

static void
test_transmitter_constructed (GObject *object)
{
  TestTransmitter *self = (TestTransmitter *) object;

  if (self->components == 99)
    FS_TRANSMITTER (object)->construction_error = g_error_new (FS_ERROR, FS_ERROR_NETWORK, "99 are too many");
  if (G_OBJECT_CLASS (test_transmitter_parent_class)->constructed)
    G_OBJECT_CLASS (test_transmitter_parent_class)->constructed (object);
}

static void
test_transmitter_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  TestTransmitter *self = (TestTransmitter *) object;

  switch (id) {
    case TRANSMITTER_COMPONENTS: self->components = g_value_get_uint (value); break;
    case TRANSMITTER_TOS: self->tos = g_value_get_uint (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
test_transmitter_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  TestTransmitter *self = (TestTransmitter *) object;

  switch (id) {
    case TRANSMITTER_COMPONENTS: g_value_set_uint (value, self->components); break;
    case TRANSMITTER_TOS: g_value_set_uint (value, self->tos); break;
    case TRANSMITTER_SRC:
    case TRANSMITTER_SINK: g_value_set_object (value, NULL); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void test_transmitter_init (TestTransmitter *self G_GNUC_UNUSED) {}

static void
test_transmitter_class_init (TestTransmitterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->set_property = test_transmitter_set_property;
  object_class->get_property = test_transmitter_get_property;
  object_class->constructed = test_transmitter_constructed;
  klass->new_stream_transmitter = test_transmitter_new_stream_transmitter;
  klass->get_stream_transmitter_type = test_transmitter_get_stream_transmitter_type;
  g_object_class_override_property (object_class, TRANSMITTER_SRC, "gst-src");
  g_object_class_override_property (object_class, TRANSMITTER_SINK, "gst-sink");
  g_object_class_override_property (object_class, TRANSMITTER_COMPONENTS, "components");
  g_object_class_override_property (object_class, TRANSMITTER_TOS, "tos");
}

/* `call` is to put its error into a variable "error". */
#define EXPECT_NOT_IMPLEMENTED(call, what) \
  G_STMT_START { \
    GError *error = NULL; \
    gboolean answer = (call); \
    check (!answer && HAS_CODE (error, FS_ERROR_NOT_IMPLEMENTED) && error->message[0], \
        "%s without a method is not implemented", (what)); \
    g_clear_error (&error); \
  } G_STMT_END

/* A class that overrides no property must be able to be asked for each of them, or any inspector ends the program. */
static void
read_properties (gpointer object)
{
  guint count = 0, read = 0;
  GParamSpec **specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (object), &count);

  for (guint i = 0; i < count; i++) {
    GValue value = G_VALUE_INIT;

    if (!(specs[i]->flags & G_PARAM_READABLE))
      continue;
    g_value_init (&value, specs[i]->value_type);
    g_object_get_property (object, specs[i]->name, &value);
    g_value_unset (&value);
    read++;
  }
  check (count > 0 && read == count, "%u properties of a bare %s can be read", read, G_OBJECT_TYPE_NAME (object));
  g_free (specs);
}

static void
bare_session_test (void)
{
  FsSession *session = g_object_new (bare_session_get_type (), NULL);
  FsCodec *codec = fs_codec_new (8, "PCMA", FS_MEDIA_TYPE_AUDIO, 8000);
  GstCaps *caps = gst_caps_new_empty_simple ("audio/x-raw");
  GList *list = g_list_append (NULL, codec);
  GError *error = NULL;

  EXPECT_NOT_IMPLEMENTED (fs_session_set_send_codec (session, codec, &error), "set_send_codec");
  EXPECT_NOT_IMPLEMENTED (fs_session_set_codec_preferences (session, list, &error), "set_codec_preferences");
  EXPECT_NOT_IMPLEMENTED (fs_session_set_allowed_caps (session, caps, NULL, &error), "set_allowed_caps");
  EXPECT_NOT_IMPLEMENTED (fs_session_set_encryption_parameters (session, NULL, &error),
      "set_encryption_parameters");
  error = NULL;
  check (fs_session_set_allowed_caps (session, NULL, NULL, &error) && !error, "set_allowed_caps with nothing is TRUE");
  check (!fs_session_start_telephony_event (session, 1, 8), "start_telephony_event without a method is FALSE");
  check (!fs_session_stop_telephony_event (session), "stop_telephony_event without a method is FALSE");
  check (fs_session_list_transmitters (session) == NULL, "list_transmitters without a method is NULL");
  check (fs_session_get_stream_transmitter_type (session, "x") == 0, "get_stream_transmitter_type without a method is 0");
  check (fs_session_codecs_need_resend (session, list, list) == NULL, "codecs_need_resend without a method is NULL");
  read_properties (session);
  check (FS_SESSION_GET_CLASS (session)->new_stream == NULL && FS_SESSION_GET_CLASS (session)->set_send_codec == NULL
      && FS_SESSION_GET_CLASS (session)->set_encryption_parameters == NULL, "the abstract session has no methods");
  fs_codec_list_destroy (list);
  gst_caps_unref (caps);
  g_object_unref (session);
}

typedef struct
{
  GObject *source;
  FsError code;
  gchar *text;
  guint times;
} Heard;

static void
on_session_error (FsSession *session G_GNUC_UNUSED, GObject *source, FsError code, const gchar *text, gpointer data)
{
  Heard *heard = data;

  heard->source = source;
  heard->code = code;
  g_free (heard->text);
  heard->text = g_strdup (text);
  heard->times++;
}

static void
expect_message (GstBus *bus, gpointer object, gpointer stranger, FsError wanted_code, const char *wanted_text)
{
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
  FsError code = 0;
  const gchar *text = NULL;

  check (message && fs_parse_error (object, message, &code, &text) && code == wanted_code
      && g_strcmp0 (text, wanted_text) == 0, "the bus has farstream-error %d \"%s\" of the %s", wanted_code,
      wanted_text, FS_IS_STREAM (object) ? "stream" : "session");
  check (message && !fs_parse_error (stranger, message, NULL, NULL), "and of nobody else");
  check (message && fs_parse_error (object, message, NULL, NULL), "fs_parse_error needs no place for what it finds");
  if (message)
    gst_message_unref (message);
}

static void
stream_table_test (FsStream *stream)
{
  TestStream *self = (TestStream *) stream;
  GHashTable *table = g_hash_table_new (g_str_hash, g_str_equal);
  GValue yes = G_VALUE_INIT, text = G_VALUE_INIT;
  GError *error = NULL;

  g_value_init (&yes, G_TYPE_INT);
  g_value_set_int (&yes, 1);
  g_value_init (&text, G_TYPE_STRING);
  g_value_set_static_string (&text, "x");
  check (fs_stream_set_transmitter_ht (stream, "any", NULL, &error) && self->n_parameters == 0,
      "set_transmitter_ht without a table calls set_transmitter without parameters");
  g_hash_table_insert (table, (gpointer) "sending", &yes);
  check (fs_stream_set_transmitter_ht (stream, "known", table, &error) && self->n_parameters == 1 && self->flag
      && g_str_equal (self->transmitter, "known"), "set_transmitter_ht converts int to boolean");
  check (!fs_stream_set_transmitter_ht (stream, "unknown", table, &error)
      && HAS_CODE (error, FS_ERROR_INVALID_ARGUMENTS), "set_transmitter_ht refuses a transmitter without a type");
  g_clear_error (&error);
  g_hash_table_remove (table, "sending");
  g_hash_table_insert (table, (gpointer) "no-such-property", &text);
  check (!fs_stream_set_transmitter_ht (stream, "known", table, &error)
      && HAS_CODE (error, FS_ERROR_INVALID_ARGUMENTS), "set_transmitter_ht refuses an unknown name");
  g_clear_error (&error);
  g_hash_table_unref (table);
}

static void
on_pad (FsStream *stream G_GNUC_UNUSED, GstPad *pad, FsCodec *codec, gpointer data)
{
  *(gboolean *) data = GST_IS_PAD (pad) && codec && g_str_equal (codec->encoding_name, "PCMA");
}

static guint
count_pads (FsStream *stream)
{
  GstIterator *pads = fs_stream_iterate_src_pads (stream);
  GValue item = G_VALUE_INIT;
  guint count = 0;

  while (gst_iterator_next (pads, &item) == GST_ITERATOR_OK) {
    count++;
    g_value_reset (&item);
  }
  gst_iterator_free (pads);
  return count;
}

static void
stream_pads_test (FsConference *conference, FsStream *stream)
{
  FsCodec *codec = fs_codec_new (8, "PCMA", FS_MEDIA_TYPE_AUDIO, 8000);
  GstPad *pad = gst_pad_new ("src_7_1_8", GST_PAD_SRC);
  gboolean seen = FALSE;

  g_signal_connect (stream, "src-pad-added", G_CALLBACK (on_pad), &seen);
  check (count_pads (stream) == 0, "a new stream has no source pads");
  gst_element_add_pad (GST_ELEMENT (conference), pad);
  fs_stream_emit_src_pad_added (stream, pad, codec);
  check (seen && count_pads (stream) == 1, "emit_src_pad_added emits the signal, and the pad can be iterated");
  gst_element_remove_pad (GST_ELEMENT (conference), pad);
  check (count_pads (stream) == 0, "the pad is gone when the conference removed it");
  fs_codec_destroy (codec);
}

static void
bare_stream_methods_test (FsStream *stream)
{
  EXPECT_NOT_IMPLEMENTED (fs_stream_add_remote_candidates (stream, NULL, &error), "add_remote_candidates");
  EXPECT_NOT_IMPLEMENTED (fs_stream_force_remote_candidates (stream, NULL, &error), "force_remote_candidates");
  EXPECT_NOT_IMPLEMENTED (fs_stream_set_remote_codecs (stream, NULL, &error), "set_remote_codecs");
  EXPECT_NOT_IMPLEMENTED (fs_stream_set_decryption_parameters (stream, NULL, &error),
      "set_decryption_parameters");
  fs_stream_add_id (stream, 5);
  check (FS_STREAM_CLASS (test_stream_parent_class)->set_transmitter == NULL
      && FS_STREAM_CLASS (test_stream_parent_class)->add_id == NULL, "the abstract stream has no methods");
}

static void
conference_test (void)
{
  GstElement *pipeline = gst_pipeline_new (NULL);
  FsConference *conference = g_object_new (test_conference_get_type (), NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GError *error = NULL;
  FsSession *session;
  FsParticipant *participant;
  FsStream *stream;
  FsCodec *codec = fs_codec_new (8, "PCMA", FS_MEDIA_TYPE_AUDIO, 8000);
  Heard heard = { NULL, 0, NULL, 0 };
  FsMediaType media_type = FS_MEDIA_TYPE_AUDIO;
  guint id = 0;

  gst_bin_add (GST_BIN (pipeline), GST_ELEMENT (conference));
  check (!fs_conference_new_session (conference, FS_MEDIA_TYPE_APPLICATION, &error)
      && HAS_CODE (error, FS_ERROR_NO_CODECS), "an error of new_session reaches the caller");
  g_clear_error (&error);
  session = fs_conference_new_session (conference, FS_MEDIA_TYPE_VIDEO, &error);
  participant = fs_conference_new_participant (conference, &error);
  stream = fs_session_new_stream (session, participant, FS_DIRECTION_SEND, &error);
  check (FS_IS_SESSION (session) && FS_IS_PARTICIPANT (participant) && FS_IS_STREAM (stream) && !error,
      "the three objects come from their methods");
  check (constructed_runs == 1, "constructed of the stream ran and chained up");
  g_object_get (session, "media-type", &media_type, "id", &id, NULL);
  check (media_type == FS_MEDIA_TYPE_VIDEO && id == 7, "overridden properties of the session");

  check (!fs_session_set_send_codec (session, codec, &error) && HAS_CODE (error, FS_ERROR_UNKNOWN_CODEC),
      "set_send_codec of the subclass ran, and found nothing to chain up to");
  g_clear_error (&error);

  g_signal_connect (session, "error", G_CALLBACK (on_session_error), &heard);
  fs_session_emit_error (session, FS_ERROR_NETWORK, "no net");
  check (heard.times == 1 && heard.source == G_OBJECT (session) && heard.code == FS_ERROR_NETWORK
      && g_str_equal (heard.text, "no net"), "an error of the session is emitted with itself as source");
  expect_message (bus, session, stream, FS_ERROR_NETWORK, "no net");
  fs_stream_emit_error (stream, FS_ERROR_CONNECTION_FAILED, "no way");
  check (heard.times == 2 && heard.source == G_OBJECT (stream) && heard.code == FS_ERROR_CONNECTION_FAILED,
      "an error of the stream reaches the session with the stream as source");
  expect_message (bus, stream, session, FS_ERROR_CONNECTION_FAILED, "no way");
  g_free (heard.text);

  bare_stream_methods_test (stream);
  stream_table_test (stream);
  stream_pads_test (conference, stream);

  fs_stream_destroy (stream);
  check (dispose_runs >= 1 && finalize_runs == 0, "destroy disposes of the stream and leaves the reference");
  g_object_unref (stream);
  check (finalize_runs == 1, "finalize of the stream ran and chained up");
  fs_session_destroy (session);
  g_object_unref (session);
  g_object_unref (participant);
  fs_codec_destroy (codec);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}

static void
on_error (GObject *object G_GNUC_UNUSED, FsError code, const gchar *text, gpointer data)
{
  *(gboolean *) data = code == FS_ERROR_NETWORK && g_str_equal (text, "no net");
}

static void
stream_transmitter_test (FsTransmitter *transmitter)
{
  GParameter parameters[1] = { {"sending", G_VALUE_INIT} };
  FsStreamTransmitter *stream_transmitter;
  GError *error = NULL;
  gboolean seen = FALSE;

  g_value_init (&parameters[0].value, G_TYPE_BOOLEAN);
  stream_transmitter = fs_transmitter_new_stream_transmitter (transmitter, NULL, 1, parameters, &error);
  check (FS_IS_STREAM_TRANSMITTER (stream_transmitter) && !error, "new_stream_transmitter gives what the method made");
  check (fs_transmitter_get_stream_transmitter_type (transmitter) == G_OBJECT_TYPE (stream_transmitter),
      "get_stream_transmitter_type gives its type");
  EXPECT_NOT_IMPLEMENTED (fs_stream_transmitter_add_remote_candidates (stream_transmitter, NULL, &error),
      "add_remote_candidates of a stream transmitter");
  EXPECT_NOT_IMPLEMENTED (fs_stream_transmitter_force_remote_candidates (stream_transmitter, NULL, &error),
      "force_remote_candidates of a stream transmitter");
  error = NULL;
  check (fs_stream_transmitter_gather_local_candidates (stream_transmitter, &error) && !error,
      "gather_local_candidates without a method is TRUE");
  fs_stream_transmitter_stop (stream_transmitter);
  read_properties (stream_transmitter);
  g_signal_connect (stream_transmitter, "error", G_CALLBACK (on_error), &seen);
  fs_stream_transmitter_emit_error (stream_transmitter, FS_ERROR_NETWORK, "no net");
  check (seen, "emit_error of a stream transmitter");
  g_object_unref (stream_transmitter);
}

static void
transmitter_test (void)
{
  FsTransmitter *transmitter;
  GError *error = NULL;
  guint components = 0, tos = 0;
  gboolean seen = FALSE;

  fs_plugin_register_static ("subclass", "transmitter", test_transmitter_get_type ());
  transmitter = fs_transmitter_new ("subclass", 2, 46, &error);
  check (transmitter && G_OBJECT_TYPE (transmitter) == test_transmitter_get_type (),
      "fs_transmitter_new makes a transmitter that was registered: %s", error ? error->message : "yes");
  if (!transmitter)
    return;
  g_object_get (transmitter, "components", &components, "tos", &tos, NULL);
  check (components == 2 && tos == 46, "it has its components and its tos");
  g_signal_connect (transmitter, "error", G_CALLBACK (on_error), &seen);
  fs_transmitter_emit_error (transmitter, FS_ERROR_NETWORK, "no net");
  check (seen, "emit_error of a transmitter");
  stream_transmitter_test (transmitter);
  g_object_unref (transmitter);

  transmitter = fs_transmitter_new ("subclass", 99, 0, &error);
  check (!transmitter && HAS_CODE (error, FS_ERROR_NETWORK) && g_str_equal (error->message, "99 are too many"),
      "construction_error comes back from fs_transmitter_new");
  g_clear_error (&error);
  transmitter = fs_transmitter_new ("no-such-transmitter", 2, 0, &error);
  check (!transmitter && HAS_CODE (error, FS_ERROR_CONSTRUCTION), "an unknown transmitter is a construction error: %s",
      error ? error->message : "no error");
  g_clear_error (&error);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  check_loaded (NULL);
  bare_session_test ();
  conference_test ();
  transmitter_test ();
  return failures ? 1 : 0;
}
