/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_TRANSMITTER_H
#define FARSTREAM_FS_TRANSMITTER_H

#include <gst/gst.h>

#include <farstream/fs-participant.h>
#include <farstream/fs-session.h>
#include <farstream/fs-stream-transmitter.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-transmitter
 * @short_description: How the packets of a session travel
 *
 * A transmitter gives a session two elements: one that takes packets and sends them,
 * and one that gives the packets that arrive. A session has one of each kind its
 * streams ask for, and each stream a #FsStreamTransmitter of it. Applications name
 * transmitters in fs_stream_set_transmitter() and never touch the objects.
 */

#define FS_TYPE_TRANSMITTER (fs_transmitter_get_type ())
#define FS_TRANSMITTER(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), FS_TYPE_TRANSMITTER, FsTransmitter))
#define FS_TRANSMITTER_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), FS_TYPE_TRANSMITTER, FsTransmitterClass))
#define FS_IS_TRANSMITTER(obj) \
  (G_TYPE_CHECK_INSTANCE_TYPE ((obj), FS_TYPE_TRANSMITTER))
#define FS_IS_TRANSMITTER_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), FS_TYPE_TRANSMITTER))
#define FS_TRANSMITTER_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), FS_TYPE_TRANSMITTER, FsTransmitterClass))
#define FS_TRANSMITTER_CAST(obj) ((FsTransmitter *) (obj))

typedef struct _FsTransmitter FsTransmitter;
typedef struct _FsTransmitterClass FsTransmitterClass;
typedef struct _FsTransmitterPrivate FsTransmitterPrivate;

/**
 * FsTransmitterClass:
 * @parent_class: the class of the parent
 * @new_stream_transmitter: see fs_transmitter_new_stream_transmitter()
 * @get_stream_transmitter_type: see fs_transmitter_get_stream_transmitter_type()
 *
 * A transmitter must implement both methods.
 */
struct _FsTransmitterClass
{
  GObjectClass parent_class;

  FsStreamTransmitter *(*new_stream_transmitter) (FsTransmitter *transmitter,
      FsParticipant *participant, guint n_parameters, GParameter *parameters,
      GError **error);
  GType (*get_stream_transmitter_type) (FsTransmitter *transmitter);

  /*< private >*/
  gpointer _padding[8];
};

/**
 * FsTransmitter:
 *
 * All fields are private, but an implementation whose "constructed" method fails
 * puts its error into "construction_error", from where fs_transmitter_new() takes it.
 */
struct _FsTransmitter
{
  GObject parent;

  /*< private >*/
  FsTransmitterPrivate *priv;
  GError *construction_error;
  gpointer _padding[8];
};

/**
 * FsTransmitter:gst-src:
 *
 * The element that gives what arrives, from one pad "src_%u" for each component.
 */

/**
 * FsTransmitter:gst-sink:
 *
 * The element that sends, with one pad "sink_%u" for each component.
 */

/**
 * FsTransmitter:components:
 *
 * How many components there are, for RTP two.
 */

/**
 * FsTransmitter:tos:
 *
 * The type of service octet of the packets sent.
 */

/**
 * FsTransmitter:do-timestamp:
 *
 * Whether to mark buffers with the time at which they arrive. To be set before the
 * first stream transmitter is made.
 */

/**
 * FsTransmitter::error:
 * @self: the transmitter
 * @errorno: the code
 * @error_msg: the text
 *
 * Something failed outside of any call.
 */

GType fs_transmitter_get_type (void);

/**
 * fs_transmitter_new:
 * @type: the name of a transmitter, such as "rawudp"
 * @components: how many components there are
 * @tos: the type of service octet
 * @error: where to put a #FsError
 *
 * Loads a transmitter where that is still to be done, and makes one.
 *
 * Returns: (transfer full): the transmitter, or %NULL with @error set
 */
FsTransmitter *fs_transmitter_new (const gchar *type, guint components,
    guint tos, GError **error);

/**
 * fs_transmitter_new_stream_transmitter: (virtual new_stream_transmitter)
 * @transmitter: a transmitter
 * @participant: whom the stream connects to
 * @n_parameters: how many parameters there are
 * @parameters: names and values of construction properties
 * @error: where to put a #FsError
 *
 * Makes the part of the transmitter that serves one stream.
 *
 * Returns: (transfer full): the stream transmitter, or %NULL with @error set
 */
FsStreamTransmitter *fs_transmitter_new_stream_transmitter (
    FsTransmitter *transmitter, FsParticipant *participant, guint n_parameters,
    GParameter *parameters, GError **error);

/**
 * fs_transmitter_get_stream_transmitter_type: (virtual get_stream_transmitter_type)
 * @transmitter: a transmitter
 *
 * Tells the type whose construction properties are the parameters of
 * fs_transmitter_new_stream_transmitter().
 *
 * Returns: the type
 */
GType fs_transmitter_get_stream_transmitter_type (FsTransmitter *transmitter);

/**
 * fs_transmitter_emit_error:
 * @transmitter: a transmitter
 * @error_no: a #FsError
 * @error_msg: the text
 *
 * Emits #FsTransmitter::error. For those who implement a transmitter.
 */
void fs_transmitter_emit_error (FsTransmitter *transmitter, gint error_no,
    const gchar *error_msg);

/**
 * fs_transmitter_list_available:
 *
 * Names the transmitters that fs_transmitter_new() could be given.
 *
 * Returns: (transfer full): the names, to be freed with g_strfreev(), or %NULL if
 *   there are none
 */
char **fs_transmitter_list_available (void);

G_END_DECLS

#endif /* FARSTREAM_FS_TRANSMITTER_H */
