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
 *
 * Methods and properties may be used in any thread. The signal comes from any
 * thread.
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
 * FsTransmitterClass::new_stream_transmitter:
 * @transmitter: a transmitter
 * @participant: (nullable): whom the stream connects to
 * @n_parameters: how many parameters there are
 * @parameters: (array length=n_parameters): names and values of construction
 *   properties
 * @error: where to put a #FsError
 *
 * Makes the part of the transmitter that serves one stream.
 *
 * Returns: (transfer full): the stream transmitter, or %NULL with @error set
 */

/**
 * FsTransmitter:
 *
 * All fields are private, but an implementation whose "constructed" method fails
 * puts its error into "construction_error", from where fs_transmitter_new() takes it.
 * Languages that cannot reach the field call fs_transmitter_set_construction_error().
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
 *
 * Read-only. Default: %NULL.
 */

/**
 * FsTransmitter:gst-sink:
 *
 * The element that sends, with one pad "sink_%u" for each component.
 *
 * Read-only. Default: %NULL.
 */

/**
 * FsTransmitter:components:
 *
 * How many components there are, for RTP two.
 *
 * Set at construction only, from 1 to 255. Default: 1.
 */

/**
 * FsTransmitter:tos:
 *
 * The type of service octet of the packets sent.
 *
 * May be changed at any time, from 0 to 255. Default: 0.
 */

/**
 * FsTransmitter:do-timestamp:
 *
 * Whether to mark buffers with the time at which they arrive. To be set before the
 * first stream transmitter is made.
 *
 * Default: %TRUE.
 */

/**
 * FsTransmitter::error:
 * @self: the transmitter
 * @errorno: the code
 * @error_msg: the text
 *
 * Something failed outside of any call.
 *
 * Emitted in any thread.
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
 * Fails with %FS_ERROR_CONSTRUCTION if there is no such transmitter, or with the
 * error it reports of itself, and with %FS_ERROR_INVALID_ARGUMENTS for no
 * components or a @tos above 255.
 *
 * Returns: (transfer full): the transmitter, or %NULL with @error set
 */
FsTransmitter *fs_transmitter_new (const gchar *type, guint components,
    guint tos, GError **error);

/**
 * fs_transmitter_new_stream_transmitter: (virtual new_stream_transmitter)
 * @transmitter: a transmitter
 * @participant: (nullable): whom the stream connects to
 * @n_parameters: how many parameters there are
 * @parameters: names and values of construction properties
 * @error: where to put a #FsError
 *
 * Makes the part of the transmitter that serves one stream.
 *
 * Fails with %FS_ERROR_INVALID_ARGUMENTS for parameters it does not take, with
 * %FS_ERROR_CONSTRUCTION or %FS_ERROR_NETWORK if it could not be made, and with
 * %FS_ERROR_NOT_IMPLEMENTED if the transmitter lacks the method. Languages that do
 * not know #GParameter call fs_transmitter_new_stream_transmitter_ht().
 *
 * Returns: (transfer full): the stream transmitter, or %NULL with @error set
 */
FsStreamTransmitter *fs_transmitter_new_stream_transmitter (
    FsTransmitter *transmitter, FsParticipant *participant, guint n_parameters,
    GParameter *parameters, GError **error);

/**
 * fs_transmitter_new_stream_transmitter_ht:
 * @transmitter: a transmitter
 * @participant: (nullable): whom the stream connects to
 * @parameters: (element-type utf8 GValue) (nullable): names and values of construction
 *   properties
 * @error: where to put a #FsError
 *
 * The same as fs_transmitter_new_stream_transmitter() with a table of parameters, for
 * languages that do not know #GParameter.
 *
 * Fails with %FS_ERROR_INVALID_ARGUMENTS for names the stream transmitter does not
 * have and values its property cannot hold, and like
 * fs_transmitter_new_stream_transmitter() otherwise.
 *
 * Returns: (transfer full): the stream transmitter, or %NULL with @error set
 */
FsStreamTransmitter *fs_transmitter_new_stream_transmitter_ht (
    FsTransmitter *transmitter, FsParticipant *participant,
    GHashTable *parameters, GError **error);

/**
 * fs_transmitter_set_construction_error:
 * @transmitter: a transmitter that is being constructed
 * @construction_error: why that fails, copied; it takes the place of an earlier one
 *
 * Lets fs_transmitter_new() fail with this error. For those who implement a
 * transmitter, while it is made and in the thread that makes it.
 */
void fs_transmitter_set_construction_error (FsTransmitter *transmitter,
    const GError *construction_error);

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
 * Returns: (transfer full) (nullable): the names, to be freed with g_strfreev(), or
 *   %NULL if there are none
 */
char **fs_transmitter_list_available (void);

G_END_DECLS

#endif /* FARSTREAM_FS_TRANSMITTER_H */
