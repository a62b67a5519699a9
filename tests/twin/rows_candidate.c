/* SPDX-License-Identifier: MPL-2.0 */

/* Candidates and RTP header extensions. */

#include "twin.h"

static FsCandidate *
full (void)
{
  return fs_candidate_new_full ("F", 2, "1.2.3.4", 5, "6.7.8.9", 10, FS_NETWORK_PROTOCOL_TCP_SO, 11,
      FS_CANDIDATE_TYPE_RELAY, "user", "secret", 12);
}

static FsCandidate *
host (void)
{
  return fs_candidate_new ("L1", 1, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP, "127.0.0.1", 4000);
}

ROW (fs_candidate_new, ordinary) { say_candidate (out, host ()); }
ROW (fs_candidate_new, nulls) { say_candidate (out, fs_candidate_new (NULL, 0, 0, 0, NULL, 0)); }

ROW (fs_candidate_new, out_of_range) {
  say_candidate (out, fs_candidate_new ("", G_MAXUINT, 77, -3, "no address", 70000));
}

ROW (fs_candidate_new_full, ordinary) { say_candidate (out, full ()); }

ROW (fs_candidate_new_full, nulls) {
  say_candidate (out, fs_candidate_new_full (NULL, 0, NULL, 0, NULL, 0, 0, 0, 0, NULL, NULL, 0));
}

ROW (fs_candidate_new_full, out_of_range) {
  say_candidate (out, fs_candidate_new_full ("", G_MAXUINT, "", G_MAXUINT16, "", G_MAXUINT16, 9, G_MAXUINT32, 9, "", "",
          G_MAXUINT));
}

ROW (fs_candidate_copy, null) { say_candidate (out, fs_candidate_copy (NULL)); }

ROW (fs_candidate_copy, full) {
  FsCandidate *candidate = full (), *copy = fs_candidate_copy (candidate);

  say_bool (out, copy != candidate && copy->ip != candidate->ip && copy->password != candidate->password);
  fs_candidate_destroy (candidate);
  say_candidate (out, copy);
  fs_candidate_destroy (copy);
}

ROW (fs_candidate_copy, strange) {
  say_candidate (out, fs_candidate_copy (fs_candidate_new (NULL, G_MAXUINT, 77, -3, NULL, 0)));
}

ROW (fs_candidate_destroy, null) { fs_candidate_destroy (NULL); }
ROW (fs_candidate_destroy, full) { fs_candidate_destroy (full ()); }
ROW (fs_candidate_destroy, nulls) { fs_candidate_destroy (fs_candidate_new (NULL, 0, 0, 0, NULL, 0)); }

ROW (fs_candidate_list_copy, null) { say (out, "%u", g_list_length (fs_candidate_list_copy (NULL))); }

ROW (fs_candidate_list_copy, two) {
  GList *list = g_list_append (one (full ()), host ()), *copy = fs_candidate_list_copy (list);

  say_bool (out, copy->data != list->data);
  fs_candidate_list_destroy (list);
  say_candidate (out, copy->data);
  say_candidate (out, copy->next->data);
  fs_candidate_list_destroy (copy);
}

ROW (fs_candidate_list_copy, null_item) { say (out, "%u", g_list_length (fs_candidate_list_copy (one (NULL)))); }
ROW (fs_candidate_list_destroy, null) { fs_candidate_list_destroy (NULL); }
ROW (fs_candidate_list_destroy, two) { fs_candidate_list_destroy (g_list_append (one (full ()), host ())); }
ROW (fs_candidate_list_destroy, null_item) { fs_candidate_list_destroy (one (NULL)); }

ROW (fs_value_set_candidate_list, ordinary) {
  GValue value = G_VALUE_INIT;
  GList *list = one (full ()), *copy;

  fs_value_set_candidate_list (&value, list);
  say_bool (out, G_VALUE_HOLDS (&value, FS_TYPE_CANDIDATE_LIST));
  copy = g_value_get_boxed (&value);
  say_bool (out, copy != list);
  fs_candidate_list_destroy (list);
  say_candidate (out, copy->data);
  g_value_unset (&value);
}

ROW (fs_value_set_candidate_list, null_list) {
  GValue value = G_VALUE_INIT;

  fs_value_set_candidate_list (&value, NULL);
  say (out, "%s %s", G_VALUE_TYPE_NAME (&value), g_value_get_boxed (&value) ? "list" : "NULL");
}

ROW (fs_value_set_candidate_list, initialised) {
  GValue value = G_VALUE_INIT;

  g_value_init (&value, FS_TYPE_CANDIDATE_LIST);
  fs_value_set_candidate_list (&value, one (full ()));
  say (out, "%s %u", G_VALUE_TYPE_NAME (&value), g_list_length (g_value_get_boxed (&value)));
}

ROW (fs_value_set_candidate_list, other_type) {
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);
  fs_value_set_candidate_list (&value, one (full ()));
  say (out, "%s", G_VALUE_TYPE_NAME (&value));
}

ROW (fs_value_set_candidate_list, null_value) { fs_value_set_candidate_list (NULL, one (full ())); }

static FsRtpHeaderExtension *
extension (void)
{
  return fs_rtp_header_extension_new (3, FS_DIRECTION_BOTH, "urn:x");
}

ROW (fs_rtp_header_extension_new, ordinary) { say_extensions (out, one (extension ())); }

ROW (fs_rtp_header_extension_new, edges) {
  say_extensions (out, one (fs_rtp_header_extension_new (0, FS_DIRECTION_NONE, NULL)));
  say_extensions (out, one (fs_rtp_header_extension_new (G_MAXUINT, 77, "")));
}

ROW (fs_rtp_header_extension_copy, null) { say (out, "%s", fs_rtp_header_extension_copy (NULL) ? "something" : "NULL"); }

ROW (fs_rtp_header_extension_copy, ordinary) {
  FsRtpHeaderExtension *original = extension (), *copy = fs_rtp_header_extension_copy (original);

  say_bool (out, copy != original && copy->uri != original->uri);
  fs_rtp_header_extension_destroy (original);
  say_extensions (out, one (copy));
}

ROW (fs_rtp_header_extension_copy, strange) {
  say_extensions (out, one (fs_rtp_header_extension_copy (fs_rtp_header_extension_new (G_MAXUINT, 77, NULL))));
}

ROW (fs_rtp_header_extension_destroy, null) { fs_rtp_header_extension_destroy (NULL); }
ROW (fs_rtp_header_extension_destroy, ordinary) { fs_rtp_header_extension_destroy (extension ()); }

ROW (fs_rtp_header_extension_are_equal, every) {
  FsRtpHeaderExtension *others[] = { extension (), fs_rtp_header_extension_new (4, FS_DIRECTION_BOTH, "urn:x"),
    fs_rtp_header_extension_new (3, FS_DIRECTION_SEND, "urn:x"), fs_rtp_header_extension_new (3, FS_DIRECTION_BOTH, "urn:X"),
    fs_rtp_header_extension_new (3, FS_DIRECTION_BOTH, NULL) };

  for (guint i = 0; i < G_N_ELEMENTS (others); i++) {
    say_bool (out, fs_rtp_header_extension_are_equal (others[0], others[i]));
    say_bool (out, fs_rtp_header_extension_are_equal (others[i], others[4]));
  }
}

ROW (fs_rtp_header_extension_are_equal, null_uris) {
  say_bool (out, fs_rtp_header_extension_are_equal (fs_rtp_header_extension_new (1, 0, NULL),
          fs_rtp_header_extension_new (1, 0, NULL)));
}

ROW (fs_rtp_header_extension_are_equal, nulls) {
  say_bool (out, fs_rtp_header_extension_are_equal (NULL, NULL));
  say_bool (out, fs_rtp_header_extension_are_equal (extension (), NULL));
  say_bool (out, fs_rtp_header_extension_are_equal (NULL, extension ()));
}

ROW (fs_rtp_header_extension_list_copy, null) { say_extensions (out, fs_rtp_header_extension_list_copy (NULL)); }

ROW (fs_rtp_header_extension_list_copy, two) {
  GList *list = g_list_append (one (extension ()), extension ()), *copy = fs_rtp_header_extension_list_copy (list);

  say_bool (out, copy->data != list->data);
  fs_rtp_header_extension_list_destroy (list);
  say_extensions (out, copy);
}

ROW (fs_rtp_header_extension_list_copy, null_item) {
  say (out, "%u", g_list_length (fs_rtp_header_extension_list_copy (one (NULL))));
}

ROW (fs_rtp_header_extension_list_destroy, null) { fs_rtp_header_extension_list_destroy (NULL); }
ROW (fs_rtp_header_extension_list_destroy, ordinary) { fs_rtp_header_extension_list_destroy (one (extension ())); }
ROW (fs_rtp_header_extension_list_destroy, null_item) { fs_rtp_header_extension_list_destroy (one (NULL)); }
