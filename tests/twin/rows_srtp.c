/* SPDX-License-Identifier: MPL-2.0 */

/* Keys for SRTP: what is taken, what is refused, and that a refused one leaves the old. */

#include "twin.h"

/* "FarstreamSRTP" with a key of that many bytes and the fields of the text, in the way of gst_structure_from_string. */
static GstStructure *
keys (guint length, const char *fields)
{
  gchar *text = g_strconcat ("FarstreamSRTP", *fields ? "," : "", fields, NULL);
  GstStructure *parameters = gst_structure_from_string (text, NULL);
  GstBuffer *key = gst_buffer_new_allocate (NULL, length, NULL);

  g_assert_true (parameters);
  gst_buffer_memset (key, 0, 7, length);
  if (length)
    gst_structure_set (parameters, "key", GST_TYPE_BUFFER, key, NULL);
  gst_buffer_unref (key);
  g_free (text);
  return parameters;
}

typedef gboolean (*Set) (Call *call, GstStructure *parameters, GError **error);

static gboolean
encrypt (Call *call, GstStructure *parameters, GError **error)
{
  return fs_session_set_encryption_parameters (call->session, parameters, error);
}

static gboolean
decrypt (Call *call, GstStructure *parameters, GError **error)
{
  return fs_stream_set_decryption_parameters (call->stream, parameters, error);
}

#define GOOD "cipher=(string)aes-128-icm,auth=(string)hmac-sha1-80"

/* Sets good keys, then those of the row, and says which are in use afterwards. */
static void
set_keys (GString *out, Set set, GstStructure *parameters)
{
  Call *call = rtp_call (FS_MEDIA_TYPE_AUDIO);
  GstStructure *used = NULL;
  GError *error = NULL;
  gboolean good = set (call, keys (30, GOOD), &error);

  if (!good)
    say_result (out, good, &error);
  good = set (call, parameters, &error);
  say_result (out, good, &error);
  if (set == encrypt)
    g_object_get (call->session, "encryption-parameters", &used, NULL);
  else
    g_object_get (call->stream, "decryption-parameters", &used, NULL);
  say (out, "%s", !used ? "no keys" : gst_structure_has_field (used, "mark") ? "the new keys" : "the old keys");
  call_free (call);
}

#define KEYS(name, structure) \
  ROW (fs_session_set_encryption_parameters, rtp_##name) { set_keys (out, encrypt, structure); } \
  ROW (fs_stream_set_decryption_parameters, rtp_##name) { set_keys (out, decrypt, structure); }

KEYS (keys, keys (30, GOOD ",mark=1"))
KEYS (keys_32, keys (30, "cipher=(string)aes-128-icm,auth=(string)hmac-sha1-32,mark=1"))
KEYS (keys_256, keys (46, "cipher=(string)aes-256-icm,auth=(string)hmac-sha1-80,mark=1"))
KEYS (keys_gcm, keys (28, "cipher=(string)aes-128-gcm,auth=(string)null,mark=1"))
KEYS (keys_each, keys (30, "rtp-cipher=(string)aes-128-icm,rtcp-cipher=(string)null,rtp-auth=(string)hmac-sha1-80,"
        "rtcp-auth=(string)hmac-sha1-80,mark=1"))
KEYS (no_cipher, keys (30, "auth=(string)hmac-sha1-80,mark=1"))
KEYS (null_everything, keys (30, "cipher=(string)null,auth=(string)null,mark=1"))
KEYS (none_again, NULL)
KEYS (another_name, gst_structure_new_empty ("Other"))
KEYS (without_key, keys (0, GOOD ",mark=1"))
KEYS (key_of_text, gst_structure_from_string ("FarstreamSRTP," GOOD ",key=(string)x,mark=1", NULL))
KEYS (key_too_short, keys (3, GOOD ",mark=1"))
KEYS (key_too_long, keys (31, GOOD ",mark=1"))
KEYS (key_of_other_cipher, keys (30, "cipher=(string)aes-256-icm,auth=(string)hmac-sha1-80,mark=1"))
KEYS (without_auth, keys (30, "cipher=(string)aes-128-icm,mark=1"))
KEYS (only_rtp_auth, keys (30, "cipher=(string)aes-128-icm,rtp-auth=(string)hmac-sha1-80,mark=1"))
KEYS (unknown_cipher, keys (30, "cipher=(string)rot13,auth=(string)hmac-sha1-80,mark=1"))
KEYS (unknown_auth, keys (30, "cipher=(string)aes-128-icm,auth=(string)md5,mark=1"))
KEYS (cipher_of_number, keys (30, "cipher=(int)1,auth=(string)hmac-sha1-80,mark=1"))
KEYS (window, keys (30, GOOD ",replay-window-size=(uint)64,mark=1"))
KEYS (window_too_small, keys (30, GOOD ",replay-window-size=(uint)63,mark=1"))
KEYS (window_too_large, keys (30, GOOD ",replay-window-size=(uint)32768,mark=1"))
KEYS (window_of_int, keys (30, GOOD ",replay-window-size=(int)128,mark=1"))
