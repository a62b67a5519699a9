/* SPDX-License-Identifier: MPL-2.0 */

/* Sub-classes that note what is called, and answer as the row wants; and sub-classes without any method. */

#include "fakes.h"

Answer fake_answer;
GString *fake_calls;

gboolean
answer (GError **error, const char *format, ...)
{
  va_list arguments;

  if (fake_calls->len)
    g_string_append_c (fake_calls, ' ');
  va_start (arguments, format);
  g_string_append_vprintf (fake_calls, format, arguments);
  va_end (arguments);
  if (fake_answer == ANSWER_ERROR)
    g_set_error (error, FS_ERROR, FS_ERROR_NETWORK, "as the row wants");
  return fake_answer == ANSWER_GOOD;
}

/* Participant. */

typedef FsParticipant FakeParticipant;
typedef FsParticipantClass FakeParticipantClass;
G_DEFINE_TYPE (FakeParticipant, fake_participant, FS_TYPE_PARTICIPANT)
static void fake_participant_init (FakeParticipant *self G_GNUC_UNUSED) {}
static void fake_participant_class_init (FakeParticipantClass *klass G_GNUC_UNUSED) {}

/* Stream transmitters. */

typedef FsStreamTransmitter BareStreamTransmitter;
typedef FsStreamTransmitterClass BareStreamTransmitterClass;
G_DEFINE_TYPE (BareStreamTransmitter, bare_stream_transmitter, FS_TYPE_STREAM_TRANSMITTER)
static void bare_stream_transmitter_init (BareStreamTransmitter *self G_GNUC_UNUSED) {}
static void bare_stream_transmitter_class_init (BareStreamTransmitterClass *klass G_GNUC_UNUSED) {}

typedef FsStreamTransmitter FakeStreamTransmitter;
typedef FsStreamTransmitterClass FakeStreamTransmitterClass;
G_DEFINE_TYPE (FakeStreamTransmitter, fake_stream_transmitter, FS_TYPE_STREAM_TRANSMITTER)

static gboolean
fake_add (FsStreamTransmitter *self G_GNUC_UNUSED, GList *candidates, GError **error)
{
  return answer (error, "add_remote_candidates(%u)", g_list_length (candidates));
}

static gboolean
fake_force (FsStreamTransmitter *self G_GNUC_UNUSED, GList *candidates, GError **error)
{
  return answer (error, "force_remote_candidates(%u)", g_list_length (candidates));
}

static gboolean
fake_gather (FsStreamTransmitter *self G_GNUC_UNUSED, GError **error)
{
  return answer (error, "gather_local_candidates()");
}

static void
fake_stop (FsStreamTransmitter *self G_GNUC_UNUSED)
{
  answer (NULL, "stop()");
}

static void fake_stream_transmitter_init (FakeStreamTransmitter *self G_GNUC_UNUSED) {}

static void
fake_stream_transmitter_class_init (FakeStreamTransmitterClass *klass)
{
  klass->add_remote_candidates = fake_add;
  klass->force_remote_candidates = fake_force;
  klass->gather_local_candidates = fake_gather;
  klass->stop = fake_stop;
}

/* Transmitters; 99 components make the construction fail. */

enum { PROP_SRC = 1, PROP_SINK, PROP_COMPONENTS, PROP_TOS };

typedef FsTransmitter BareTransmitter;
typedef FsTransmitterClass BareTransmitterClass;
G_DEFINE_TYPE (BareTransmitter, bare_transmitter, FS_TYPE_TRANSMITTER)
static void bare_transmitter_init (BareTransmitter *self G_GNUC_UNUSED) {}
static void bare_transmitter_class_init (BareTransmitterClass *klass G_GNUC_UNUSED) {}

typedef struct
{
  FsTransmitter parent;
  guint components, tos;
} FakeTransmitter;
typedef FsTransmitterClass FakeTransmitterClass;
G_DEFINE_TYPE (FakeTransmitter, fake_transmitter, FS_TYPE_TRANSMITTER)

static FsStreamTransmitter *
fake_new_stream_transmitter (FsTransmitter *self G_GNUC_UNUSED, FsParticipant *participant, guint n_parameters,
    GParameter *parameters, GError **error)
{
  GString *names = g_string_new (NULL);
  gboolean good;

  for (guint i = 0; i < n_parameters && parameters; i++)
    g_string_append_printf (names, ",%s", parameters[i].name);
  good = answer (error, "new_stream_transmitter(%s%s)", participant ? "participant" : "NULL", names->str);
  g_string_free (names, TRUE);
  return good ? g_object_new (fake_stream_transmitter_get_type (), NULL) : NULL;
}

static GType
fake_transmitter_type (FsTransmitter *self G_GNUC_UNUSED)
{
  return fake_stream_transmitter_get_type ();
}

static void
fake_transmitter_constructed (GObject *object)
{
  if (((FakeTransmitter *) object)->components == 99)
    FS_TRANSMITTER (object)->construction_error = g_error_new (FS_ERROR, FS_ERROR_NETWORK, "99 are too many");
  if (G_OBJECT_CLASS (fake_transmitter_parent_class)->constructed)
    G_OBJECT_CLASS (fake_transmitter_parent_class)->constructed (object);
}

static void
fake_transmitter_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  FakeTransmitter *self = (FakeTransmitter *) object;

  switch (id) {
    case PROP_COMPONENTS: self->components = g_value_get_uint (value); break;
    case PROP_TOS: self->tos = g_value_get_uint (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
fake_transmitter_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  FakeTransmitter *self = (FakeTransmitter *) object;

  switch (id) {
    case PROP_COMPONENTS: g_value_set_uint (value, self->components); break;
    case PROP_TOS: g_value_set_uint (value, self->tos); break;
    case PROP_SRC:
    case PROP_SINK: g_value_set_object (value, NULL); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void fake_transmitter_init (FakeTransmitter *self G_GNUC_UNUSED) {}

static void
fake_transmitter_class_init (FakeTransmitterClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = fake_transmitter_constructed;
  object_class->set_property = fake_transmitter_set_property;
  object_class->get_property = fake_transmitter_get_property;
  klass->new_stream_transmitter = fake_new_stream_transmitter;
  klass->get_stream_transmitter_type = fake_transmitter_type;
  g_object_class_override_property (object_class, PROP_SRC, "gst-src");
  g_object_class_override_property (object_class, PROP_SINK, "gst-sink");
  g_object_class_override_property (object_class, PROP_COMPONENTS, "components");
  g_object_class_override_property (object_class, PROP_TOS, "tos");
}
