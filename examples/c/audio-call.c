/* SPDX-License-Identifier: MPL-2.0 */

/* See audio-call.h. Everything but the transmitter: read from audio_call_set_up() on. */

#include "audio-call.h"

#include <stdlib.h>

#include <glib-unix.h>

#define DEFAULT_SOURCE "audiotestsrc is-live=true freq=440"
#define DEVICE_SOURCE "autoaudiosrc"
#define DEFAULT_SINK "autoaudiosink"

void
audio_call_add_options (AudioCall *call, GOptionContext *context)
{
  const GOptionEntry entries[] = {
    {"source", 0, 0, G_OPTION_ARG_STRING, &call->source,
        "What to send, written as for gst-launch-1.0 (default: " DEFAULT_SOURCE ")", "ELEMENTS"},
    {"device", 0, 0, G_OPTION_ARG_NONE, &call->device, "Send what the microphone hears (" DEVICE_SOURCE ")", NULL},
    {"sink", 0, 0, G_OPTION_ARG_STRING, &call->sink,
        "Where the other's sound goes (default: " DEFAULT_SINK "), such as \"wavenc ! filesink location=heard.wav\"",
        "ELEMENTS"},
    {"seconds", 0, 0, G_OPTION_ARG_INT, &call->seconds, "End the call after that time (default: with Ctrl-C)", "N"},
    {NULL, 0, 0, 0, NULL, NULL, NULL}
  };

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gst_init_get_option_group ());
}

void
audio_call_parse (GOptionContext *context, int *argc, char ***argv, int n_words)
{
  GError *error = NULL;

  if (!g_option_context_parse (context, argc, argv, &error) || *argc != n_words + 1) {
    gchar *help = g_option_context_get_help (context, TRUE, NULL);

    g_printerr ("%s%s%s", error ? error->message : "", error ? "\n\n" : "", help);
    exit (2);
  }
  g_option_context_free (context);
}

void
audio_call_fail (AudioCall *call, const gchar *what, GError *error)
{
  g_printerr ("%s: %s\n", what, error ? error->message : "no reason was given");
  g_clear_error (&error);
  call->failed = TRUE;
  if (call->loop)
    g_main_loop_quit (call->loop);
}

static gboolean
on_end (gpointer data)
{
  AudioCall *call = data;

  g_main_loop_quit (call->loop);
  return G_SOURCE_CONTINUE;
}

static void
print_candidate (const gchar *what, const FsCandidate *candidate)
{
  g_print ("component %u %s %s", candidate->component_id, what, candidate->ip);
  if (candidate->port)
    g_print (" port %u", candidate->port);
  g_print ("\n");
}

/* The conference tells on the bus what Farstream tells. Runs in the main loop. */
static gboolean
on_message (GstBus *bus G_GNUC_UNUSED, GstMessage *message, gpointer data)
{
  AudioCall *call = data;
  FsCandidate *candidate = NULL, *remote = NULL;
  FsCodec *codec = NULL;
  FsStreamState state;
  guint component;
  FsError code;
  const gchar *text = NULL;
  GError *error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    audio_call_fail (call, GST_MESSAGE_SRC_NAME (message), error);
  } else if (fs_stream_parse_component_state_changed (call->stream, message, &component, &state)) {
    if (state == FS_STREAM_STATE_FAILED) {
      g_print ("component %u: the other end is gone\n", component);
      g_main_loop_quit (call->loop);
    }
  } else if (fs_parse_error (G_OBJECT (call->session), message, &code, &text)
      || fs_parse_error (G_OBJECT (call->stream), message, &code, &text)) {
    audio_call_fail (call, "the call", g_error_new_literal (FS_ERROR, code, text));
  } else if (fs_stream_parse_new_local_candidate (call->stream, message, &candidate)) {
    print_candidate ("is reached at", candidate);
  } else if (fs_stream_parse_new_active_candidate_pair (call->stream, message, &candidate, &remote)) {
    print_candidate ("goes to", remote);
  } else if (fs_session_parse_send_codec_changed (call->session, message, &codec, NULL)) {
    gchar *described = fs_codec_to_string (codec);

    g_print ("sending %s\n", described);
    g_free (described);
  }
  return G_SOURCE_CONTINUE;
}

/* The sound of the other: a pad that appears with the first packet. Runs on a streaming thread, where linking and starting
 * elements is allowed. */
static void
on_src_pad_added (FsStream *stream G_GNUC_UNUSED, GstPad *pad, FsCodec *codec, gpointer data)
{
  AudioCall *call = data;
  gchar *text = g_strdup_printf ("audioconvert ! audioresample ! audioconvert ! %s", call->sink);
  GError *error = NULL;
  GstElement *sink = gst_parse_bin_from_description (text, TRUE, &error);
  GstPad *sink_pad;

  g_free (text);
  if (!sink) {
    GST_ELEMENT_ERROR (call->pipeline, LIBRARY, SETTINGS, ("the sink: %s", error->message), (NULL));
    g_clear_error (&error);
    return;
  }
  gst_bin_add (GST_BIN (call->pipeline), sink);
  sink_pad = gst_element_get_static_pad (sink, "sink");
  gst_element_sync_state_with_parent (sink);
  if (gst_pad_link (pad, sink_pad) == GST_PAD_LINK_OK)
    g_print ("hearing %s\n", codec->encoding_name);
  else
    GST_ELEMENT_ERROR (call->pipeline, CORE, PAD, ("the sink takes no sound"), (NULL));
  call->sink_pads = g_list_prepend (call->sink_pads, sink_pad);
}

static gboolean
link_source (AudioCall *call, GError **error)
{
  const gchar *text = call->source ? call->source : call->device ? DEVICE_SOURCE : DEFAULT_SOURCE;
  GstElement *source = gst_parse_bin_from_description (text, TRUE, error);
  GstPad *source_pad, *sink_pad = NULL;
  gboolean linked;

  if (!source)
    return FALSE;
  gst_bin_add (GST_BIN (call->pipeline), source);
  source_pad = gst_element_get_static_pad (source, "src");
  g_object_get (call->session, "sink-pad", &sink_pad, NULL);
  linked = source_pad && gst_pad_link (source_pad, sink_pad) == GST_PAD_LINK_OK;
  if (!linked)
    g_set_error (error, FS_ERROR, FS_ERROR_CONSTRUCTION, "the source \"%s\" gives no sound", text);
  gst_clear_object (&source_pad);
  gst_object_unref (sink_pad);
  return linked;
}

/* There is no signalling here, so both ends know beforehand what is spoken: PCMA, whose payload type is 8 for everybody. */
static gboolean
agree_on_codec (AudioCall *call, GError **error)
{
  GList *codecs = g_list_append (NULL, fs_codec_new (8, "PCMA", FS_MEDIA_TYPE_AUDIO, 8000));
  gboolean good = fs_session_set_codec_preferences (call->session, codecs, error)
      && fs_stream_set_remote_codecs (call->stream, codecs, error);

  fs_codec_list_destroy (codecs);
  return good;
}

gboolean
audio_call_set_up (AudioCall *call, GError **error)
{
  GstElement *conference = gst_element_factory_make ("fsrtpconference", NULL);
  GstBus *bus;

  if (!conference) {
    g_set_error (error, FS_ERROR, FS_ERROR_CONSTRUCTION, "there is no element fsrtpconference: is its plugin installed?");
    return FALSE;
  }
  if (!call->sink)
    call->sink = g_strdup (DEFAULT_SINK);
  call->loop = g_main_loop_new (NULL, FALSE);
  call->pipeline = gst_pipeline_new (NULL);
  call->conference = FS_CONFERENCE (conference);
  gst_bin_add (GST_BIN (call->pipeline), conference);
  bus = gst_element_get_bus (call->pipeline);
  gst_bus_add_watch (bus, on_message, call);
  gst_object_unref (bus);

  call->session = fs_conference_new_session (call->conference, FS_MEDIA_TYPE_AUDIO, error);
  if (!call->session)
    return FALSE;
  call->participant = fs_conference_new_participant (call->conference, error);
  if (!call->participant)
    return FALSE;
  call->stream = fs_session_new_stream (call->session, call->participant, FS_DIRECTION_BOTH, error);
  if (!call->stream)
    return FALSE;
  g_signal_connect (call->stream, "src-pad-added", G_CALLBACK (on_src_pad_added), call);
  return link_source (call, error) && agree_on_codec (call, error);
}

static void
tear_down (AudioCall *call)
{
  if (call->pipeline) {
    GstBus *bus = gst_element_get_bus (call->pipeline);

    /* Whoever writes a file completes it. */
    for (GList *item = call->sink_pads; item; item = item->next)
      gst_pad_send_event (item->data, gst_event_new_eos ());
    gst_bus_remove_watch (bus);
    gst_object_unref (bus);
    gst_element_set_state (call->pipeline, GST_STATE_NULL);
    g_list_free_full (call->sink_pads, gst_object_unref);
  }
  /* Destroying ends what they do; the references are still ours. */
  if (call->stream)
    fs_stream_destroy (call->stream);
  if (call->session)
    fs_session_destroy (call->session);
  g_clear_object (&call->stream);
  g_clear_object (&call->participant);
  g_clear_object (&call->session);
  gst_clear_object (&call->pipeline);
  g_clear_pointer (&call->loop, g_main_loop_unref);
  g_clear_pointer (&call->source, g_free);
  g_clear_pointer (&call->sink, g_free);
}

int
audio_call_run (AudioCall *call)
{
  if (!call->failed && gst_element_set_state (call->pipeline, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
    audio_call_fail (call, "the pipeline does not start", NULL);
  if (!call->failed) {
    g_unix_signal_add (SIGINT, on_end, call);
    if (call->seconds > 0)
      g_timeout_add_seconds (call->seconds, on_end, call);
    g_main_loop_run (call->loop);
  }
  tear_down (call);
  return call->failed ? 1 : 0;
}
