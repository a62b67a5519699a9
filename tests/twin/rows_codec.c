/* SPDX-License-Identifier: MPL-2.0 */

/* Codecs and their parameters. */

#include "twin.h"

static FsCodec *
full (void)
{
  FsCodec *codec = named_codec (96, "OPUS", FS_MEDIA_TYPE_AUDIO, 48000);

  codec->channels = 2;
  codec->minimum_reporting_interval = 500;
  fs_codec_add_optional_parameter (codec, "stereo", "1");
  fs_codec_add_optional_parameter (codec, "usedtx", "Yes");
  fs_codec_add_feedback_parameter (codec, "nack", "pli", "");
  fs_codec_add_feedback_parameter (codec, "ccm", "fir", "x");
  return codec;
}

ROW (fs_media_type_to_string, every) {
  for (int type = -1; type < 4; type++)
    say_text (out, fs_media_type_to_string (type));
}

ROW (fs_error_quark, name) { say_text (out, g_quark_to_string (fs_error_quark ())); }

ROW (fs_codec_new, ordinary) { say_codec (out, pcma ()); }
ROW (fs_codec_new, no_name) { say_codec (out, fs_codec_new (FS_CODEC_ID_ANY, NULL, FS_MEDIA_TYPE_VIDEO, 0)); }
ROW (fs_codec_new, empty_name) { say_codec (out, fs_codec_new (FS_CODEC_ID_DISABLE, "", FS_MEDIA_TYPE_APPLICATION, 1)); }
ROW (fs_codec_new, out_of_range) { say_codec (out, fs_codec_new (G_MAXINT, "X", 9, G_MAXUINT)); }
ROW (fs_codec_new, least_id) { say_codec (out, fs_codec_new (G_MININT, "X", FS_MEDIA_TYPE_AUDIO, 0)); }
ROW (fs_codec_new, not_utf8) { say_codec (out, fs_codec_new (0, "X\xff", FS_MEDIA_TYPE_AUDIO, 0)); }

ROW (fs_codec_to_string, null) { say_text (out, fs_codec_to_string (NULL)); }
ROW (fs_codec_to_string, full) { say_codec (out, full ()); }

ROW (fs_codec_to_string, null_values) {
  FsCodec *codec = pcma ();
  FsCodecParameter *parameter;

  fs_codec_add_optional_parameter (codec, "", "");
  fs_codec_add_feedback_parameter (codec, "", "", "");
  parameter = codec->optional_params->data;
  g_clear_pointer (&parameter->value, g_free);
  say_codec (out, codec);
}

ROW (fs_codec_copy, null) { say (out, "%s", fs_codec_copy (NULL) ? "a codec" : "NULL"); }

ROW (fs_codec_copy, full) {
  FsCodec *codec = full (), *copy = fs_codec_copy (codec);

  say_bool (out, copy != codec && copy->encoding_name != codec->encoding_name
      && copy->optional_params != codec->optional_params && copy->feedback_params != codec->feedback_params);
  say_codec (out, copy);
  fs_codec_destroy (codec);
  say_codec (out, copy);
  fs_codec_destroy (copy);
}

ROW (fs_codec_copy, strange) {
  FsCodec *copy = fs_codec_copy (fs_codec_new (-77, NULL, 44, 5));

  say (out, "%d %d %u %s", copy->id, copy->media_type, copy->clock_rate, copy->encoding_name ? "named" : "nameless");
}

ROW (fs_codec_copy, not_utf8) { say_codec (out, fs_codec_copy (fs_codec_new (0, "X\xff", FS_MEDIA_TYPE_AUDIO, 0))); }

ROW (fs_codec_destroy, null) { fs_codec_destroy (NULL); }
ROW (fs_codec_destroy, full) { fs_codec_destroy (full ()); }
ROW (fs_codec_destroy, no_name) { fs_codec_destroy (fs_codec_new (0, NULL, FS_MEDIA_TYPE_AUDIO, 0)); }

ROW (fs_codec_list_copy, null) { say_codecs (out, fs_codec_list_copy (NULL)); }

ROW (fs_codec_list_copy, two) {
  GList *list = g_list_append (one (full ()), pcma ()), *copy = fs_codec_list_copy (list);

  say_bool (out, copy->data != list->data);
  fs_codec_list_destroy (list);
  say_codecs (out, copy);
  fs_codec_list_destroy (copy);
}

ROW (fs_codec_list_copy, null_item) {
  GList *copy = fs_codec_list_copy (g_list_append (one (NULL), pcma ()));

  say (out, "%u", g_list_length (copy));
}

ROW (fs_codec_list_destroy, null) { fs_codec_list_destroy (NULL); }
ROW (fs_codec_list_destroy, two) { fs_codec_list_destroy (g_list_append (one (full ()), pcma ())); }
ROW (fs_codec_list_destroy, null_item) { fs_codec_list_destroy (one (NULL)); }

ROW (fs_codec_are_equal, nulls) {
  FsCodec *codec = pcma ();

  say_bool (out, fs_codec_are_equal (NULL, NULL));
  say_bool (out, fs_codec_are_equal (codec, NULL));
  say_bool (out, fs_codec_are_equal (NULL, codec));
  say_bool (out, fs_codec_are_equal (codec, codec));
}

ROW (fs_codec_are_equal, names) {
  FsCodec *codec = named_codec (8, "pcma", FS_MEDIA_TYPE_AUDIO, 8000);
  FsCodec *nameless = fs_codec_new (8, NULL, FS_MEDIA_TYPE_AUDIO, 8000);

  say_bool (out, fs_codec_are_equal (codec, pcma ()));
  say_bool (out, fs_codec_are_equal (codec, nameless));
  say_bool (out, fs_codec_are_equal (nameless, codec));
  say_bool (out, fs_codec_are_equal (nameless, nameless));
  say_bool (out, fs_codec_are_equal (nameless, fs_codec_copy (nameless)));
}

ROW (fs_codec_are_equal, empty_names) {
  FsCodec *codec = named_codec (8, "", FS_MEDIA_TYPE_AUDIO, 8000);

  say_bool (out, fs_codec_are_equal (codec, fs_codec_copy (codec)));
}

ROW (fs_codec_are_equal, each_field) {
  for (int field = 0; field < 6; field++) {
    FsCodec *codec = pcma ();

    codec->id += field == 0;
    codec->media_type += field == 1;
    codec->clock_rate += field == 2;
    codec->channels += field == 3;
    codec->minimum_reporting_interval -= field == 4;
    say_bool (out, fs_codec_are_equal (codec, pcma ()));
  }
}

ROW (fs_codec_are_equal, not_utf8) {
  say_bool (out, fs_codec_are_equal (named_codec (0, "X\xff", FS_MEDIA_TYPE_AUDIO, 0),
          named_codec (0, "X\xfe", FS_MEDIA_TYPE_AUDIO, 0)));
}

/* Whether codecs with these parameters, in the form "name=value;name=value", are equal. */
static void
compare_parameters (GString *out, const char *first, const char *second)
{
  const char *texts[] = { first, second };
  FsCodec *codecs[2];

  for (int i = 0; i < 2; i++) {
    gchar **pairs = g_strsplit (texts[i], ";", -1);

    codecs[i] = pcma ();
    for (gchar **pair = pairs; *pair && **pair; pair++) {
      gchar **parts = g_strsplit (*pair, "=", 2);
      fs_codec_add_optional_parameter (codecs[i], parts[0], parts[1]);
    }
  }
  say_bool (out, fs_codec_are_equal (codecs[0], codecs[1]));
}

ROW (fs_codec_are_equal, parameters) {
  compare_parameters (out, "a=1;b=2", "b=2;a=1");
  compare_parameters (out, "a=1", "A=1");
  compare_parameters (out, "a=x", "a=X");
  compare_parameters (out, "a=1", "");
  compare_parameters (out, "", "a=1");
  compare_parameters (out, "a=1;a=2", "a=2;a=1");
  compare_parameters (out, "a=1;a=1", "a=1");
  compare_parameters (out, "a=1;a=2", "a=1");
  compare_parameters (out, "=", "=");
}

ROW (fs_codec_are_equal, feedback) {
  const char *feedback[][3] = { {"nack", "pli", ""}, {"NACK", "Pli", ""}, {"nack", "pli", "x"}, {"nack", "fir", ""},
    {"ccm", "pli", ""}, {"nack", "pli", "X"} };

  for (guint i = 0; i < G_N_ELEMENTS (feedback); i++) {
    FsCodec *codec = pcma (), *other = pcma ();

    fs_codec_add_feedback_parameter (codec, feedback[0][0], feedback[0][1], feedback[0][2]);
    say_bool (out, fs_codec_are_equal (codec, other));
    fs_codec_add_feedback_parameter (other, feedback[i][0], feedback[i][1], feedback[i][2]);
    say_bool (out, fs_codec_are_equal (codec, other));
  }
}

ROW (fs_codec_list_are_equal, nulls) {
  say_bool (out, fs_codec_list_are_equal (NULL, NULL));
  say_bool (out, fs_codec_list_are_equal (one (pcma ()), NULL));
  say_bool (out, fs_codec_list_are_equal (NULL, one (pcma ())));
}

ROW (fs_codec_list_are_equal, order) {
  GList *list = g_list_append (one (pcma ()), full ());

  say_bool (out, fs_codec_list_are_equal (list, fs_codec_list_copy (list)));
  say_bool (out, fs_codec_list_are_equal (list, g_list_append (one (full ()), pcma ())));
  say_bool (out, fs_codec_list_are_equal (list, one (pcma ())));
  say_bool (out, fs_codec_list_are_equal (one (pcma ()), list));
}

ROW (fs_codec_list_are_equal, null_items) {
  say_bool (out, fs_codec_list_are_equal (one (NULL), one (NULL)));
  say_bool (out, fs_codec_list_are_equal (one (NULL), one (pcma ())));
}

ROW (fs_codec_add_optional_parameter, ordinary) {
  FsCodec *codec = pcma ();

  fs_codec_add_optional_parameter (codec, "a", "1");
  fs_codec_add_optional_parameter (codec, "a", "2");
  fs_codec_add_optional_parameter (codec, "", "");
  say_codec (out, codec);
}

ROW (fs_codec_add_optional_parameter, null_codec) { fs_codec_add_optional_parameter (NULL, "a", "1"); }

ROW (fs_codec_add_optional_parameter, null_name) {
  FsCodec *codec = pcma ();

  fs_codec_add_optional_parameter (codec, NULL, "1");
  say_codec (out, codec);
}

ROW (fs_codec_add_optional_parameter, null_value) {
  FsCodec *codec = pcma ();

  fs_codec_add_optional_parameter (codec, "a", NULL);
  say_codec (out, codec);
}

static void
say_parameter (GString *out, const FsCodecParameter *parameter)
{
  if (parameter)
    say (out, "%s=%s", parameter->name, parameter->value);
  else
    say (out, "NULL");
}

ROW (fs_codec_get_optional_parameter, ordinary) {
  FsCodec *codec = full ();

  say_parameter (out, fs_codec_get_optional_parameter (codec, "stereo", NULL));
  say_parameter (out, fs_codec_get_optional_parameter (codec, "USEDTX", "yes"));
  say_parameter (out, fs_codec_get_optional_parameter (codec, "usedtx", "no"));
  say_parameter (out, fs_codec_get_optional_parameter (codec, "", NULL));
  say_parameter (out, fs_codec_get_optional_parameter (codec, "none", NULL));
  say_bool (out, fs_codec_get_optional_parameter (codec, "stereo", "1") == codec->optional_params->data);
}

ROW (fs_codec_get_optional_parameter, second_of_a_name) {
  FsCodec *codec = full ();

  fs_codec_add_optional_parameter (codec, "stereo", "2");
  say_parameter (out, fs_codec_get_optional_parameter (codec, "stereo", "2"));
}

ROW (fs_codec_get_optional_parameter, null_codec) { say_parameter (out, fs_codec_get_optional_parameter (NULL, "a", NULL)); }
ROW (fs_codec_get_optional_parameter, null_name) { say_parameter (out, fs_codec_get_optional_parameter (full (), NULL, "1")); }

ROW (fs_codec_remove_optional_parameter, ordinary) {
  FsCodec *codec = full ();

  fs_codec_remove_optional_parameter (codec, fs_codec_get_optional_parameter (codec, "stereo", NULL));
  say_codec (out, codec);
  fs_codec_remove_optional_parameter (codec, codec->optional_params->data);
  say_codec (out, codec);
}

ROW (fs_codec_remove_optional_parameter, null_codec) { fs_codec_remove_optional_parameter (NULL, NULL); }

ROW (fs_codec_remove_optional_parameter, null_parameter) {
  FsCodec *codec = full ();

  fs_codec_remove_optional_parameter (codec, NULL);
  say_codec (out, codec);
}

ROW (fs_codec_parameter_copy, ordinary) {
  FsCodec *codec = full ();
  FsCodecParameter *copy = fs_codec_parameter_copy (codec->optional_params->data);

  say_bool (out, copy != codec->optional_params->data);
  fs_codec_destroy (codec);
  say_parameter (out, copy);
  fs_codec_parameter_free (copy);
}

ROW (fs_codec_parameter_copy, null_fields) {
  FsCodecParameter parameter = { NULL, NULL }, *copy = fs_codec_parameter_copy (&parameter);

  say_parameter (out, copy);
}

ROW (fs_codec_parameter_copy, null) { say_parameter (out, fs_codec_parameter_copy (NULL)); }
ROW (fs_codec_parameter_free, null) { fs_codec_parameter_free (NULL); }

ROW (fs_codec_parameter_free, ordinary) {
  FsCodec *codec = full ();

  fs_codec_parameter_free (fs_codec_parameter_copy (codec->optional_params->data));
}

static void
say_feedback (GString *out, const FsFeedbackParameter *parameter)
{
  if (parameter)
    say (out, "%s/%s=%s", parameter->type, parameter->subtype, parameter->extra_params);
  else
    say (out, "NULL");
}

ROW (fs_codec_add_feedback_parameter, ordinary) {
  FsCodec *codec = pcma ();

  fs_codec_add_feedback_parameter (codec, "nack", "pli", "x");
  fs_codec_add_feedback_parameter (codec, "", "", "");
  say_codec (out, codec);
}

ROW (fs_codec_add_feedback_parameter, null_codec) { fs_codec_add_feedback_parameter (NULL, "a", "b", "c"); }

ROW (fs_codec_add_feedback_parameter, null_texts) {
  FsCodec *codec = pcma ();

  fs_codec_add_feedback_parameter (codec, NULL, "b", "c");
  fs_codec_add_feedback_parameter (codec, "a", NULL, "c");
  fs_codec_add_feedback_parameter (codec, "a", "b", NULL);
  say_codec (out, codec);
}

ROW (fs_codec_get_feedback_parameter, ordinary) {
  FsCodec *codec = full ();

  say_feedback (out, fs_codec_get_feedback_parameter (codec, "nack", "pli", ""));
  say_feedback (out, fs_codec_get_feedback_parameter (codec, "NACK", "PLI", NULL));
  say_feedback (out, fs_codec_get_feedback_parameter (codec, "ccm", NULL, NULL));
  say_feedback (out, fs_codec_get_feedback_parameter (codec, "ccm", NULL, "X"));
  say_feedback (out, fs_codec_get_feedback_parameter (codec, "ccm", "pli", NULL));
  say_feedback (out, fs_codec_get_feedback_parameter (codec, "", "", ""));
  say_bool (out, fs_codec_get_feedback_parameter (codec, "nack", "pli", "") == codec->feedback_params->data);
}

ROW (fs_codec_get_feedback_parameter, by_subtype) {
  say_feedback (out, fs_codec_get_feedback_parameter (full (), NULL, "fir", NULL));
}

ROW (fs_codec_get_feedback_parameter, null_codec) {
  say_feedback (out, fs_codec_get_feedback_parameter (NULL, "nack", NULL, NULL));
}

ROW (fs_codec_get_feedback_parameter, no_question) {
  say_feedback (out, fs_codec_get_feedback_parameter (full (), NULL, NULL, "x"));
}

ROW (fs_codec_remove_feedback_parameter, ordinary) {
  FsCodec *codec = full ();

  fs_codec_remove_feedback_parameter (codec, codec->feedback_params->next);
  say_codec (out, codec);
  fs_codec_remove_feedback_parameter (codec, codec->feedback_params);
  say_codec (out, codec);
}

ROW (fs_codec_remove_feedback_parameter, null_codec) {
  FsCodec *codec = full ();

  fs_codec_remove_feedback_parameter (NULL, codec->feedback_params);
  say_codec (out, codec);
}

ROW (fs_codec_remove_feedback_parameter, null_item) {
  FsCodec *codec = full ();

  fs_codec_remove_feedback_parameter (codec, NULL);
  say_codec (out, codec);
}

ROW (fs_feedback_parameter_copy, ordinary) {
  FsCodec *codec = full ();
  FsFeedbackParameter *copy = fs_feedback_parameter_copy (codec->feedback_params->data);

  say_bool (out, copy != codec->feedback_params->data);
  fs_codec_destroy (codec);
  say_feedback (out, copy);
  fs_feedback_parameter_free (copy);
}

ROW (fs_feedback_parameter_copy, null_fields) {
  FsFeedbackParameter parameter = { NULL, NULL, NULL };

  say_feedback (out, fs_feedback_parameter_copy (&parameter));
}

ROW (fs_feedback_parameter_copy, null) { say_feedback (out, fs_feedback_parameter_copy (NULL)); }
ROW (fs_feedback_parameter_free, null) { fs_feedback_parameter_free (NULL); }

ROW (fs_feedback_parameter_free, ordinary) {
  FsCodec *codec = full ();

  fs_feedback_parameter_free (fs_feedback_parameter_copy (codec->feedback_params->data));
}
