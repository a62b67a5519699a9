/* SPDX-License-Identifier: MPL-2.0 */

/* The twin run: a table of calls, one row a call with its arguments. The program runs each row in a process of its own and
 * prints "CALLABLE ROW: what came out". The table must come out the same on Debian's Farstream and on ours, but for the rows
 * of differences.txt. */

#ifndef TESTS_TWIN_TWIN_H
#define TESTS_TWIN_TWIN_H

#include <farstream/fs-conference.h>
#include <farstream/fs-element-added-notifier.h>
#include <farstream/fs-plugin.h>
#include <farstream/fs-rtp.h>
#include <farstream/fs-transmitter.h>
#include <farstream/fs-utils.h>

typedef struct
{
  const char *callable;
  const char *name;
  void (*run) (GString *out);
} Row;

/* Adds a row to the table, which the linker puts together. The body says what it sees to `out`. */
#define ROW(callable, name) \
  static void callable##__##name (GString *out); \
  static const Row callable##__##name##_row = { #callable, #name, callable##__##name }; \
  static const Row *const callable##__##name##_entry \
      __attribute__ ((used, section ("twin_rows"))) = &callable##__##name##_row; \
  static void callable##__##name (GString *out G_GNUC_UNUSED)

/* What is said: words, separated by blanks. */
void say (GString *out, const char *format, ...) G_GNUC_PRINTF (2, 3);
void say_bool (GString *out, gboolean answer);
void say_text (GString *out, const char *text);
/* The error, if any, as "error=CODE", and clears it. */
void say_error (GString *out, GError **error);
/* A truth value and the error that belongs to it. */
void say_result (GString *out, gboolean answer, GError **error);
/* The name of the object's class or NULL, and the error that belongs to it. */
void say_made (GString *out, gpointer object, GError **error);
void say_codec (GString *out, const FsCodec *codec);
void say_codecs (GString *out, const GList *codecs);
void say_candidate (GString *out, const FsCandidate *candidate);
void say_extensions (GString *out, const GList *extensions);
/* Whether the name is in the list, and frees the list. */
void say_listed (GString *out, gchar **names, const char *name);

/* Lists that are freed with fs_codec_list_destroy and fs_candidate_list_destroy. */
FsCodec *pcma (void);
FsCodec *named_codec (int id, const char *name, FsMediaType media_type, guint clock_rate);
GList *one (gpointer item);

/* What a method of fakes.c answers. */
typedef enum { ANSWER_GOOD, ANSWER_ERROR, ANSWER_NOTHING } Answer;

extern Answer fake_answer;
/* The calls the methods of fakes.c have seen. */
extern GString *fake_calls;

/* Classes with every method, and classes with none. */
GType fake_conference_get_type (void);
GType fake_session_get_type (void);
GType fake_stream_get_type (void);
GType fake_participant_get_type (void);
GType fake_transmitter_get_type (void);
GType fake_stream_transmitter_get_type (void);
GType bare_conference_get_type (void);
GType bare_session_get_type (void);
GType bare_transmitter_get_type (void);
GType bare_stream_transmitter_get_type (void);

/* A conference in a pipeline with a session, a participant and a stream; what could not be made is NULL. */
typedef struct
{
  GstElement *pipeline;
  FsConference *conference;
  FsSession *session;
  FsParticipant *participant;
  FsStream *stream;
} Call;

/* With the classes of fakes.c; a bare one has no methods but the conference's. */
Call *fake_call (void);
Call *bare_call (void);
/* With the element fsrtpconference. */
Call *rtp_call (FsMediaType media_type);
void call_free (Call *call);

#endif
