/* SPDX-License-Identifier: MPL-2.0 */

/* What the library has beyond Farstream 0.2.9 (symbols-added.txt), compiled against our own headers: parameters in a table,
 * construction errors, header extensions, the wish for an offer. A plugin file is written with FS_INIT_PLUGIN() too, both ways it can be. */

#include <farstream/fs-conference.h>
#include <farstream/fs-plugin.h>
#include <farstream/fs-rtp.h>
#include <farstream/fs-transmitter.h>

#include "loaded.h"

/* A transmitter that cannot be made, from a plugin that is linked in. */
typedef FsTransmitter RefusingTransmitter;
typedef FsTransmitterClass RefusingTransmitterClass;
G_DEFINE_TYPE (RefusingTransmitter, refusing_transmitter, FS_TYPE_TRANSMITTER)

static void
refusing_transmitter_constructed (GObject *object)
{
  GError *error = g_error_new_literal (FS_ERROR, FS_ERROR_INTERNAL, "too early");

  fs_transmitter_set_construction_error (FS_TRANSMITTER (object), error);
  g_error_free (error);
  error = g_error_new_literal (FS_ERROR, FS_ERROR_NETWORK, "no such wire");
  fs_transmitter_set_construction_error (FS_TRANSMITTER (object), error);
  g_error_free (error);
}

static void
refusing_transmitter_class_init (RefusingTransmitterClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = refusing_transmitter_constructed;
}

static void
refusing_transmitter_init (G_GNUC_UNUSED RefusingTransmitter *self)
{
}

static GType
fs_refusing_transmitter_register_type (G_GNUC_UNUSED FsPlugin *plugin)
{
  return refusing_transmitter_get_type ();
}

void fs_init_plugin (FsPlugin *plugin);
FS_INIT_PLUGIN (refusing, transmitter)

static void
construction_error_test (void)
{
  FsPlugin plugin = { 0 };
  GError *error = NULL;
  gboolean refused;

  fs_init_plugin (&plugin);
  check (plugin.type == refusing_transmitter_get_type (), "FS_INIT_PLUGIN() gives the type");
  fs_plugin_register_static ("refusing", "transmitter", plugin.type);
  refused = !fs_transmitter_new ("refusing", 2, 0, &error) && g_error_matches (error, FS_ERROR, FS_ERROR_NETWORK);
  check (refused && g_str_equal (error->message, "no such wire"), "the last construction error comes back: %s", error->message);
  g_clear_error (&error);
}

static void
free_value (gpointer value)
{
  g_value_unset (value);
  g_free (value);
}

static void
put (GHashTable *table, const char *name, GType type, gboolean content)
{
  GValue *value = g_new0 (GValue, 1);

  g_value_init (value, type);
  if (type == G_TYPE_BOOLEAN)
    g_value_set_boolean (value, content);
  else
    g_value_set_int (value, content);
  g_hash_table_insert (table, (gpointer) name, value);
}

static void
table_test (void)
{
  FsTransmitter *transmitter = fs_transmitter_new ("rawudp", 2, 0, NULL);
  GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_value);
  FsStreamTransmitter *made;
  GError *error = NULL;
  gboolean discovery = TRUE;

  put (table, "upnp-mapping", G_TYPE_BOOLEAN, FALSE);
  put (table, "upnp-discovery", G_TYPE_INT, FALSE);
  made = fs_transmitter_new_stream_transmitter_ht (transmitter, NULL, table, &error);
  check (made && !error, "a stream transmitter is made from a table");
  g_object_get (made, "upnp-discovery", &discovery, NULL);
  check (!discovery, "and its values are converted to the type of the property");
  fs_stream_transmitter_stop (made);
  g_object_unref (made);

  made = fs_transmitter_new_stream_transmitter_ht (transmitter, NULL, NULL, &error);
  check (made && !error, "and from none");
  fs_stream_transmitter_stop (made);
  g_object_unref (made);

  put (table, "colour", G_TYPE_INT, 1);
  made = fs_transmitter_new_stream_transmitter_ht (transmitter, NULL, table, &error);
  check (!made && g_error_matches (error, FS_ERROR, FS_ERROR_INVALID_ARGUMENTS), "an unknown name is refused: %s", error->message);
  g_clear_error (&error);
  g_hash_table_unref (table);
  g_object_unref (transmitter);
}

static void
header_extension_test (void)
{
  GstElement *conference = gst_object_ref_sink (gst_element_factory_make ("fsrtpconference", NULL));
  FsSession *session = fs_conference_new_session (FS_CONFERENCE (conference), FS_MEDIA_TYPE_AUDIO, NULL);
  FsParticipant *participant = fs_conference_new_participant (FS_CONFERENCE (conference), NULL);
  FsStream *stream = fs_session_new_stream (session, participant, FS_DIRECTION_BOTH, NULL);
  GList *wanted = g_list_append (NULL, fs_rtp_header_extension_new (4096, FS_DIRECTION_BOTH, "urn:x:one"));
  GError *error = NULL;
  GList *found;

  check (!fs_session_get_rtp_header_extensions (session) && !fs_stream_get_rtp_header_extensions (stream),
      "there are no header extensions at first");
  check (fs_session_set_rtp_header_extension_preferences (session, wanted, &error) && !error, "some can be wanted");
  found = fs_session_get_rtp_header_extensions (session);
  check (g_list_length (found) == 1 && ((FsRtpHeaderExtension *) found->data)->id == 1, "and are offered");
  fs_rtp_header_extension_list_destroy (found);
  check (fs_stream_set_rtp_header_extensions (stream, wanted, &error) && !error, "the peer can have some");
  found = fs_stream_get_rtp_header_extensions (stream);
  check (g_list_length (found) == 1 && fs_rtp_header_extension_are_equal (found->data, wanted->data), "which can be read");
  fs_rtp_header_extension_list_destroy (found);
  check (fs_session_set_rtp_header_extension_preferences (session, NULL, &error)
      && fs_stream_set_rtp_header_extensions (stream, NULL, NULL) && !fs_stream_get_rtp_header_extensions (stream),
      "no list is none");
  fs_rtp_header_extension_list_destroy (wanted);
  fs_stream_destroy (stream);
  g_object_unref (stream);
  g_object_unref (participant);
  fs_session_destroy (session);
  g_object_unref (session);
  gst_object_unref (conference);
}

static GstMessage *
wish_of (FsStream *stream, GType type, gpointer candidates)
{
  GstStructure *fields = gst_structure_new ("farstream-negotiation-needed", "stream", FS_TYPE_STREAM, stream, NULL);
  GValue value = G_VALUE_INIT;

  g_value_init (&value, type);
  g_value_set_boxed (&value, candidates);
  gst_structure_take_value (fields, "candidates", &value);
  return gst_message_new_element (NULL, fields);
}

static void
negotiation_needed_test (void)
{
  GstElement *conference = gst_object_ref_sink (gst_element_factory_make ("fsrtpconference", NULL));
  FsSession *session = fs_conference_new_session (FS_CONFERENCE (conference), FS_MEDIA_TYPE_AUDIO, NULL);
  FsParticipant *participant = fs_conference_new_participant (FS_CONFERENCE (conference), NULL);
  FsStream *stream = fs_session_new_stream (session, participant, FS_DIRECTION_BOTH, NULL);
  FsStream *other = fs_session_new_stream (session, participant, FS_DIRECTION_BOTH, NULL);
  GList *told = g_list_append (NULL, fs_candidate_new ("L1", 1, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, "192.0.2.1", 7078));
  GstMessage *wish, *wrong;
  GList *found = NULL;

  told = g_list_append (told, fs_candidate_new ("L1", 2, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, "192.0.2.1", 7079));
  wish = wish_of (stream, FS_TYPE_CANDIDATE_LIST, told);
  wrong = wish_of (stream, FS_TYPE_CANDIDATE, told->data);
  check (fs_stream_parse_negotiation_needed (stream, wish, &found) && g_list_length (found) == 2
      && ((FsCandidate *) found->next->data)->port == 7079, "a message that asks for an offer gives its candidates");
  check (fs_stream_parse_negotiation_needed (stream, wish, NULL), "which nobody has to take");
  check (!fs_stream_parse_negotiation_needed (other, wish, NULL), "it is of one stream only");
  check (!fs_stream_parse_negotiation_needed (stream, wrong, NULL), "one with another type in it is none");
  check (!fs_stream_parse_local_candidates_prepared (stream, wish), "and it is no other message");
  gst_message_unref (wish);
  gst_message_unref (wrong);
  fs_candidate_list_destroy (told);
  fs_stream_destroy (other);
  fs_stream_destroy (stream);
  g_object_unref (other);
  g_object_unref (stream);
  g_object_unref (participant);
  fs_session_destroy (session);
  g_object_unref (session);
  gst_object_unref (conference);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  construction_error_test ();
  table_test ();
  header_extension_test ();
  negotiation_needed_test ();
  check_loaded ("fsrtpconference");
  return failures ? 1 : 0;
}
