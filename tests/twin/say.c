/* SPDX-License-Identifier: MPL-2.0 */

/* What a row saw, in words that are the same on every library. */

#include "twin.h"

static void
word (GString *out)
{
  if (out->len)
    g_string_append_c (out, ' ');
}

void
say (GString *out, const char *format, ...)
{
  va_list arguments;

  word (out);
  va_start (arguments, format);
  g_string_append_vprintf (out, format, arguments);
  va_end (arguments);
}

void
say_bool (GString *out, gboolean answer)
{
  say (out, answer == TRUE ? "TRUE" : answer == FALSE ? "FALSE" : "neither TRUE nor FALSE");
}

void
say_text (GString *out, const char *text)
{
  if (text)
    say (out, "\"%s\"", text);
  else
    say (out, "NULL");
}

void
say_error (GString *out, GError **error)
{
  GEnumClass *codes;
  GEnumValue *code;

  if (!*error)
    return;
  if ((*error)->domain == FS_ERROR) {
    codes = g_type_class_ref (FS_TYPE_ERROR);
    code = g_enum_get_value (codes, (*error)->code);
    say (out, "error=%s", code ? code->value_nick : "unknown");
    g_type_class_unref (codes);
  } else {
    say (out, "error=%s:%d", g_quark_to_string ((*error)->domain), (*error)->code);
  }
  if (!(*error)->message || !(*error)->message[0])
    say (out, "without text");
  g_clear_error (error);
}

void
say_result (GString *out, gboolean answer, GError **error)
{
  say_bool (out, answer);
  say_error (out, error);
}

void
say_made (GString *out, gpointer object, GError **error)
{
  say (out, "%s", object ? G_OBJECT_TYPE_NAME (object) : "NULL");
  say_error (out, error);
}

void
say_codec (GString *out, const FsCodec *codec)
{
  gchar *text = fs_codec_to_string (codec);

  say (out, "[%s]", text);
  g_free (text);
}

void
say_codecs (GString *out, const GList *codecs)
{
  if (!codecs)
    say (out, "none");
  for (; codecs; codecs = codecs->next)
    say_codec (out, codecs->data);
}

void
say_candidate (GString *out, const FsCandidate *candidate)
{
  if (!candidate) {
    say (out, "NULL");
    return;
  }
  say (out, "{%s %u %s %u base %s %u proto %d priority %u type %d %s %s ttl %u}", candidate->foundation,
      candidate->component_id, candidate->ip, candidate->port, candidate->base_ip, candidate->base_port, candidate->proto,
      candidate->priority, candidate->type, candidate->username, candidate->password, candidate->ttl);
}

void
say_extensions (GString *out, const GList *extensions)
{
  if (!extensions)
    say (out, "none");
  for (; extensions; extensions = extensions->next) {
    const FsRtpHeaderExtension *extension = extensions->data;

    say (out, "{%u %d %s}", extension->id, extension->direction, extension->uri);
  }
}

void
say_listed (GString *out, gchar **names, const char *name)
{
  if (!names)
    say (out, "NULL");
  else
    say (out, "%s %s", name, g_strv_contains ((const gchar * const *) names, name) ? "listed" : "not listed");
  g_strfreev (names);
}

FsCodec *
pcma (void)
{
  return fs_codec_new (8, "PCMA", FS_MEDIA_TYPE_AUDIO, 8000);
}

FsCodec *
named_codec (int id, const char *name, FsMediaType media_type, guint clock_rate)
{
  return fs_codec_new (id, name, media_type, clock_rate);
}

GList *
one (gpointer item)
{
  return g_list_append (NULL, item);
}
