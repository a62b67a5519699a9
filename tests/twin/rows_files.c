/* SPDX-License-Identifier: MPL-2.0 */

/* Key files, defaults of elements, bit rates and the notifier. */

#include <unistd.h>

#include <glib/gstdio.h>

#include "twin.h"

/* A file with this content, in the folder of this run. */
static const char *
file_with (const char *content)
{
  gchar *path = g_build_filename (g_get_tmp_dir (), "farstream-twin-XXXXXX", NULL);
  gint file = g_mkstemp (path);

  g_assert_true (file >= 0);
  close (file);
  g_assert_true (g_file_set_contents (path, content, -1, NULL));
  return path;
}

static void
codecs_of_file (GString *out, const char *content)
{
  const char *path = file_with (content);
  GError *error = NULL;

  say_codecs (out, fs_codec_list_from_keyfile (path, &error));
  say_error (out, &error);
  g_unlink (path);
}

ROW (fs_codec_list_from_keyfile, ordinary) {
  codecs_of_file (out, "[audio/OPUS]\nid=111\nclock-rate=48000\nchannels=2\nuseinbandfec=1\nfeedback:nack/pli=x\n"
      "[audio/SPEEX:b]\nclock-rate=16000\ntrr-int=500\n[video/H264]\nfeedback:ccm/fir=\nfeedback:nack=\n"
      "[application/X-DATA]\n");
}

ROW (fs_codec_list_from_keyfile, ids) {
  codecs_of_file (out, "[audio/A]\nid=-7\n[audio/B]\nid=-1\n[audio/C]\nid=0\n[audio/D]\nid=200\n[audio/E]\nid=x\n"
      "[audio/F]\nID=5\n");
}

ROW (fs_codec_list_from_keyfile, strange_groups) {
  codecs_of_file (out, "[nonsense/A]\n[audio/]\n[audio]\n[AUDIO/b]\n[audio/C:]\n[audio/:d]\n[audio/EE:f:g]\n[/x]\n[video/H/I]\n"
      "[rtp-hdrext:audio:a]\nid=1\nuri=u\n");
}

ROW (fs_codec_list_from_keyfile, strange_keys) {
  codecs_of_file (out, "[audio/A]\nClock-Rate=8000\nFeedback:x=y\nfeedback:=z\nfeedback:/s=z\nempty=\ntrr-int=-1\nchannels=x\n"
      "clock-rate=-8000\nCHANNELS=3\n");
}

ROW (fs_codec_list_from_keyfile, numbers) {
  codecs_of_file (out, "[audio/A]\nclock-rate=99999999999\n[audio/B]\nclock-rate= 16000 \n[audio/C]\nclock-rate=0x10\n"
      "[audio/D]\ntrr-int=0\n[audio/E]\nchannels=1.5\n");
}

ROW (fs_codec_list_from_keyfile, repeated) { codecs_of_file (out, "[audio/A]\nx=1\n[audio/A]\nid=5\nx=2\n"); }
ROW (fs_codec_list_from_keyfile, empty) { codecs_of_file (out, ""); }
ROW (fs_codec_list_from_keyfile, no_key_file) { codecs_of_file (out, "this is not one\n"); }
ROW (fs_codec_list_from_keyfile, not_utf8) { codecs_of_file (out, "[audio/A]\nx=\xff\xfe\n"); }

ROW (fs_codec_list_from_keyfile, missing_file) {
  GError *error = NULL;

  say_codecs (out, fs_codec_list_from_keyfile ("/no/such/file", &error));
  say_error (out, &error);
  say_codecs (out, fs_codec_list_from_keyfile ("/no/such/file", NULL));
}

ROW (fs_codec_list_from_keyfile, folder) {
  GError *error = NULL;

  say_codecs (out, fs_codec_list_from_keyfile ("/", &error));
  say_error (out, &error);
}

ROW (fs_codec_list_from_keyfile, empty_name) {
  GError *error = NULL;

  say_codecs (out, fs_codec_list_from_keyfile ("", &error));
  say_error (out, &error);
}

ROW (fs_codec_list_from_keyfile, null) {
  GError *error = NULL;

  say_codecs (out, fs_codec_list_from_keyfile (NULL, &error));
  say_error (out, &error);
}

static void
extensions_of_file (GString *out, const char *content, int media_type)
{
  const char *path = file_with (content);
  GError *error = NULL;

  say_extensions (out, fs_rtp_header_extension_list_from_keyfile (path, media_type, &error));
  say_error (out, &error);
  g_unlink (path);
}

static const char extensions_file[] =
    "[rtp-hdrext:audio:a]\nid=4096\nuri=urn:one\n[rtp-hdrext:audio:b]\nid=2\nuri=urn:two\ndirection=recv\n"
    "[rtp-hdrext:audio:c]\nid=3\nuri=urn:three\ndirection=receive\n[rtp-hdrext:audio:d]\nid=4\nuri=u\ndirection=send\n"
    "[rtp-hdrext:audio:e]\nid=5\nuri=u\ndirection=none\n[rtp-hdrext:audio:f]\nid=6\nuri=u\ndirection=odd\n"
    "[rtp-hdrext:video:g]\nid=7\nuri=u\n[rtp-hdrext:application:h]\nid=8\nuri=u\n[audio/PCMA]\n";

ROW (fs_rtp_header_extension_list_from_keyfile, audio) { extensions_of_file (out, extensions_file, FS_MEDIA_TYPE_AUDIO); }
ROW (fs_rtp_header_extension_list_from_keyfile, video) { extensions_of_file (out, extensions_file, FS_MEDIA_TYPE_VIDEO); }
ROW (fs_rtp_header_extension_list_from_keyfile, data) { extensions_of_file (out, extensions_file, FS_MEDIA_TYPE_APPLICATION); }
ROW (fs_rtp_header_extension_list_from_keyfile, other_media) { extensions_of_file (out, extensions_file, 9); }
ROW (fs_rtp_header_extension_list_from_keyfile, empty) { extensions_of_file (out, "", FS_MEDIA_TYPE_AUDIO); }

ROW (fs_rtp_header_extension_list_from_keyfile, strange) {
  extensions_of_file (out, "[rtp-hdrext:audio:a]\nid=1\n[rtp-hdrext:audio:b]\nuri=u\n[rtp-hdrext:audio:c]\nid=x\nuri=u\n"
      "[rtp-hdrext:audio]\nid=1\nuri=u\n[rtp-hdrext:audio:]\nid=2\nuri=u\n[rtp-hdrext::d]\nid=3\nuri=u\n"
      "[RTP-HDREXT:AUDIO:e]\nid=4\nuri=u\n[rtp-hdrext:audio:f]\nid=-5\nuri=\n[rtp-hdrext:audio:g]\nID=6\nURI=u\n"
      "[rtp-hdrext:audio:h]\nid=7\nuri=u\ndirection=SEND\n", FS_MEDIA_TYPE_AUDIO);
}

ROW (fs_rtp_header_extension_list_from_keyfile, missing_file) {
  GError *error = NULL;

  say_extensions (out, fs_rtp_header_extension_list_from_keyfile ("/no/such/file", FS_MEDIA_TYPE_AUDIO, &error));
  say_error (out, &error);
}

ROW (fs_rtp_header_extension_list_from_keyfile, null) {
  GError *error = NULL;

  say_extensions (out, fs_rtp_header_extension_list_from_keyfile (NULL, FS_MEDIA_TYPE_AUDIO, &error));
  say_error (out, &error);
}

static GstElement *
element (const char *factory)
{
  return gst_object_ref_sink (gst_element_factory_make (factory, NULL));
}

/* Puts a file into the user's data folder, where it is read before the system's. */
static void
user_data (const char *factory, const char *name, const char *content)
{
  gchar *folder = g_build_filename (g_get_user_data_dir (), "farstream", "0.2", factory, NULL);
  gchar *path = g_build_filename (folder, name, NULL);

  g_assert_true (g_mkdir_with_parents (folder, 0700) == 0 && g_file_set_contents (path, content, -1, NULL));
  g_free (path);
  g_free (folder);
}

/* Each library has a file of its own; this is what must be in it. */
ROW (fs_utils_get_default_codec_preferences, conference) {
  GList *codecs = fs_utils_get_default_codec_preferences (element ("fsrtpconference"));

  say_text (out, codecs ? ((FsCodec *) codecs->data)->encoding_name : NULL);
  for (GList *item = codecs; item; item = item->next)
    if (g_str_equal (((FsCodec *) item->data)->encoding_name, "telephone-event"))
      say_text (out, "telephone-event");
}

ROW (fs_utils_get_default_codec_preferences, without_file) {
  say_codecs (out, fs_utils_get_default_codec_preferences (element ("identity")));
}

ROW (fs_utils_get_default_codec_preferences, without_factory) {
  say_codecs (out, fs_utils_get_default_codec_preferences (g_object_new (fake_conference_get_type (), NULL)));
}

ROW (fs_utils_get_default_codec_preferences, of_the_user) {
  user_data ("queue", "default-codec-preferences", "[audio/MINE]\n");
  say_codecs (out, fs_utils_get_default_codec_preferences (element ("queue")));
}

ROW (fs_utils_get_default_codec_preferences, broken_file) {
  user_data ("tee", "default-codec-preferences", "not a key file");
  say_codecs (out, fs_utils_get_default_codec_preferences (element ("tee")));
}

ROW (fs_utils_get_default_codec_preferences, null) { say_codecs (out, fs_utils_get_default_codec_preferences (NULL)); }

ROW (fs_utils_get_default_rtp_header_extension_preferences, conference) {
  for (int media = 0; media < 3; media++)
    say_extensions (out, fs_utils_get_default_rtp_header_extension_preferences (element ("fsrtpconference"), media));
}

ROW (fs_utils_get_default_rtp_header_extension_preferences, of_the_user) {
  user_data ("valve", "default-codec-preferences", extensions_file);
  say_extensions (out, fs_utils_get_default_rtp_header_extension_preferences (element ("valve"), FS_MEDIA_TYPE_VIDEO));
}

ROW (fs_utils_get_default_rtp_header_extension_preferences, without_factory) {
  say_extensions (out, fs_utils_get_default_rtp_header_extension_preferences (
          g_object_new (fake_conference_get_type (), NULL), FS_MEDIA_TYPE_AUDIO));
}

ROW (fs_utils_get_default_rtp_header_extension_preferences, other_media) {
  say_extensions (out, fs_utils_get_default_rtp_header_extension_preferences (element ("fsrtpconference"), 9));
}

ROW (fs_utils_get_default_rtp_header_extension_preferences, null) {
  say_extensions (out, fs_utils_get_default_rtp_header_extension_preferences (NULL, FS_MEDIA_TYPE_AUDIO));
}

static void
say_groups (GString *out, GKeyFile *file)
{
  gchar **groups;

  if (!file) {
    say (out, "NULL");
    return;
  }
  groups = g_key_file_get_groups (file, NULL);
  for (gchar **group = groups; *group; group++)
    say_text (out, *group);
  g_strfreev (groups);
  g_key_file_unref (file);
}

ROW (fs_utils_get_default_element_properties, conference) {
  GKeyFile *file = fs_utils_get_default_element_properties (element ("fsrtpconference"));

  say (out, "latency %d", file ? g_key_file_get_integer (file, "rtpbin", "latency", NULL) : -1);
}

ROW (fs_utils_get_default_element_properties, of_the_user) {
  user_data ("fakesink", "default-element-properties", "[mine]\nx=1\n");
  say_groups (out, fs_utils_get_default_element_properties (element ("fakesink")));
}

ROW (fs_utils_get_default_element_properties, broken_file) {
  user_data ("fakesrc", "default-element-properties", "nothing of the kind");
  say_groups (out, fs_utils_get_default_element_properties (element ("fakesrc")));
}

ROW (fs_utils_get_default_element_properties, without_file) {
  say_groups (out, fs_utils_get_default_element_properties (element ("identity")));
}

ROW (fs_utils_get_default_element_properties, without_factory) {
  say_groups (out, fs_utils_get_default_element_properties (g_object_new (fake_conference_get_type (), NULL)));
}

ROW (fs_utils_get_default_element_properties, null) { say_groups (out, fs_utils_get_default_element_properties (NULL)); }
