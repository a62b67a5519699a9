/* SPDX-License-Identifier: MPL-2.0 */

/* One end of an audio call, as far as it does not depend on how packets travel: pipeline, conference, session, stream, sound
 * in and out, and what the bus tells. simple-call.c and simple-call-shm.c add a transmitter each. */

#ifndef EXAMPLES_C_AUDIO_CALL_H
#define EXAMPLES_C_AUDIO_CALL_H

#include <farstream/fs-conference.h>

typedef struct
{
  GMainLoop *loop;
  GstElement *pipeline;
  FsConference *conference;
  FsSession *session;
  FsParticipant *participant;
  FsStream *stream;
  GList *sink_pads;             /* where the sound of the other goes; filled on a streaming thread */
  gboolean failed;

  /* Options of the command line. */
  gchar *source, *sink;
  gboolean device;
  gint seconds;
} AudioCall;

/* Adds the options that every call has. */
void audio_call_add_options (AudioCall *call, GOptionContext *context);

/* Reads the command line, which has `n_words` words besides options. Ends the program after --help or a mistake. */
void audio_call_parse (GOptionContext *context, int *argc, char ***argv, int n_words);

/* Builds everything up to the stream, which lacks a transmitter. */
gboolean audio_call_set_up (AudioCall *call, GError **error);

/* Plays until the time is over, Ctrl-C, or an error; then takes everything down. The exit status of the program. */
int audio_call_run (AudioCall *call);

/* Says what went wrong and ends the call. Frees the error. */
void audio_call_fail (AudioCall *call, const gchar *what, GError *error);

#endif
