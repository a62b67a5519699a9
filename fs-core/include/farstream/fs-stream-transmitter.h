/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_STREAM_TRANSMITTER_H
#define FARSTREAM_FS_STREAM_TRANSMITTER_H

#include <gst/gst.h>

#include <farstream/fs-candidate.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-stream-transmitter
 * @short_description: The part of a transmitter that serves one stream
 *
 * A stream transmitter finds the own addresses of one stream, takes those of the
 * peer, and says which are in use. It belongs to the stream, and applications never
 * touch it; they pass its construction properties to fs_stream_set_transmitter().
 *
 * Methods and properties may be used in any thread; only
 * fs_stream_transmitter_stop() is forbidden in streaming threads. Signals come
 * from any thread.
 */

#define FS_TYPE_STREAM_TRANSMITTER (fs_stream_transmitter_get_type ())
#define FS_STREAM_TRANSMITTER(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), FS_TYPE_STREAM_TRANSMITTER, \
          FsStreamTransmitter))
#define FS_STREAM_TRANSMITTER_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), FS_TYPE_STREAM_TRANSMITTER, \
          FsStreamTransmitterClass))
#define FS_IS_STREAM_TRANSMITTER(obj) \
  (G_TYPE_CHECK_INSTANCE_TYPE ((obj), FS_TYPE_STREAM_TRANSMITTER))
#define FS_IS_STREAM_TRANSMITTER_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), FS_TYPE_STREAM_TRANSMITTER))
#define FS_STREAM_TRANSMITTER_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), FS_TYPE_STREAM_TRANSMITTER, \
          FsStreamTransmitterClass))
#define FS_STREAM_TRANSMITTER_CAST(obj) ((FsStreamTransmitter *) (obj))

typedef struct _FsStreamTransmitter FsStreamTransmitter;
typedef struct _FsStreamTransmitterClass FsStreamTransmitterClass;
typedef struct _FsStreamTransmitterPrivate FsStreamTransmitterPrivate;

/**
 * FsStreamTransmitterClass:
 * @parent_class: the class of the parent
 * @add_remote_candidates: see fs_stream_transmitter_add_remote_candidates()
 * @force_remote_candidates: see fs_stream_transmitter_force_remote_candidates()
 * @gather_local_candidates: see fs_stream_transmitter_gather_local_candidates()
 * @stop: see fs_stream_transmitter_stop()
 *
 * An implementation needs one of the first two methods.
 */
struct _FsStreamTransmitterClass
{
  GObjectClass parent_class;

  gboolean (*add_remote_candidates) (FsStreamTransmitter *streamtransmitter,
      GList *candidates, GError **error);
  gboolean (*force_remote_candidates) (FsStreamTransmitter *streamtransmitter,
      GList *remote_candidates, GError **error);
  gboolean (*gather_local_candidates) (FsStreamTransmitter *streamtransmitter,
      GError **error);
  void (*stop) (FsStreamTransmitter *streamtransmitter);

  /*< private >*/
  gpointer _padding[8];
};

/**
 * FsStreamTransmitter:
 *
 * All fields are private.
 */
struct _FsStreamTransmitter
{
  GObject parent;

  /*< private >*/
  FsStreamTransmitterPrivate *priv;
  gpointer _padding[8];
};

/**
 * FsStreamTransmitter:sending:
 *
 * Whether media are sent.
 *
 * May be changed at any time. Default: %TRUE.
 */

/**
 * FsStreamTransmitter:preferred-local-candidates:
 *
 * The own addresses to use, as far as the application cares.
 *
 * Set at construction only. Default: empty, which leaves the choice to the
 * transmitter.
 */

/**
 * FsStreamTransmitter:associate-on-source:
 *
 * Whether to tell the session which packets come from the address of the peer.
 *
 * Set at construction only; an implementation may pay no heed to it. Default:
 * %TRUE.
 */

/**
 * FsStreamTransmitter::error:
 * @self: the stream transmitter
 * @errorno: the code
 * @error_msg: the text
 *
 * Something failed outside of any call.
 *
 * Emitted in any thread.
 */

/**
 * FsStreamTransmitter::new-local-candidate:
 * @self: the stream transmitter
 * @local_candidate: the address
 *
 * An own address was found.
 *
 * Emitted in any thread.
 */

/**
 * FsStreamTransmitter::local-candidates-prepared:
 * @self: the stream transmitter
 *
 * All own addresses were found.
 *
 * Emitted in any thread.
 */

/**
 * FsStreamTransmitter::new-active-candidate-pair:
 * @self: the stream transmitter
 * @local_candidate: our address
 * @remote_candidate: the address of the peer
 *
 * These two addresses are in use from now on.
 *
 * Emitted in any thread.
 */

/**
 * FsStreamTransmitter::known-source-packet-received:
 * @self: the stream transmitter
 * @component: the component
 * @buffer: (type Gst.Buffer) (transfer none): the packet
 *
 * A packet arrived, and it comes from the peer without doubt. Emitted in a streaming
 * thread.
 */

/**
 * FsStreamTransmitter::state-changed:
 * @self: the stream transmitter
 * @component: the component
 * @state: its state
 *
 * A component is connected, or no longer.
 *
 * Emitted in any thread.
 */

GType fs_stream_transmitter_get_type (void);

/**
 * fs_stream_transmitter_add_remote_candidates: (virtual add_remote_candidates)
 * @streamtransmitter: a stream transmitter
 * @candidates: (element-type FsCandidate): addresses of the peer
 * @error: where to put a #FsError
 *
 * Adds addresses of the peer to those that are tried.
 *
 * Fails with %FS_ERROR_DISPOSED after fs_stream_transmitter_stop(), with
 * %FS_ERROR_INVALID_ARGUMENTS for candidates that make no sense to it, with
 * %FS_ERROR_NETWORK if an address cannot be used, and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of transmitter has no such way.
 *
 * Returns: %TRUE if they could be used
 */
gboolean fs_stream_transmitter_add_remote_candidates (
    FsStreamTransmitter *streamtransmitter, GList *candidates, GError **error);

/**
 * fs_stream_transmitter_force_remote_candidates: (virtual force_remote_candidates)
 * @streamtransmitter: a stream transmitter
 * @remote_candidates: (element-type FsCandidate): one address of the peer for each
 *   component
 * @error: where to put a #FsError
 *
 * Sends to these addresses and no others, without trying them out.
 *
 * Fails with %FS_ERROR_DISPOSED after fs_stream_transmitter_stop(), with
 * %FS_ERROR_INVALID_ARGUMENTS for candidates that make no sense to it, with
 * %FS_ERROR_NETWORK if an address cannot be used, and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of transmitter has no such way.
 *
 * Returns: %TRUE if they could be used
 */
gboolean fs_stream_transmitter_force_remote_candidates (
    FsStreamTransmitter *streamtransmitter, GList *remote_candidates,
    GError **error);

/**
 * fs_stream_transmitter_gather_local_candidates: (virtual gather_local_candidates)
 * @streamtransmitter: a stream transmitter
 * @error: where to put a #FsError
 *
 * Begins to look for own addresses.
 *
 * Fails with %FS_ERROR_NETWORK if no port can be had, and with
 * %FS_ERROR_INVALID_ARGUMENTS for preferred addresses that make no sense. An
 * implementation without this method has nothing to look for, and that succeeds.
 *
 * Returns: %TRUE if that could begin
 */
gboolean fs_stream_transmitter_gather_local_candidates (
    FsStreamTransmitter *streamtransmitter, GError **error);

/**
 * fs_stream_transmitter_stop: (virtual stop)
 * @streamtransmitter: a stream transmitter
 *
 * Stops it, and returns when it has stopped. Needed before the last reference goes;
 * not to be called in a streaming thread.
 */
void fs_stream_transmitter_stop (FsStreamTransmitter *streamtransmitter);

/**
 * fs_stream_transmitter_emit_error:
 * @streamtransmitter: a stream transmitter
 * @error_no: a #FsError
 * @error_msg: the text
 *
 * Emits #FsStreamTransmitter::error. For those who implement a stream transmitter.
 */
void fs_stream_transmitter_emit_error (
    FsStreamTransmitter *streamtransmitter, gint error_no,
    const gchar *error_msg);

G_END_DECLS

#endif /* FARSTREAM_FS_STREAM_TRANSMITTER_H */
