/* SPDX-License-Identifier: MPL-2.0 */

/* Prints all that GObject knows of the 25 types of the library: parents, sizes, properties with type, flags, default and
 * range, signals, members of enumerations, and which virtual methods the classes fill in. Two libraries are equal if they
 * print the same. */

#include <farstream/fs-conference.h>
#include <farstream/fs-element-added-notifier.h>
#include <farstream/fs-plugin.h>
#include <farstream/fs-rtp.h>
#include <farstream/fs-transmitter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATIC_STRINGS (G_PARAM_STATIC_NAME | G_PARAM_STATIC_NICK | G_PARAM_STATIC_BLURB)

static void
print_value (const char *what, const GValue *value)
{
  gboolean none = G_VALUE_HOLDS_BOXED (value) && !g_value_get_boxed (value);
  gchar *text = none ? g_strdup ("NULL") : g_strdup_value_contents (value);

  printf (" %s=%s", what, text);
  g_free (text);
}

static void
print_range (GParamSpec *spec)
{
  if (G_IS_PARAM_SPEC_UINT (spec))
    printf (" range=%u..%u", G_PARAM_SPEC_UINT (spec)->minimum, G_PARAM_SPEC_UINT (spec)->maximum);
  else if (G_IS_PARAM_SPEC_INT (spec))
    printf (" range=%d..%d", G_PARAM_SPEC_INT (spec)->minimum, G_PARAM_SPEC_INT (spec)->maximum);
}

static void
print_properties (GType type, GObjectClass *klass)
{
  guint count;
  GParamSpec **specs = g_object_class_list_properties (klass, &count);

  for (guint i = 0; i < count; i++) {
    if (specs[i]->owner_type != type)
      continue;
    printf ("property %s.%s pspec=%s type=%s flags=%#x", g_type_name (type), specs[i]->name, G_PARAM_SPEC_TYPE_NAME (specs[i]),
        g_type_name (specs[i]->value_type), specs[i]->flags & ~STATIC_STRINGS);
    print_value ("default", g_param_spec_get_default_value (specs[i]));
    print_range (specs[i]);
    printf (" described=%d\n", g_param_spec_get_blurb (specs[i]) && *g_param_spec_get_blurb (specs[i]));
  }
  g_free (specs);
}

static void
print_signals (GType type)
{
  guint count;
  guint *ids = g_signal_list_ids (type, &count);

  for (guint i = 0; i < count; i++) {
    GSignalQuery query;

    g_signal_query (ids[i], &query);
    printf ("signal %s::%s flags=%#x returns=%s (", g_type_name (type), query.signal_name, query.signal_flags,
        g_type_name (query.return_type));
    for (guint j = 0; j < query.n_params; j++)
      printf ("%s%s%s", j ? ", " : "", g_type_name (query.param_types[j] & ~G_SIGNAL_TYPE_STATIC_SCOPE),
          query.param_types[j] & G_SIGNAL_TYPE_STATIC_SCOPE ? " static" : "");
    printf (")\n");
  }
  g_free (ids);
}

/* Which words of the class structure, behind that of the parent, are filled. */
static void
print_methods (GType type, gpointer klass)
{
  GTypeQuery own, parent;

  g_type_query (type, &own);
  g_type_query (g_type_parent (type), &parent);
  printf ("methods %s filled=", g_type_name (type));
  for (guint offset = parent.class_size; offset + sizeof (gpointer) <= own.class_size; offset += sizeof (gpointer))
    printf ("%d", G_STRUCT_MEMBER (gpointer, klass, offset) != NULL);
  printf ("\n");
}

static void
print_object (GType type)
{
  gpointer klass = g_type_class_ref (type);
  guint count;
  GType *interfaces = g_type_interfaces (type, &count);

  printf ("interfaces %s:", g_type_name (type));
  for (guint i = 0; i < count; i++)
    printf (" %s", g_type_name (interfaces[i]));
  printf ("\n");
  g_free (interfaces);
  print_properties (type, klass);
  print_signals (type);
  print_methods (type, klass);
  g_type_class_unref (klass);
}

static void
print_members (GType type)
{
  gpointer klass = g_type_class_ref (type);

  if (G_IS_ENUM_CLASS (klass)) {
    GEnumClass *members = klass;
    printf ("range %s %d..%d\n", g_type_name (type), members->minimum, members->maximum);
    for (guint i = 0; i < members->n_values; i++)
      printf ("member %s %u: %d %s \"%s\"\n", g_type_name (type), i, members->values[i].value,
          members->values[i].value_name, members->values[i].value_nick);
  } else {
    GFlagsClass *members = klass;
    printf ("mask %s %#x\n", g_type_name (type), members->mask);
    for (guint i = 0; i < members->n_values; i++)
      printf ("member %s %u: %u %s \"%s\"\n", g_type_name (type), i, members->values[i].value,
          members->values[i].value_name, members->values[i].value_nick);
  }
  g_type_class_unref (klass);
}

static void
print_type (const char *getter, GType type)
{
  GTypeQuery query = { 0 };

  /* Leaves alone what it is given for a type without a class, as boxed ones are. */
  g_type_query (type, &query);
  printf ("type %s %s parents=", getter, g_type_name (type));
  for (GType parent = g_type_parent (type); parent; parent = g_type_parent (parent))
    printf ("%s,", g_type_name (parent));
  printf (" abstract=%d", G_TYPE_IS_ABSTRACT (type) != 0);
  printf (" final=%d derivable=%d class=%u instance=%u\n", G_TYPE_IS_FINAL (type) != 0, G_TYPE_IS_DERIVABLE (type) != 0,
      query.class_size, query.instance_size);
  if (G_TYPE_IS_OBJECT (type))
    print_object (type);
  else if (G_TYPE_IS_ENUM (type) || G_TYPE_IS_FLAGS (type))
    print_members (type);
}

#define PRINT(getter) print_type (#getter, getter ())

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  PRINT (fs_candidate_get_type);
  PRINT (fs_candidate_list_get_type);
  PRINT (fs_candidate_type_get_type);
  PRINT (fs_codec_get_type);
  PRINT (fs_codec_list_get_type);
  PRINT (fs_codec_parameter_get_type);
  PRINT (fs_component_type_get_type);
  PRINT (fs_conference_get_type);
  PRINT (fs_dtmf_event_get_type);
  PRINT (fs_dtmf_method_get_type);
  PRINT (fs_element_added_notifier_get_type);
  PRINT (fs_error_get_type);
  PRINT (fs_feedback_parameter_get_type);
  PRINT (fs_media_type_get_type);
  PRINT (fs_network_protocol_get_type);
  PRINT (fs_participant_get_type);
  PRINT (fs_plugin_get_type);
  PRINT (fs_rtp_header_extension_get_type);
  PRINT (fs_rtp_header_extension_list_get_type);
  PRINT (fs_session_get_type);
  PRINT (fs_stream_direction_get_type);
  PRINT (fs_stream_get_type);
  PRINT (fs_stream_state_get_type);
  PRINT (fs_stream_transmitter_get_type);
  PRINT (fs_transmitter_get_type);
  printf ("quark %s\n", g_quark_to_string (fs_error_quark ()));
  return 0;
}
