/* SPDX-License-Identifier: MPL-2.0 */

/* The plain structures and the functions around them: codecs, candidates, header extensions, key files, the loader with
 * its variable number of arguments, and the notifier. What the library allocates is freed by slice size here and the other
 * way round, with G_SLICE=debug-blocks watching. The same lines must come out on the stock library. */

#include <farstream/fs-conference.h>
#include <farstream/fs-element-added-notifier.h>
#include <farstream/fs-plugin.h>
#include <farstream/fs-rtp.h>
#include <farstream/fs-transmitter.h>
#include <farstream/fs-utils.h>

#include <glib/gstdio.h>

#include "loaded.h"

static FsCodec *
opus (void)
{
  FsCodec *codec = fs_codec_new (96, "OPUS", FS_MEDIA_TYPE_AUDIO, 48000);

  codec->channels = 2;
  fs_codec_add_optional_parameter (codec, "stereo", "1");
  fs_codec_add_optional_parameter (codec, "usedtx", "Yes");
  fs_codec_add_feedback_parameter (codec, "nack", "pli", "");
  return codec;
}

static void
expect_text (FsCodec *codec, const char *wanted)
{
  gchar *text = fs_codec_to_string (codec);

  check (g_strcmp0 (text, wanted) == 0, "fs_codec_to_string: %s", text);
  g_free (text);
}

static void
codec_test (void)
{
  FsCodec *codec = opus (), *copy = fs_codec_copy (codec);
  FsCodecParameter *parameter;

  check (codec->minimum_reporting_interval == G_MAXUINT && codec->clock_rate == 48000, "a new codec has its defaults");
  expect_text (codec, "96: audio OPUS clock:48000 channels:2 stereo=1 usedtx=Yes nack/pli=");
  expect_text (NULL, "(NULL)");
  check (copy != codec && fs_codec_are_equal (codec, copy), "a copy is equal");
  check (fs_codec_are_equal (NULL, NULL) && !fs_codec_are_equal (codec, NULL), "nothing equals nothing only");
  check (fs_codec_copy (NULL) == NULL, "the copy of nothing is nothing");

  parameter = fs_codec_get_optional_parameter (copy, "USEDTX", "yes");
  check (parameter && g_str_equal (parameter->value, "Yes"), "a parameter is found without regard to case");
  check (!fs_codec_get_optional_parameter (copy, "usedtx", "no") && fs_codec_get_optional_parameter (copy, "usedtx", NULL),
      "and by value only if one is asked for");
  g_free (parameter->value);
  parameter->value = g_strdup ("yes");
  check (!fs_codec_are_equal (codec, copy), "values of parameters are compared exactly");
  fs_codec_remove_optional_parameter (copy, parameter);
  check (g_list_length (copy->optional_params) == 1 && !fs_codec_are_equal (codec, copy), "a parameter can be removed");
  fs_codec_add_optional_parameter (copy, "UseDTX", "Yes");
  check (fs_codec_are_equal (codec, copy), "names of parameters are compared without regard to case");
  copy->optional_params = g_list_reverse (copy->optional_params);
  check (fs_codec_are_equal (codec, copy), "their order makes no difference");

  check (fs_codec_get_feedback_parameter (copy, "NACK", "PLI", NULL) == copy->feedback_params->data,
      "a feedback message is found");
  check (!fs_codec_get_feedback_parameter (copy, "nack", "fir", NULL), "but not another one");
  fs_codec_remove_feedback_parameter (copy, copy->feedback_params);
  check (copy->feedback_params == NULL && !fs_codec_are_equal (codec, copy), "a feedback message can be removed");
  g_free (copy->encoding_name);
  copy->encoding_name = g_strdup ("opus");
  fs_codec_add_feedback_parameter (copy, "Nack", "Pli", "");
  check (fs_codec_are_equal (codec, copy), "the names of encoding and feedback are compared without regard to case");
  copy->id = 97;
  check (!fs_codec_are_equal (codec, copy), "the payload type counts");
  copy->minimum_reporting_interval = 100;
  expect_text (copy, "97: audio opus clock:48000 channels:2 trr-int=100 UseDTX=Yes stereo=1 Nack/Pli=");
  fs_codec_destroy (copy);
  fs_codec_destroy (codec);
  fs_codec_destroy (NULL);
}

static void
allocation_test (void)
{
  FsCodec *codec = g_slice_new0 (FsCodec);
  FsCodecParameter *parameter = g_slice_new0 (FsCodecParameter);
  FsFeedbackParameter *feedback = g_slice_new0 (FsFeedbackParameter);
  FsCandidate *candidate = fs_candidate_new ("L1", 1, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, "10.0.0.1", 5);

  codec->encoding_name = g_strdup ("PCMU");
  parameter->name = g_strdup ("ptime");
  parameter->value = g_strdup ("20");
  codec->optional_params = g_list_append (NULL, parameter);
  feedback->type = g_strdup ("nack");
  feedback->subtype = g_strdup ("");
  feedback->extra_params = g_strdup ("");
  codec->feedback_params = g_list_append (NULL, feedback);
  fs_codec_destroy (codec);

  parameter = g_slice_new0 (FsCodecParameter);
  parameter->name = g_strdup ("a");
  fs_codec_parameter_free (fs_codec_parameter_copy (parameter));
  g_free (parameter->name);
  g_slice_free (FsCodecParameter, parameter);

  g_free (candidate->foundation);
  g_free (candidate->ip);
  g_slice_free (FsCandidate, candidate);
  check (TRUE, "structures may be made here and freed there");
}

static void
list_test (void)
{
  GList *list = g_list_append (NULL, opus ()), *copy;
  GValue value = G_VALUE_INIT;
  gpointer boxed;

  list = g_list_append (list, fs_codec_new (FS_CODEC_ID_ANY, NULL, FS_MEDIA_TYPE_VIDEO, 0));
  copy = fs_codec_list_copy (list);
  check (!fs_codec_list_are_equal (list, copy), "a codec without a name equals only itself");
  fs_codec_destroy (copy->next->data);
  fs_codec_destroy (list->next->data);
  copy = g_list_delete_link (copy, copy->next);
  list = g_list_delete_link (list, list->next);
  check (fs_codec_list_are_equal (list, copy) && !fs_codec_list_are_equal (list, NULL)
      && fs_codec_list_are_equal (NULL, NULL), "lists are compared codec by codec");
  fs_codec_list_destroy (copy);
  fs_codec_list_destroy (NULL);

  g_value_init (&value, FS_TYPE_CODEC_LIST);
  g_value_take_boxed (&value, list);
  boxed = g_value_dup_boxed (&value);
  check (boxed != list && fs_codec_list_are_equal (boxed, list), "a boxed list is copied deeply");
  fs_codec_list_destroy (boxed);
  g_value_unset (&value);
}

static void
candidate_test (void)
{
  FsCandidate *candidate = fs_candidate_new_full ("F", 2, "1.2.3.4", 5, "6.7.8.9", 10, FS_NETWORK_PROTOCOL_TCP_SO, 11,
      FS_CANDIDATE_TYPE_RELAY, "user", "secret", 12);
  FsCandidate *copy = fs_candidate_copy (candidate);
  GList *list, *list_copy;
  GValue value = G_VALUE_INIT;

  check (copy != candidate && copy->ip != candidate->ip && g_str_equal (copy->foundation, "F") && copy->component_id == 2
      && g_str_equal (copy->ip, "1.2.3.4") && copy->port == 5 && g_str_equal (copy->base_ip, "6.7.8.9")
      && copy->base_port == 10 && copy->proto == FS_NETWORK_PROTOCOL_TCP_SO && copy->priority == 11
      && copy->type == FS_CANDIDATE_TYPE_RELAY && g_str_equal (copy->username, "user")
      && g_str_equal (copy->password, "secret") && copy->ttl == 12, "a copy of a candidate has all fields");
  fs_candidate_destroy (candidate);
  list = g_list_append (NULL, copy);
  list_copy = fs_candidate_list_copy (list);
  check (list_copy && list_copy->data != copy, "a list of candidates is copied deeply");
  fs_candidate_list_destroy (list_copy);
  fs_value_set_candidate_list (&value, list);
  check (G_VALUE_HOLDS (&value, FS_TYPE_CANDIDATE_LIST), "fs_value_set_candidate_list initialises the value");
  list_copy = g_value_get_boxed (&value);
  check (list_copy != list && g_str_equal (((FsCandidate *) list_copy->data)->password, "secret"), "with a copy");
  g_value_unset (&value);
  fs_candidate_list_destroy (list);
  fs_candidate_destroy (NULL);
}

static void
header_extension_test (void)
{
  FsRtpHeaderExtension *one = fs_rtp_header_extension_new (3, FS_DIRECTION_BOTH, "urn:x");
  FsRtpHeaderExtension *two = fs_rtp_header_extension_copy (one);
  GList *list;

  check (fs_rtp_header_extension_are_equal (one, two), "a copy of a header extension is equal");
  two->direction = FS_DIRECTION_SEND;
  check (!fs_rtp_header_extension_are_equal (one, two), "the direction counts");
  two->direction = FS_DIRECTION_BOTH;
  two->uri[4] = 'X';
  check (!fs_rtp_header_extension_are_equal (one, two), "and so does the case of the URI");
  check (fs_rtp_header_extension_copy (NULL) == NULL, "the copy of no header extension is none");
  list = g_list_append (g_list_append (NULL, one), two);
  fs_rtp_header_extension_list_destroy (fs_rtp_header_extension_list_copy (list));
  fs_rtp_header_extension_list_destroy (list);
  fs_rtp_header_extension_destroy (NULL);
}

static const char preferences_file[] =
    "[audio/OPUS]\n" "id=111\n" "clock-rate=48000\n" "channels=2\n" "useinbandfec=1\n" "feedback:nack/pli=x\n"
    "[audio/SPEEX:b]\n" "clock-rate=16000\n" "trr-int=500\n"
    "[nonsense/FOO]\n" "[audio/]\n" "[video/DV]\n" "id=-7\n"
    "[rtp-hdrext:audio:a]\n" "id=4096\n" "uri=urn:one\n" "[rtp-hdrext:audio:b]\n" "id=2\n" "uri=urn:two\n"
    "direction=recv\n" "[rtp-hdrext:video:c]\n" "id=3\n" "uri=urn:three\n";

static void
key_file_test (void)
{
  gchar *path = g_build_filename (g_get_tmp_dir (), "farstream-values-XXXXXX", NULL);
  gint file = g_mkstemp (path);
  GError *error = NULL;
  GList *list;
  FsRtpHeaderExtension *extension;

  g_assert_true (file >= 0 && g_file_set_contents (path, preferences_file, -1, NULL));
  list = fs_codec_list_from_keyfile (path, &error);
  check (g_list_length (list) == 3 && !error, "%u codecs in the key file", g_list_length (list));
  if (g_list_length (list) == 3) {
    expect_text (list->data, "111: audio OPUS clock:48000 channels:2 useinbandfec=1 nack/pli=x");
    expect_text (list->next->data, "-1: audio SPEEX clock:16000 channels:0 trr-int=500");
    expect_text (list->next->next->data, "-2: video DV clock:0 channels:0");
  }
  fs_codec_list_destroy (list);
  list = fs_rtp_header_extension_list_from_keyfile (path, FS_MEDIA_TYPE_AUDIO, &error);
  extension = list && list->next ? list->next->data : NULL;
  check (g_list_length (list) == 2 && !error && extension->id == 2 && extension->direction == FS_DIRECTION_RECV
      && g_str_equal (extension->uri, "urn:two"), "%u audio header extensions in it", g_list_length (list));
  fs_rtp_header_extension_list_destroy (list);
  g_close (file, NULL);
  g_unlink (path);

  list = fs_codec_list_from_keyfile (path, &error);
  check (!list && g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT), "a missing file is a file error: %s",
      error ? error->message : "no error");
  g_clear_error (&error);
  g_free (path);
}

static void
loader_test (void)
{
  GError *error = NULL;
  GObject *object;

  fs_plugin_register_static ("pad", "test", GST_TYPE_PAD);
  object = fs_plugin_create ("pad", "test", &error, "name", "first", "direction", GST_PAD_SINK, NULL);
  check (GST_IS_PAD (object) && GST_PAD_IS_SINK (object) && g_str_equal (GST_OBJECT_NAME (object), "first"),
      "fs_plugin_create sets the properties it is given: %s", error ? error->message : "yes");
  g_clear_object (&object);
  object = fs_plugin_create ("pad", "test", &error, NULL);
  check (GST_IS_PAD (object), "and needs none");
  g_clear_object (&object);
  object = fs_plugin_create ("no-such-thing", "test", &error, NULL);
  check (!object && error && error->domain == FS_ERROR && error->code == FS_ERROR_CONSTRUCTION,
      "an unknown plugin is a construction error: %s", error ? error->message : "no error");
  g_clear_error (&error);
  check (fs_plugin_list_available ("no-such-suffix") == NULL, "fs_plugin_list_available gives NULL where there is nothing");
}

static void
transmitter_list_test (void)
{
  gchar **names = fs_transmitter_list_available ();

  check (names && g_strv_contains ((const gchar * const *) names, "rawudp"), "rawudp is among the transmitters");
  g_strfreev (names);
}

static void
count_element (FsElementAddedNotifier *notifier G_GNUC_UNUSED, GstBin *bin G_GNUC_UNUSED, GstElement *element G_GNUC_UNUSED,
    gpointer data)
{
  ++*(guint *) data;
}

static void
notifier_test (void)
{
  FsElementAddedNotifier *notifier = fs_element_added_notifier_new ();
  GstElement *outer = gst_object_ref_sink (gst_bin_new ("outer")), *inner = gst_bin_new ("inner");
  GstElement *queue = gst_element_factory_make ("queue", "there-before");
  GKeyFile *settings = g_key_file_new ();
  guint count = 0, limit = 0;
  gulong id;

  gst_bin_add (GST_BIN (inner), queue);
  gst_bin_add (GST_BIN (outer), inner);
  g_signal_connect (notifier, "element-added", G_CALLBACK (count_element), &count);
  fs_element_added_notifier_add (notifier, GST_BIN (outer));
  check (count == 2, "the notifier tells of the %u elements that were there", count);
  gst_bin_add (GST_BIN (inner), gst_element_factory_make ("queue", "added"));
  check (count == 3, "and of one that is added deep inside");
  g_key_file_set_integer (settings, "queue", "max-size-buffers", 7);
  g_key_file_set_integer (settings, "queue", "no-such-property", 7);
  id = fs_element_added_notifier_set_properties_from_keyfile (notifier, settings);
  g_object_get (queue, "max-size-buffers", &limit, NULL);
  check (id != 0 && limit == 7, "settings reach elements that are there");
  queue = gst_element_factory_make ("queue", "added-later");
  gst_bin_add (GST_BIN (inner), queue);
  g_object_get (queue, "max-size-buffers", &limit, NULL);
  check (limit == 7, "and those that come");
  check (fs_element_added_notifier_remove (notifier, GST_BIN (outer)), "the bin is let go");
  check (!fs_element_added_notifier_remove (notifier, GST_BIN (outer)), "once");
  count = 0;
  gst_bin_add (GST_BIN (inner), gst_element_factory_make ("queue", "unseen"));
  check (count == 0, "and then nothing is told any more");
  g_object_unref (notifier);
  gst_object_unref (outer);
}

static void
message_test (void)
{
  GstElement *bin = gst_object_ref_sink (gst_bin_new (NULL));
  GstMessage *message = gst_message_new_element (GST_OBJECT (bin), gst_structure_new ("farstream-error", "src-object",
          GST_TYPE_BIN, bin, "error-no", FS_TYPE_ERROR, FS_ERROR_NETWORK, "error-msg", G_TYPE_STRING, "text", NULL));
  FsError code = 0;
  const gchar *text = NULL;

  check (fs_parse_error (G_OBJECT (bin), message, &code, &text) && code == FS_ERROR_NETWORK && g_str_equal (text, "text"),
      "fs_parse_error reads its fields");
  gst_message_unref (message);
  message = gst_message_new_element (GST_OBJECT (bin), gst_structure_new ("farstream-error", "src-object", GST_TYPE_BIN, bin,
          NULL));
  check (!fs_parse_error (G_OBJECT (bin), message, &code, &text), "and refuses a message that lacks some");
  gst_message_unref (message);
  message = gst_message_new_eos (GST_OBJECT (bin));
  check (!fs_parse_error (G_OBJECT (bin), message, &code, &text), "or is another");
  gst_message_unref (message);
  gst_object_unref (bin);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  check_loaded (NULL);
  check (g_strcmp0 (fs_media_type_to_string (FS_MEDIA_TYPE_APPLICATION), "application") == 0
      && fs_media_type_to_string (9) == NULL, "fs_media_type_to_string");
  check (g_str_equal (g_quark_to_string (FS_ERROR), "fs-error"), "the error domain is fs-error");
  codec_test ();
  allocation_test ();
  list_test ();
  candidate_test ();
  header_extension_test ();
  key_file_test ();
  message_test ();
  loader_test ();
  transmitter_list_test ();
  notifier_test ();
  return failures ? 1 : 0;
}
