/* SPDX-License-Identifier: MPL-2.0 */

/* A transmitter written outside of the library, in C: "plainudp" carries packets by UDP on the loopback interface.
 *
 * It is a complete plugin. Compiled against the headers of any Farstream 0.2 into libplainudp-transmitter.so and put
 * into a folder of FS_PLUGIN_PATH, a program uses it by name:
 *
 *     fs_stream_set_transmitter (stream, "plainudp", NULL, 0, &error);
 *
 * A session has one transmitter, which owns two bins: packets to send arrive at the pads sink_1 (RTP) and sink_2 (RTCP)
 * of one, received packets leave by src_1 and src_2 of the other. Each stream of the session has a stream transmitter,
 * which adds its socket to both bins, announces its address as local candidate, and sends to the remote candidate:
 *
 *     sink_1 -> tee -+-> valve -> multiudpsink (stream A)    udpsrc (stream A) -+-> funnel -> src_1
 *                    +-> valve -> multiudpsink (stream B)    udpsrc (stream B) -+
 */

#include <string.h>

#include <gio/gio.h>
#include <gst/net/gstnetaddressmeta.h>

#include <farstream/fs-conference.h>
#include <farstream/fs-plugin.h>
#include <farstream/fs-transmitter.h>

#define LOOPBACK "127.0.0.1"
#define RTP 1

/* ------------------------------------------------------------------------------------------- the transmitter */

typedef struct
{
  FsTransmitter parent;
  GstElement *src, *sink;
  GstElement **funnels, **tees; /* one a component; the first is at index 0 */
  guint components, tos;
  gboolean do_timestamp;
} PlainUdp;
typedef FsTransmitterClass PlainUdpClass;

static GType plain_udp_get_type (void);
static GType plain_udp_stream_get_type (void);
static FsStreamTransmitter *plain_udp_stream_new (PlainUdp *transmitter, guint n_parameters, GParameter *parameters,
    GError **error);

G_DEFINE_TYPE (PlainUdp, plain_udp, FS_TYPE_TRANSMITTER)

enum { TRANSMITTER_SRC = 1, TRANSMITTER_SINK, TRANSMITTER_COMPONENTS, TRANSMITTER_TOS, TRANSMITTER_DO_TIMESTAMP };

/* Makes an element inside of a bin; NULL when its GStreamer plugin is not installed. */
static GstElement *
add_element (GstElement *bin, const gchar *factory)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element && !gst_bin_add (GST_BIN (bin), element))
    return NULL;
  return element;
}

/* Makes a pad of an element a pad of its bin. */
static gboolean
expose_pad (GstElement *bin, GstElement *element, const gchar *pad_name, guint component)
{
  GstPad *pad = gst_element_get_static_pad (element, pad_name);
  gchar *name = g_strdup_printf ("%s_%u", pad_name, component);
  GstPad *ghost = gst_ghost_pad_new (name, pad);

  g_free (name);
  gst_object_unref (pad);
  return gst_element_add_pad (bin, ghost);
}

/* A failure goes into `construction_error`, which fs_transmitter_new() then reports. */
static void
plain_udp_constructed (GObject *object)
{
  PlainUdp *self = (PlainUdp *) object;

  self->src = gst_object_ref_sink (gst_bin_new (NULL));
  self->sink = gst_object_ref_sink (gst_bin_new (NULL));
  self->funnels = g_new0 (GstElement *, self->components);
  self->tees = g_new0 (GstElement *, self->components);
  for (guint i = 0; i < self->components; i++) {
    self->funnels[i] = add_element (self->src, "funnel");
    self->tees[i] = add_element (self->sink, "tee");
    if (!self->funnels[i] || !self->tees[i]
        || !expose_pad (self->src, self->funnels[i], "src", i + 1)
        || !expose_pad (self->sink, self->tees[i], "sink", i + 1)) {
      FS_TRANSMITTER (self)->construction_error = g_error_new (FS_ERROR, FS_ERROR_CONSTRUCTION,
          "plainudp needs the elements funnel and tee: is gstreamer's core elements plugin installed?");
      break;
    }
    g_object_set (self->tees[i], "allow-not-linked", TRUE, NULL);
  }
  if (G_OBJECT_CLASS (plain_udp_parent_class)->constructed)
    G_OBJECT_CLASS (plain_udp_parent_class)->constructed (object);
}

static void
plain_udp_dispose (GObject *object)
{
  PlainUdp *self = (PlainUdp *) object;

  gst_clear_object (&self->src);
  gst_clear_object (&self->sink);
  G_OBJECT_CLASS (plain_udp_parent_class)->dispose (object);
}

static void
plain_udp_finalize (GObject *object)
{
  PlainUdp *self = (PlainUdp *) object;

  g_free (self->funnels);
  g_free (self->tees);
  G_OBJECT_CLASS (plain_udp_parent_class)->finalize (object);
}

static void
plain_udp_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  PlainUdp *self = (PlainUdp *) object;

  switch (id) {
    case TRANSMITTER_SRC: g_value_set_object (value, self->src); break;
    case TRANSMITTER_SINK: g_value_set_object (value, self->sink); break;
    case TRANSMITTER_COMPONENTS: g_value_set_uint (value, self->components); break;
    case TRANSMITTER_TOS: g_value_set_uint (value, self->tos); break;
    case TRANSMITTER_DO_TIMESTAMP: g_value_set_boolean (value, self->do_timestamp); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
plain_udp_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  PlainUdp *self = (PlainUdp *) object;

  switch (id) {
    case TRANSMITTER_COMPONENTS: self->components = g_value_get_uint (value); break;
    case TRANSMITTER_TOS: self->tos = g_value_get_uint (value); break;   /* for streams that are made from now on */
    case TRANSMITTER_DO_TIMESTAMP: self->do_timestamp = g_value_get_boolean (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static FsStreamTransmitter *
plain_udp_new_stream_transmitter (FsTransmitter *transmitter, FsParticipant *participant G_GNUC_UNUSED,
    guint n_parameters, GParameter *parameters, GError **error)
{
  return plain_udp_stream_new ((PlainUdp *) transmitter, n_parameters, parameters, error);
}

/* fs_stream_set_transmitter_ht() asks the properties of this type what parameters there are. */
static GType
plain_udp_get_stream_transmitter_type (FsTransmitter *transmitter G_GNUC_UNUSED)
{
  return plain_udp_stream_get_type ();
}

static void
plain_udp_init (PlainUdp *self)
{
  self->do_timestamp = TRUE;
}

static void
plain_udp_class_init (PlainUdpClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->constructed = plain_udp_constructed;
  object_class->dispose = plain_udp_dispose;
  object_class->finalize = plain_udp_finalize;
  object_class->get_property = plain_udp_get_property;
  object_class->set_property = plain_udp_set_property;
  klass->new_stream_transmitter = plain_udp_new_stream_transmitter;
  klass->get_stream_transmitter_type = plain_udp_get_stream_transmitter_type;
  g_object_class_override_property (object_class, TRANSMITTER_SRC, "gst-src");
  g_object_class_override_property (object_class, TRANSMITTER_SINK, "gst-sink");
  g_object_class_override_property (object_class, TRANSMITTER_COMPONENTS, "components");
  g_object_class_override_property (object_class, TRANSMITTER_TOS, "tos");
  g_object_class_override_property (object_class, TRANSMITTER_DO_TIMESTAMP, "do-timestamp");
}

/* ------------------------------------------------------------------------------------ the stream transmitter */

typedef struct
{
  guint number;
  GSocket *socket;
  GstElement *source, *valve, *sink;
  FsCandidate *local, *remote;
  GSocketAddress *remote_address;
} Component;

typedef struct
{
  FsStreamTransmitter parent;
  PlainUdp *transmitter;
  GMutex lock;                  /* for what the streaming threads look at: the remote addresses */
  Component *components;
  guint n_components;
  gboolean sending;
  gboolean associate_on_source;
  GList *preferred;
} PlainUdpStream;
typedef FsStreamTransmitterClass PlainUdpStreamClass;

G_DEFINE_TYPE (PlainUdpStream, plain_udp_stream, FS_TYPE_STREAM_TRANSMITTER)

enum { STREAM_SENDING = 1, STREAM_PREFERRED, STREAM_ASSOCIATE };

/* A packet from the remote candidate tells the session whose SSRC it carries. Runs on the thread of the source. */
static GstPadProbeReturn
on_packet (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  PlainUdpStream *self = data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstNetAddressMeta *meta = gst_buffer_get_net_address_meta (buffer);
  guint number = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (pad), "component"));
  Component *component = &self->components[number - 1];
  gboolean known = FALSE;

  g_mutex_lock (&self->lock);
  if (meta && component->remote_address) {
    GInetSocketAddress *from = G_INET_SOCKET_ADDRESS (meta->addr);
    GInetSocketAddress *remote = G_INET_SOCKET_ADDRESS (component->remote_address);

    known = g_inet_socket_address_get_port (from) == g_inet_socket_address_get_port (remote)
        && g_inet_address_equal (g_inet_socket_address_get_address (from),
        g_inet_socket_address_get_address (remote));
  }
  g_mutex_unlock (&self->lock);
  /* No lock is held while others run. */
  if (known && self->associate_on_source)
    g_signal_emit_by_name (self, "known-source-packet-received", number, buffer);
  return GST_PAD_PROBE_OK;
}

/* A socket on a free port of the loopback interface. */
static gboolean
open_socket (Component *component, GError **error)
{
  GSocketAddress *any_port = g_inet_socket_address_new_from_string (LOOPBACK, 0), *bound;

  component->socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, error);
  if (component->socket && g_socket_bind (component->socket, any_port, FALSE, error)
      && (bound = g_socket_get_local_address (component->socket, error))) {
    component->local = fs_candidate_new ("1", component->number, FS_CANDIDATE_TYPE_HOST, FS_NETWORK_PROTOCOL_UDP,
        LOOPBACK, g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
    g_object_unref (bound);
  }
  g_object_unref (any_port);
  return component->local != NULL;
}

/* Puts the elements of a component into the two bins of the transmitter. */
static gboolean
add_elements (PlainUdpStream *self, Component *component)
{
  PlainUdp *transmitter = self->transmitter;
  GstPad *pad;

  component->source = add_element (transmitter->src, "udpsrc");
  component->valve = add_element (transmitter->sink, "valve");
  component->sink = add_element (transmitter->sink, "multiudpsink");
  if (!component->source || !component->valve || !component->sink)
    return FALSE;

  g_object_set (component->source, "socket", component->socket, "close-socket", FALSE, "do-timestamp",
      transmitter->do_timestamp, NULL);
  g_object_set (component->valve, "drop", TRUE, NULL);
  g_object_set (component->sink, "socket", component->socket, "close-socket", FALSE, "sync", FALSE, "async", FALSE,
      "qos-dscp", transmitter->tos ? (gint) (transmitter->tos >> 2) : -1, NULL);

  pad = gst_element_get_static_pad (component->source, "src");
  g_object_set_data (G_OBJECT (pad), "component", GUINT_TO_POINTER (component->number));
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_packet, self, NULL);
  gst_object_unref (pad);

  /* What sends is running before the first packet reaches it; what receives starts last. */
  return gst_element_link (component->valve, component->sink)
      && gst_element_sync_state_with_parent (component->sink)
      && gst_element_sync_state_with_parent (component->valve)
      && gst_element_link (transmitter->tees[component->number - 1], component->valve)
      && gst_element_link (component->source, transmitter->funnels[component->number - 1])
      && gst_element_sync_state_with_parent (component->source);
}

/* Takes an element out of its bin, and the pad it was linked to off the tee or funnel. */
static void
remove_element (GstElement *bin, GstElement *element, const gchar *pad_name, GstElement *hub)
{
  GstPad *pad, *hub_pad = NULL;

  if (!element)
    return;
  pad = gst_element_get_static_pad (element, pad_name);
  if (hub)
    hub_pad = gst_pad_get_peer (pad);
  if (hub_pad && GST_PAD_IS_SRC (hub_pad))
    gst_element_release_request_pad (hub, hub_pad);
  gst_element_set_locked_state (element, TRUE);
  gst_element_set_state (element, GST_STATE_NULL);
  if (hub_pad && GST_PAD_IS_SINK (hub_pad))
    gst_element_release_request_pad (hub, hub_pad);
  gst_bin_remove (GST_BIN (bin), element);
  gst_clear_object (&hub_pad);
  gst_object_unref (pad);
}

/* After this no thread of ours runs any more. May be called twice. */
static void
plain_udp_stream_stop (FsStreamTransmitter *stream_transmitter)
{
  PlainUdpStream *self = (PlainUdpStream *) stream_transmitter;

  for (guint i = 0; i < self->n_components; i++) {
    Component *component = &self->components[i];

    remove_element (self->transmitter->sink, component->valve, "sink", self->transmitter->tees[i]);
    remove_element (self->transmitter->sink, component->sink, "sink", NULL);
    remove_element (self->transmitter->src, component->source, "src", self->transmitter->funnels[i]);
    component->valve = component->sink = component->source = NULL;
    g_clear_object (&component->socket);
  }
}

static FsStreamTransmitter *
plain_udp_stream_new (PlainUdp *transmitter, guint n_parameters, GParameter *parameters, GError **error)
{
  PlainUdpStream *self;
  const gchar **names = g_new0 (const gchar *, n_parameters + 1);
  GValue *values = g_new0 (GValue, n_parameters + 1);
  gboolean good = TRUE;

  for (guint i = 0; i < n_parameters; i++) {
    names[i] = parameters[i].name;
    values[i] = parameters[i].value;
  }
  self = (PlainUdpStream *) g_object_new_with_properties (plain_udp_stream_get_type (), n_parameters, names, values);
  g_free (names);
  g_free (values);

  self->transmitter = g_object_ref (transmitter);
  self->n_components = transmitter->components;
  self->components = g_new0 (Component, self->n_components);
  for (guint i = 0; i < self->n_components && good; i++) {
    self->components[i].number = i + 1;
    good = open_socket (&self->components[i], error);
    if (good && !add_elements (self, &self->components[i])) {
      g_set_error (error, FS_ERROR, FS_ERROR_CONSTRUCTION, "plainudp could not set up udpsrc, valve and multiudpsink");
      good = FALSE;
    }
  }
  if (!good) {
    plain_udp_stream_stop (FS_STREAM_TRANSMITTER (self));
    g_clear_object (&self);
  }
  return (FsStreamTransmitter *) self;
}

/* The addresses are known since construction. */
static gboolean
plain_udp_stream_gather_local_candidates (FsStreamTransmitter *stream_transmitter, GError **error G_GNUC_UNUSED)
{
  PlainUdpStream *self = (PlainUdpStream *) stream_transmitter;

  for (guint i = 0; i < self->n_components; i++)
    g_signal_emit_by_name (self, "new-local-candidate", self->components[i].local);
  g_signal_emit_by_name (self, "local-candidates-prepared");
  return TRUE;
}

/* `sending` is about media: control packets always go. */
static void
update_valve (PlainUdpStream *self, Component *component)
{
  gboolean open = component->remote != NULL && (self->sending || component->number != RTP);

  if (component->valve)
    g_object_set (component->valve, "drop", !open, NULL);
}

/* A udpsink would do for one address, but it begins with one of its own. */
static void
send_to (Component *component, FsCandidate *candidate)
{
  gchar *client = g_strdup_printf ("%s:%u", candidate->ip, candidate->port);

  if (component->sink)
    g_object_set (component->sink, "clients", client, NULL);
  g_free (client);
}

/* All candidates are checked before the first one is used, so that a refusal changes nothing. */
static gboolean
check_candidates (PlainUdpStream *self, GList *candidates, GError **error)
{
  for (GList *item = candidates; item; item = item->next) {
    FsCandidate *candidate = item->data;
    GInetAddress *address = candidate->ip ? g_inet_address_new_from_string (candidate->ip) : NULL;
    gboolean good = address && g_inet_address_get_is_loopback (address)
        && g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV4
        && candidate->proto == FS_NETWORK_PROTOCOL_UDP && candidate->port != 0
        && candidate->component_id >= 1 && candidate->component_id <= self->n_components;

    g_clear_object (&address);
    if (!good) {
      g_set_error (error, FS_ERROR, FS_ERROR_INVALID_ARGUMENTS,
          "plainudp sends to UDP ports of IPv4 loopback addresses, for components 1 to %u; not to %s port %u "
          "for component %u", self->n_components, candidate->ip ? candidate->ip : "(no address)", candidate->port,
          candidate->component_id);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
plain_udp_stream_force_remote_candidates (FsStreamTransmitter *stream_transmitter, GList *candidates, GError **error)
{
  PlainUdpStream *self = (PlainUdpStream *) stream_transmitter;

  if (!check_candidates (self, candidates, error))
    return FALSE;
  for (GList *item = candidates; item; item = item->next) {
    FsCandidate *candidate = item->data;
    Component *component = &self->components[candidate->component_id - 1];

    g_mutex_lock (&self->lock);
    g_clear_pointer (&component->remote, fs_candidate_destroy);
    component->remote = fs_candidate_copy (candidate);
    g_clear_object (&component->remote_address);
    component->remote_address = g_inet_socket_address_new_from_string (candidate->ip, candidate->port);
    g_mutex_unlock (&self->lock);
    send_to (component, candidate);
    update_valve (self, component);
    g_signal_emit_by_name (self, "new-active-candidate-pair", component->local, component->remote);
  }
  return TRUE;
}

static void
plain_udp_stream_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  PlainUdpStream *self = (PlainUdpStream *) object;

  switch (id) {
    case STREAM_SENDING: g_value_set_boolean (value, self->sending); break;
    case STREAM_PREFERRED: g_value_set_boxed (value, self->preferred); break;
    case STREAM_ASSOCIATE: g_value_set_boolean (value, self->associate_on_source); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
plain_udp_stream_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  PlainUdpStream *self = (PlainUdpStream *) object;

  switch (id) {
    case STREAM_SENDING:
      self->sending = g_value_get_boolean (value);
      for (guint i = 0; i < self->n_components; i++)
        update_valve (self, &self->components[i]);
      break;
    case STREAM_PREFERRED: self->preferred = g_value_dup_boxed (value); break;
    case STREAM_ASSOCIATE: self->associate_on_source = g_value_get_boolean (value); break;
    default: G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
  }
}

static void
plain_udp_stream_finalize (GObject *object)
{
  PlainUdpStream *self = (PlainUdpStream *) object;

  plain_udp_stream_stop (FS_STREAM_TRANSMITTER (self));
  for (guint i = 0; i < self->n_components; i++) {
    g_clear_pointer (&self->components[i].local, fs_candidate_destroy);
    g_clear_pointer (&self->components[i].remote, fs_candidate_destroy);
    g_clear_object (&self->components[i].remote_address);
  }
  g_free (self->components);
  g_clear_object (&self->transmitter);
  g_clear_pointer (&self->preferred, fs_candidate_list_destroy);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (plain_udp_stream_parent_class)->finalize (object);
}

static void
plain_udp_stream_init (PlainUdpStream *self)
{
  g_mutex_init (&self->lock);
  self->sending = TRUE;
}

static void
plain_udp_stream_class_init (PlainUdpStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = plain_udp_stream_get_property;
  object_class->set_property = plain_udp_stream_set_property;
  object_class->finalize = plain_udp_stream_finalize;
  klass->gather_local_candidates = plain_udp_stream_gather_local_candidates;
  klass->force_remote_candidates = plain_udp_stream_force_remote_candidates;
  klass->stop = plain_udp_stream_stop;
  g_object_class_override_property (object_class, STREAM_SENDING, "sending");
  g_object_class_override_property (object_class, STREAM_PREFERRED, "preferred-local-candidates");
  g_object_class_override_property (object_class, STREAM_ASSOCIATE, "associate-on-source");
}

/* ------------------------------------------------------------------------------------------------- the plugin */

/* The loader keeps the file loaded for ever, so the types may be static ones. */
static GType
fs_plainudp_transmitter_register_type (FsPlugin *plugin G_GNUC_UNUSED)
{
  plain_udp_stream_get_type ();
  return plain_udp_get_type ();
}

FS_INIT_PLUGIN (plainudp, transmitter)
