/* SPDX-License-Identifier: MPL-2.0 */

/* One audio call between two conferences on this host, over the transmitter that the first argument names (rawudp
 * without one). A second argument "inspect" has every property read within every message and notification; "destroy" has
 * the session destroyed where that is not allowed. Each sends a tone, and the tone of the other is measured where it comes out. Compiled against Debian's
 * headers, run on our library: what was built for Farstream 0.2 must run on it unchanged. */

#include <farstream/fs-conference.h>

#include "loaded.h"
#include "tone.h"

#define RATE 8000
#define SKIPPED (RATE / 2)
#define MEASURED RATE
#define LIMIT_SECONDS 30

/* How a call is made over a transmitter. Every name that is in none of the lines below is taken for one that has no
 * parameters, tells its candidates, and is forced to those of the other side. */
typedef struct
{
  const char *name;
  /* Addresses asked for: those of the components, or one for all of them. */
  gboolean prefers_components, prefers_address;
  const char *flags[3];         /* names of boolean parameters... */
  gboolean flag_values[3];      /* ...and what they are set to */
  gboolean has_roles;           /* one side is "controlling-mode" */
  gboolean adds_candidates;     /* with fs_stream_add_remote_candidates() */
  gboolean is_multicast;        /* no local candidates, one group for both, who sends hears itself: a call one way */
  guint pairs;                  /* active candidate pairs that are told at least */
} Way;

static const Way ways[] = {
  /* None of the waiting for a router that the stock library does by default. */
  {.name = "rawudp",.prefers_components = TRUE,.flags = {"upnp-mapping", "upnp-discovery"},.pairs = 2},
  {.name = "nice",.prefers_address = TRUE,.has_roles = TRUE,.adds_candidates = TRUE,.pairs = 2},
  {.name = "multicast",.is_multicast = TRUE,.pairs = 2},
  {.name = "shm",.flags = {"create-local-candidates"},.flag_values = {TRUE}},
};
static Way way = {.name = "rawudp",.pairs = 2 };

typedef struct
{
  const char *name;
  int send_tone, hear_tone;     /* 0 for one who hears nothing */
  FsConference *conference;
  FsSession *session;
  FsParticipant *participant;
  FsStream *stream;
  GstElement *pipeline;
  GList *candidates;
  gboolean prepared, send_codec, recv_codecs;
  guint pads, pairs;
  GMutex lock;
  GArray *heard;
} Side;

static GMainLoop *loop;
static gboolean inspects, destroys;
static gint inspections;
static __thread guint criticals; /* of this thread */
static Side sides[2] = {
  {.name = "alice",.send_tone = 440,.hear_tone = 660},
  {.name = "bob",.send_tone = 660,.hear_tone = 440},
};

static Side *
other (Side *side)
{
  return side == &sides[0] ? &sides[1] : &sides[0];
}

static GstElement *
make (const char *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);
  if (!element) {
    check (FALSE, "element %s can be made", factory);
    exit (1);
  }
  return element;
}

static void
demand (gboolean good, const char *what, const Side *side, GError *error)
{
  check (good, "%s: %s%s%s", side->name, what, error ? ": " : "", error ? error->message : "");
  g_clear_error (&error);
  if (!good)
    exit (1);
}

static void
on_sound (GstElement *sink G_GNUC_UNUSED, GstBuffer *buffer, GstPad *pad G_GNUC_UNUSED, gpointer data)
{
  Side *side = data;
  GstMapInfo map;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_READ));
  g_mutex_lock (&side->lock);
  g_array_append_vals (side->heard, map.data, map.size / sizeof (gint16));
  g_mutex_unlock (&side->lock);
  gst_buffer_unmap (buffer, &map);
}

/* Reads all properties of an object, as an inspector would. */
static void
inspect (GObject *object)
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
    g_atomic_int_inc (&inspections);
  }
  g_free (specs);
}

static gboolean
inspect_field (GQuark name G_GNUC_UNUSED, const GValue *value, gpointer data G_GNUC_UNUSED)
{
  if (G_VALUE_HOLDS_OBJECT (value) && g_value_get_object (value))
    inspect (g_value_get_object (value));
  return TRUE;
}

/* Runs in the thread that posts the message, which must hold no lock that a property needs. */
static GstBusSyncReply
on_sync_message (GstBus *bus G_GNUC_UNUSED, GstMessage *message, gpointer data)
{
  Side *side = data;
  const GstStructure *structure = gst_message_get_structure (message);

  if (structure && g_str_has_prefix (gst_structure_get_name (structure), "farstream-")) {
    gst_structure_foreach (structure, inspect_field, NULL);
    inspect (G_OBJECT (side->conference));
    if (side->session)
      inspect (G_OBJECT (side->session));
    if (side->stream)
      inspect (G_OBJECT (side->stream));
  }
  return GST_BUS_PASS;
}

static void
on_notify (GObject *object, GParamSpec *spec G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
  inspect (object);
}

static GLogWriterOutput
count_criticals (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
  if (level & G_LOG_LEVEL_CRITICAL)
    criticals++;
  return g_log_writer_default (level, fields, n_fields, data);
}

/* Runs in a streaming thread of the conference: it says no, and nothing happens. */
static void
destroy_session (Side *side)
{
  GstPad *pad = NULL;
  guint before = criticals;

  fs_session_destroy (side->session);
  check (criticals == before + 1, "%s: destroying in a streaming thread is critical", side->name);
  g_object_get (side->session, "sink-pad", &pad, NULL);
  check (pad != NULL, "%s: and has no effect", side->name);
  gst_clear_object (&pad);
}

static void
on_src_pad (FsStream *stream, GstPad *pad, FsCodec *codec, gpointer data)
{
  Side *side = data;
  GstElement *convert = make ("audioconvert"), *resample = make ("audioresample"), *filter = make ("capsfilter");
  GstElement *sink = make ("fakesink");
  GstCaps *caps = gst_caps_new_simple ("audio/x-raw", "format", G_TYPE_STRING, "S16LE", "rate", G_TYPE_INT, RATE,
      "channels", G_TYPE_INT, 1, NULL);
  GstPad *convert_pad = gst_element_get_static_pad (convert, "sink");

  g_assert_true (stream == side->stream && codec->encoding_name);
  g_object_set (filter, "caps", caps, NULL);
  gst_caps_unref (caps);
  g_object_set (sink, "signal-handoffs", TRUE, "sync", FALSE, "async", FALSE, NULL);
  g_signal_connect (sink, "handoff", G_CALLBACK (on_sound), side);
  gst_bin_add_many (GST_BIN (side->pipeline), convert, resample, filter, sink, NULL);
  g_assert_true (gst_element_link_many (convert, resample, filter, sink, NULL));
  g_assert_true (gst_pad_link (pad, convert_pad) == GST_PAD_LINK_OK);
  gst_object_unref (convert_pad);
  gst_element_sync_state_with_parent (sink);
  gst_element_sync_state_with_parent (filter);
  gst_element_sync_state_with_parent (resample);
  gst_element_sync_state_with_parent (convert);
  g_atomic_int_inc (&side->pads);
  if (destroys)
    destroy_session (side);
}

/* May run more than once for one side: shm has a list for each component. */
static void
give_candidates (Side *side)
{
  GError *error = NULL;
  FsStream *stream = other (side)->stream;
  gboolean good = way.adds_candidates ? fs_stream_add_remote_candidates (stream, side->candidates, &error)
      : fs_stream_force_remote_candidates (stream, side->candidates, &error);

  demand (good, "the other side takes the candidates", side, error);
  g_clear_pointer (&side->candidates, fs_candidate_list_destroy);
}

static gboolean
on_message (GstBus *bus G_GNUC_UNUSED, GstMessage *message, gpointer data)
{
  Side *side = data;
  FsCandidate *candidate = NULL, *remote = NULL;
  FsCodec *codec = NULL;
  GList *codecs = NULL;
  FsError code;
  const gchar *text = NULL;
  GError *error = NULL;
  gchar *debug = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, &debug);
    check (FALSE, "%s: no error on the bus: %s (%s)", side->name, error->message, debug);
    exit (1);
  } else if (fs_stream_parse_new_local_candidate (side->stream, message, &candidate)) {
    side->candidates = g_list_append (side->candidates, fs_candidate_copy (candidate));
  } else if (fs_stream_parse_local_candidates_prepared (side->stream, message)) {
    side->prepared = TRUE;
    give_candidates (side);
  } else if (fs_stream_parse_new_active_candidate_pair (side->stream, message, &candidate, &remote)) {
    side->pairs += candidate->component_id && candidate->component_id == remote->component_id;
  } else if (fs_session_parse_send_codec_changed (side->session, message, &codec, &codecs)) {
    side->send_codec = codec && codec->encoding_name;
  } else if (fs_stream_parse_recv_codecs_changed (side->stream, message, &codecs)) {
    side->recv_codecs = g_list_length (codecs) == 1;
  } else if (fs_parse_error (G_OBJECT (side->session), message, &code, &text)
      || fs_parse_error (G_OBJECT (side->stream), message, &code, &text)) {
    check (FALSE, "%s: no farstream-error: %d %s", side->name, code, text);
    exit (1);
  }
  return TRUE;
}

/* Candidates on loopback only. */
static GList *
wanted_candidates (void)
{
  GList *wanted = NULL;

  for (guint component = way.prefers_components ? 1 : 0; component <= (way.prefers_components ? 2 : 0); component++)
    wanted = g_list_append (wanted, fs_candidate_new (NULL, component, FS_CANDIDATE_TYPE_HOST,
            FS_NETWORK_PROTOCOL_UDP, "127.0.0.1", 0));
  return wanted;
}

static void
add_flag (GParameter *parameter, const char *name, gboolean value)
{
  parameter->name = name;
  g_value_init (&parameter->value, G_TYPE_BOOLEAN);
  g_value_set_boolean (&parameter->value, value);
}

static gboolean
set_transmitter (Side *side, GError **error)
{
  GParameter parameters[5];
  guint count = 0;
  gboolean good;

  memset (parameters, 0, sizeof (parameters));
  if (way.prefers_components || way.prefers_address) {
    parameters[count].name = "preferred-local-candidates";
    g_value_init (&parameters[count].value, FS_TYPE_CANDIDATE_LIST);
    g_value_take_boxed (&parameters[count++].value, wanted_candidates ());
  }
  for (guint i = 0; i < G_N_ELEMENTS (way.flags) && way.flags[i]; i++)
    add_flag (&parameters[count++], way.flags[i], way.flag_values[i]);
  if (way.has_roles)
    add_flag (&parameters[count++], "controlling-mode", side == &sides[0]);
  good = fs_stream_set_transmitter (side->stream, way.name, parameters, count, error);
  for (guint i = 0; i < count; i++)
    g_value_unset (&parameters[i].value);
  return good;
}

/* Both sides are put on one group, chosen anew for each run so that two runs do not hear each other. */
static void
join_group (void)
{
  gchar *group = g_strdup_printf ("239.255.%d.%d", g_random_int_range (1, 255), g_random_int_range (1, 255));
  guint16 port = g_random_int_range (10000, 30000) * 2;

  for (int i = 0; i < 2; i++) {
    for (guint component = 1; component <= 2; component++) {
      FsCandidate *candidate = fs_candidate_new (NULL, component, FS_CANDIDATE_TYPE_MULTICAST,
          FS_NETWORK_PROTOCOL_UDP, group, port + component - 1);

      candidate->ttl = 1;
      sides[i].candidates = g_list_append (sides[i].candidates, candidate);
    }
    give_candidates (&sides[i]);
  }
  g_free (group);
}

static void
set_up (Side *side)
{
  GError *error = NULL;
  GstElement *source = make ("audiotestsrc");
  GstPad *source_pad = gst_element_get_static_pad (source, "src"), *sink_pad = NULL;
  GstBus *bus;
  GList *preferences = g_list_append (NULL, fs_codec_new (FS_CODEC_ID_ANY, "PCMA", FS_MEDIA_TYPE_AUDIO, 8000));

  g_mutex_init (&side->lock);
  side->heard = g_array_new (FALSE, FALSE, sizeof (gint16));
  side->pipeline = gst_pipeline_new (side->name);
  side->conference = FS_CONFERENCE (make ("fsrtpconference"));
  gst_bin_add_many (GST_BIN (side->pipeline), GST_ELEMENT (side->conference), source, NULL);
  bus = gst_element_get_bus (side->pipeline);
  gst_bus_add_watch (bus, on_message, side);
  if (inspects)
    gst_bus_set_sync_handler (bus, on_sync_message, side, NULL);
  gst_object_unref (bus);

  side->session = fs_conference_new_session (side->conference, FS_MEDIA_TYPE_AUDIO, &error);
  demand (side->session != NULL, "new_session", side, error);
  demand (fs_session_set_codec_preferences (side->session, preferences, &error), "set_codec_preferences", side, error);
  fs_codec_list_destroy (preferences);
  side->participant = fs_conference_new_participant (side->conference, &error);
  demand (side->participant != NULL, "new_participant", side, error);
  FS_PARTICIPANT_DATA_LOCK (side->participant);
  FS_PARTICIPANT_DATA_UNLOCK (side->participant);
  side->stream = fs_session_new_stream (side->session, side->participant,
      (side->send_tone ? FS_DIRECTION_SEND : 0) | (side->hear_tone ? FS_DIRECTION_RECV : 0), &error);
  demand (side->stream != NULL, "new_stream", side, error);
  g_signal_connect (side->stream, "src-pad-added", G_CALLBACK (on_src_pad), side);
  if (inspects) {
    g_signal_connect (side->session, "notify", G_CALLBACK (on_notify), NULL);
    g_signal_connect (side->stream, "notify", G_CALLBACK (on_notify), NULL);
  }

  g_object_set (source, "is-live", TRUE, "freq", (double) side->send_tone, "samplesperbuffer", RATE / 50, NULL);
  g_object_get (side->session, "sink-pad", &sink_pad, NULL);
  demand (gst_pad_link (source_pad, sink_pad) == GST_PAD_LINK_OK, "the source links to the sink pad", side, NULL);
  gst_object_unref (sink_pad);
  gst_object_unref (source_pad);
}

static void
negotiate (Side *from, Side *to)
{
  GError *error = NULL;
  GList *codecs = NULL;
  FsCodec *first;
  gboolean good;

  g_object_get (from->session, "codecs", &codecs, NULL);
  demand (codecs != NULL, "has codecs", from, NULL);
  first = codecs->data;
  check (g_ascii_strcasecmp (first->encoding_name, "PCMA") == 0 && first->id == 8 && first->clock_rate == 8000,
      "%s: the preferred codec is first (%d %s/%u)", from->name, first->id, first->encoding_name, first->clock_rate);
  good = fs_stream_set_remote_codecs (to->stream, codecs, &error);
  fs_codec_list_destroy (codecs);
  demand (good, "set_remote_codecs", to, error);
}

static gboolean
is_done (gpointer data G_GNUC_UNUSED)
{
  gboolean done = TRUE;

  for (int i = 0; i < 2; i++) {
    g_mutex_lock (&sides[i].lock);
    done = done && (!sides[i].hear_tone || sides[i].heard->len >= SKIPPED + MEASURED);
    g_mutex_unlock (&sides[i].lock);
  }
  if (done)
    g_main_loop_quit (loop);
  return !done;
}

static gboolean
is_late (gpointer data G_GNUC_UNUSED)
{
  for (int i = 0; i < 2; i++)
    check (FALSE, "%s: hears within %d s (candidates prepared %d, send codec %d, pads %u, samples %u)", sides[i].name,
        LIMIT_SECONDS, sides[i].prepared, sides[i].send_codec, sides[i].pads, sides[i].heard->len);
  exit (1);
}

static void
judge (Side *side)
{
  double share, own;

  check (side->pairs >= way.pairs, "%s: was told %u active candidate pairs", side->name, side->pairs);
  check (!side->send_tone || side->send_codec, "%s: was told the send codec", side->name);
  if (!side->hear_tone)
    return;

  g_mutex_lock (&side->lock);
  share = tone_share ((gint16 *) side->heard->data + SKIPPED, MEASURED, side->hear_tone, RATE);
  own = tone_share ((gint16 *) side->heard->data + SKIPPED, MEASURED, side->send_tone, RATE);
  g_mutex_unlock (&side->lock);
  check (share > 0.9 && own < 0.01, "%s: hears %d Hz (%.4f of the energy) and not its own %d Hz (%.4f)", side->name,
      side->hear_tone, share, side->send_tone, own);
  check (side->recv_codecs, "%s: was told the receive codec", side->name);
  /* Who hears itself takes another SSRC, which is another pad for the other side. */
  check (side->pads == 1 || (way.is_multicast && side->pads > 1), "%s: got %u source pads", side->name, side->pads);
}

static void
tear_down (Side *side)
{
  GstBus *bus = gst_element_get_bus (side->pipeline);
  GObject *session = G_OBJECT (side->session), *stream = G_OBJECT (side->stream);

  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
  gst_element_set_state (side->pipeline, GST_STATE_NULL);
  fs_stream_destroy (side->stream);
  fs_session_destroy (side->session);
  g_object_add_weak_pointer (session, (gpointer *) & session);
  g_object_add_weak_pointer (stream, (gpointer *) & stream);
  g_object_unref (side->stream);
  g_object_unref (side->participant);
  g_object_unref (side->session);
  gst_object_unref (side->pipeline);
  check (!session && !stream, "%s: session and stream are gone when let go", side->name);
  fs_candidate_list_destroy (side->candidates);
  g_array_unref (side->heard);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  if (argc > 1)
    way = (Way) {.name = argv[1],.pairs = 2 };
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    if (g_str_equal (ways[i].name, way.name))
      way = ways[i];
  inspects = argc > 2 && g_str_equal (argv[2], "inspect");
  destroys = argc > 2 && g_str_equal (argv[2], "destroy");
  if (destroys) {
    g_log_set_always_fatal (G_LOG_FATAL_MASK);
    g_log_set_writer_func (count_criticals, NULL, NULL);
  }
  if (way.is_multicast)
    sides[0].hear_tone = sides[1].send_tone = 0;
  loop = g_main_loop_new (NULL, FALSE);
  for (int i = 0; i < 2; i++)
    set_up (&sides[i]);
  for (int i = 0; i < 2; i++) {
    GError *error = NULL;
    demand (set_transmitter (&sides[i], &error), "set_transmitter", &sides[i], error);
  }
  negotiate (&sides[0], &sides[1]);
  negotiate (&sides[1], &sides[0]);
  if (way.is_multicast)
    join_group ();
  check_loaded ("fsrtpconference");
  for (int i = 0; i < 2; i++)
    demand (gst_element_set_state (sides[i].pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE, "plays",
        &sides[i], NULL);

  g_timeout_add (50, is_done, NULL);
  g_timeout_add_seconds (LIMIT_SECONDS, is_late, NULL);
  g_main_loop_run (loop);
  for (int i = 0; i < 2; i++)
    judge (&sides[i]);
  for (int i = 0; i < 2; i++)
    tear_down (&sides[i]);
  if (inspects)
    check (inspections > 100, "properties were read %d times within messages and notifications", inspections);
  g_main_loop_unref (loop);
  return failures ? 1 : 0;
}
