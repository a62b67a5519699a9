/* SPDX-License-Identifier: MPL-2.0 */

/* An audio call between two processes of one host through shared memory (transmitter "shm"). Each end listens on a UNIX socket
 * through which it hands over what it sends, and connects to the socket of the other. Two terminals:
 *
 *     simple-call-shm /tmp/alice /tmp/bob
 *     simple-call-shm /tmp/bob /tmp/alice --source="audiotestsrc is-live=true freq=660"
 *
 * The names are those of the sockets for RTP; the ones for RTCP have ".rtcp" behind them. */

#include <stdlib.h>

#include <glib/gstdio.h>

#include "audio-call.h"

#define POLL_MS 100

typedef struct
{
  AudioCall call;
  const gchar *own, *other;
} ShmCall;

static gchar *
socket_name (const gchar *name, guint component)
{
  return g_strconcat (name, component == FS_COMPONENT_RTCP ? ".rtcp" : NULL, NULL);
}

/* In candidates of this transmitter, `ip` is the socket of the sender, and `username` the one to receive from. */
static gboolean
set_transmitter (ShmCall *self, GError **error)
{
  GParameter parameters[1] = { {"preferred-local-candidates", G_VALUE_INIT} };
  GList *candidates = NULL;
  gboolean good;

  for (guint component = FS_COMPONENT_RTP; component <= FS_COMPONENT_RTCP; component++) {
    gchar *name = socket_name (self->own, component);

    candidates = g_list_append (candidates, fs_candidate_new (NULL, component, FS_CANDIDATE_TYPE_HOST,
            FS_NETWORK_PROTOCOL_UDP, name, 0));
    g_free (name);
  }
  g_value_init (&parameters[0].value, FS_TYPE_CANDIDATE_LIST);
  g_value_take_boxed (&parameters[0].value, candidates);
  good = fs_stream_set_transmitter (self->call.stream, "shm", parameters, G_N_ELEMENTS (parameters), error);
  g_value_unset (&parameters[0].value);
  return good;
}

static gboolean
is_there (const gchar *name, guint component)
{
  gchar *socket = socket_name (name, component);
  gboolean there = g_file_test (socket, G_FILE_TEST_EXISTS);

  g_free (socket);
  return there;
}

/* Waits for both sockets of the other end, then connects to them. */
static gboolean
connect_when_there (gpointer data)
{
  ShmCall *self = data;
  GList *candidates = NULL;
  GError *error = NULL;

  if (!is_there (self->other, FS_COMPONENT_RTP) || !is_there (self->other, FS_COMPONENT_RTCP))
    return G_SOURCE_CONTINUE;
  for (guint component = FS_COMPONENT_RTP; component <= FS_COMPONENT_RTCP; component++) {
    FsCandidate *candidate = fs_candidate_new (NULL, component, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, NULL, 0);

    candidate->username = socket_name (self->other, component);
    candidates = g_list_append (candidates, candidate);
  }
  if (!fs_stream_force_remote_candidates (self->call.stream, candidates, &error))
    audio_call_fail (&self->call, "the other end cannot be reached", error);
  fs_candidate_list_destroy (candidates);
  return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
  ShmCall self = { {NULL}, NULL, NULL };
  GOptionContext *context = g_option_context_new ("OWN-SOCKET OTHER-SOCKET - an audio call through shared memory");
  GError *error = NULL;

  g_option_context_set_description (context, "Both are paths. On one host:\n\n"
      "  simple-call-shm /tmp/alice /tmp/bob\n"
      "  simple-call-shm /tmp/bob /tmp/alice --source=\"audiotestsrc is-live=true freq=660\"\n");
  audio_call_add_options (&self.call, context);
  audio_call_parse (context, &argc, &argv, 2);
  self.own = argv[1];
  self.other = argv[2];

  if (!audio_call_set_up (&self.call, &error) || !set_transmitter (&self, &error))
    audio_call_fail (&self.call, "the call cannot begin", error);
  else
    g_timeout_add (POLL_MS, connect_when_there, &self);
  return audio_call_run (&self.call);
}
