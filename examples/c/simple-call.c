/* SPDX-License-Identifier: MPL-2.0 */

/* An audio call to another host, or to another process on this one, by plain RTP over UDP (transmitter "rawudp"). There is
 * no signalling: each end is told the address of the other. Two terminals:
 *
 *     simple-call --port=5000 127.0.0.1 5010
 *     simple-call --port=5010 127.0.0.1 5000 --source="audiotestsrc is-live=true freq=660"
 *
 * RTP uses the port, RTCP the next one. */

#include <stdlib.h>

#include "audio-call.h"

#define DEFAULT_PORT 7078

static void
add_flag (GParameter *parameter, const gchar *name, gboolean value)
{
  parameter->name = name;
  g_value_init (&parameter->value, G_TYPE_BOOLEAN);
  g_value_set_boolean (&parameter->value, value);
}

/* A candidate for RTP and one for RTCP. */
static GList *
two_candidates (const gchar *ip, guint port)
{
  GList *candidates = NULL;

  for (guint component = FS_COMPONENT_RTP; component <= FS_COMPONENT_RTCP; component++)
    candidates = g_list_append (candidates, fs_candidate_new (NULL, component, FS_CANDIDATE_TYPE_HOST,
            FS_NETWORK_PROTOCOL_UDP, ip, port + component - FS_COMPONENT_RTP));
  return candidates;
}

/* Our ports, on one address if `ip` is given; no router is asked to forward them. */
static gboolean
set_transmitter (AudioCall *call, const gchar *ip, guint port, GError **error)
{
  GParameter parameters[3] = { {"preferred-local-candidates", G_VALUE_INIT} };
  gboolean good;

  g_value_init (&parameters[0].value, FS_TYPE_CANDIDATE_LIST);
  g_value_take_boxed (&parameters[0].value, two_candidates (ip, port));
  add_flag (&parameters[1], "upnp-mapping", FALSE);
  add_flag (&parameters[2], "upnp-discovery", FALSE);
  good = fs_stream_set_transmitter (call->stream, "rawudp", parameters, G_N_ELEMENTS (parameters), error);
  for (guint i = 0; i < G_N_ELEMENTS (parameters); i++)
    g_value_unset (&parameters[i].value);
  return good;
}

static gboolean
send_to (AudioCall *call, const gchar *ip, guint port, GError **error)
{
  GList *candidates = two_candidates (ip, port);
  gboolean good = fs_stream_force_remote_candidates (call->stream, candidates, error);

  fs_candidate_list_destroy (candidates);
  return good;
}

int
main (int argc, char **argv)
{
  AudioCall call = { NULL };
  gint port = DEFAULT_PORT;
  gchar *address = NULL;
  const GOptionEntry entries[] = {
    {"port", 0, 0, G_OPTION_ARG_INT, &port, "Our port for RTP; RTCP uses the next one (default: 7078)", "PORT"},
    {"address", 0, 0, G_OPTION_ARG_STRING, &address, "Our address (default: all there are)", "ADDRESS"},
    {NULL, 0, 0, 0, NULL, NULL, NULL}
  };
  GOptionContext *context = g_option_context_new ("ADDRESS PORT - an audio call over UDP");
  GError *error = NULL;
  gint64 remote_port;

  g_option_context_set_description (context, "ADDRESS and PORT are those of the other end. On one host:\n\n"
      "  simple-call --port=5000 127.0.0.1 5010\n"
      "  simple-call --port=5010 127.0.0.1 5000 --source=\"audiotestsrc is-live=true freq=660\"\n");
  g_option_context_add_main_entries (context, entries, NULL);
  audio_call_add_options (&call, context);
  audio_call_parse (context, &argc, &argv, 2);
  remote_port = g_ascii_strtoll (argv[2], NULL, 10);
  if (port < 1 || port > 65534 || remote_port < 1 || remote_port > 65534) {
    g_printerr ("ports are numbers from 1 to 65534, for there is one more for RTCP\n");
    return 2;
  }

  if (!audio_call_set_up (&call, &error) || !set_transmitter (&call, address, port, &error)
      || !send_to (&call, argv[1], remote_port, &error))
    audio_call_fail (&call, "the call cannot begin", error);
  g_free (address);
  return audio_call_run (&call);
}
