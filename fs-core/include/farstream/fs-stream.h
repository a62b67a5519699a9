/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_STREAM_H
#define FARSTREAM_FS_STREAM_H

#include <glib.h>
#include <glib-object.h>

#include <farstream/fs-candidate.h>
#include <farstream/fs-codec.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-stream
 * @short_description: One medium, to and from one participant
 *
 * A stream is where a #FsSession meets a #FsParticipant. It comes from
 * fs_session_new_stream() and needs three things: a transmitter
 * (fs_stream_set_transmitter()), the peer's codecs (fs_stream_set_remote_codecs())
 * and the peer's addresses (fs_stream_add_remote_candidates() or
 * fs_stream_force_remote_candidates()). Our own addresses come as messages on the
 * bus, see fs_stream_parse_new_local_candidate(). What arrives comes out of pads that
 * #FsStream::src-pad-added announces.
 *
 * End it with fs_stream_destroy() and then drop the reference.
 *
 * Methods and properties may be used in any thread, but do not destroy a stream,
 * and do not negotiate, in a streaming thread or in a handler of
 * #FsStream::src-pad-added.
 */

/**
 * FsStreamDirection:
 * @FS_DIRECTION_NONE: neither
 * @FS_DIRECTION_SEND: from us to the participant
 * @FS_DIRECTION_RECV: from the participant to us
 * @FS_DIRECTION_BOTH: both ways
 *
 * Which way media flow.
 */
typedef enum
{
  FS_DIRECTION_NONE = 0,
  FS_DIRECTION_SEND = 1 << 0,
  FS_DIRECTION_RECV = 1 << 1,
  FS_DIRECTION_BOTH = FS_DIRECTION_SEND | FS_DIRECTION_RECV
} FsStreamDirection;

/**
 * FsStreamState:
 * @FS_STREAM_STATE_FAILED: no way to the peer was found
 * @FS_STREAM_STATE_DISCONNECTED: nothing was begun
 * @FS_STREAM_STATE_GATHERING: own addresses are being looked for
 * @FS_STREAM_STATE_CONNECTING: ways to the peer are being tried
 * @FS_STREAM_STATE_CONNECTED: there is a way to the peer
 * @FS_STREAM_STATE_READY: there is one, and it stays
 *
 * How far a component of a stream is connected, in rising order.
 */
typedef enum
{
  FS_STREAM_STATE_FAILED,
  FS_STREAM_STATE_DISCONNECTED,
  FS_STREAM_STATE_GATHERING,
  FS_STREAM_STATE_CONNECTING,
  FS_STREAM_STATE_CONNECTED,
  FS_STREAM_STATE_READY
} FsStreamState;

#define FS_TYPE_STREAM (fs_stream_get_type ())
#define FS_STREAM(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), FS_TYPE_STREAM, FsStream))
#define FS_STREAM_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), FS_TYPE_STREAM, FsStreamClass))
#define FS_IS_STREAM(obj) (G_TYPE_CHECK_INSTANCE_TYPE ((obj), FS_TYPE_STREAM))
#define FS_IS_STREAM_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), FS_TYPE_STREAM))
#define FS_STREAM_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), FS_TYPE_STREAM, FsStreamClass))
#define FS_STREAM_CAST(obj) ((FsStream *) (obj))

typedef struct _FsStream FsStream;
typedef struct _FsStreamClass FsStreamClass;
typedef struct _FsStreamPrivate FsStreamPrivate;

/**
 * FsStreamClass:
 * @parent_class: the class of the parent
 * @add_remote_candidates: see fs_stream_add_remote_candidates()
 * @force_remote_candidates: see fs_stream_force_remote_candidates()
 * @set_remote_codecs: see fs_stream_set_remote_codecs()
 * @add_id: see fs_stream_add_id()
 * @set_transmitter: see fs_stream_set_transmitter()
 * @set_decryption_parameters: see fs_stream_set_decryption_parameters()
 *
 * Without one of these methods, the function of that name says that it is not
 * implemented.
 */
struct _FsStreamClass
{
  GObjectClass parent_class;

  gboolean (*add_remote_candidates) (FsStream *stream, GList *candidates,
      GError **error);
  gboolean (*force_remote_candidates) (FsStream *stream,
      GList *remote_candidates, GError **error);
  gboolean (*set_remote_codecs) (FsStream *stream, GList *remote_codecs,
      GError **error);
  void (*add_id) (FsStream *stream, guint id);
  gboolean (*set_transmitter) (FsStream *stream, const gchar *transmitter,
      GParameter *stream_transmitter_parameters,
      guint stream_transmitter_n_parameters, GError **error);
  gboolean (*set_decryption_parameters) (FsStream *stream,
      GstStructure *parameters, GError **error);

  /*< private >*/
  gpointer _padding[7];
};

/**
 * FsStream:
 *
 * All fields are private.
 */
struct _FsStream
{
  GObject parent;

  /*< private >*/
  FsStreamPrivate *priv;
  gpointer _padding[8];
};

/**
 * FsStream:session:
 *
 * The session this stream belongs to.
 *
 * Set at construction only. Default: %NULL.
 */

/**
 * FsStream:participant:
 *
 * Whom the stream connects to.
 *
 * Set at construction only. Default: %NULL.
 */

/**
 * FsStream:direction:
 *
 * Which way media flow. It may be changed at any time and takes effect at once.
 *
 * Default: %FS_DIRECTION_NONE, unless fs_session_new_stream() said otherwise.
 */

/**
 * FsStream:remote-codecs: (type GLib.List(FsCodec)) (transfer full)
 *
 * What fs_stream_set_remote_codecs() was given.
 *
 * Read-only; changes are told by "notify". Default: empty.
 */

/**
 * FsStream:negotiated-codecs: (type GLib.List(FsCodec)) (transfer full)
 *
 * The codecs both sides have, with the parameters to decode what this peer sends.
 *
 * Read-only; changes are told by "notify". Default: empty.
 */

/**
 * FsStream:current-recv-codecs: (type GLib.List(FsCodec)) (transfer full)
 *
 * The codecs that have been received so far.
 *
 * Read-only; changes are told by "notify" and by the message
 * "farstream-recv-codecs-changed". Default: empty.
 */

/**
 * FsStream:decryption-parameters:
 *
 * What fs_stream_set_decryption_parameters() was given.
 *
 * Read-only. Default: %NULL, which is to receive in the clear.
 */

/**
 * FsStream:require-encryption:
 *
 * Whether to drop what arrives in the clear.
 *
 * May be changed at any time. Default: %FALSE.
 */

/**
 * FsStream::error:
 * @self: the stream
 * @errorno: the code
 * @error_msg: the text
 *
 * Something failed outside of any call. The session passes it on, and the conference
 * posts it on the bus, where fs_parse_error() reads it.
 *
 * Emitted in any thread.
 */

/**
 * FsStream::src-pad-added:
 * @self: the stream
 * @pad: the new pad
 * @codec: the codec it decodes
 *
 * Media arrive: link @pad, in this handler, and nothing is lost. Emitted in a
 * streaming thread; a codec that changes later does not change the pad.
 */

GType fs_stream_get_type (void);

/**
 * fs_stream_add_remote_candidates: (virtual add_remote_candidates)
 * @stream: a stream with a transmitter
 * @candidates: (element-type FsCandidate): addresses of the peer
 * @error: where to put a #FsError
 *
 * Adds addresses of the peer to those that are tried. An empty list begins the
 * search anew, where the transmitter has one.
 *
 * Fails with %FS_ERROR_DISPOSED before there is a transmitter and after
 * fs_stream_destroy(), with %FS_ERROR_INVALID_ARGUMENTS for candidates that make
 * no sense to it, with %FS_ERROR_NETWORK if an address cannot be used, and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of transmitter has no such way.
 *
 * Returns: %TRUE if they could be used
 */
gboolean fs_stream_add_remote_candidates (FsStream *stream, GList *candidates,
    GError **error);

/**
 * fs_stream_force_remote_candidates: (virtual force_remote_candidates)
 * @stream: a stream with a transmitter
 * @remote_candidates: (element-type FsCandidate): one address of the peer for each
 *   component
 * @error: where to put a #FsError
 *
 * Sends to these addresses and no others, without trying them out.
 *
 * Fails with %FS_ERROR_DISPOSED before there is a transmitter and after
 * fs_stream_destroy(), with %FS_ERROR_INVALID_ARGUMENTS for candidates that make
 * no sense to it, with %FS_ERROR_NETWORK if an address cannot be used, and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of transmitter has no such way.
 *
 * Returns: %TRUE if they could be used
 */
gboolean fs_stream_force_remote_candidates (FsStream *stream,
    GList *remote_candidates, GError **error);

/**
 * fs_stream_set_remote_codecs: (virtual set_remote_codecs)
 * @stream: a stream
 * @remote_codecs: (element-type FsCodec): the codecs of the peer, its offer or its
 *   answer, the preferred first
 * @error: where to put a #FsError
 *
 * Negotiates. Afterwards #FsSession:codecs is what to answer, and
 * #FsStream:negotiated-codecs what both sides have. If that fails, all stays as it
 * was.
 *
 * Fails with %FS_ERROR_NEGOTIATION_FAILED if there is no such codec, with
 * %FS_ERROR_INVALID_ARGUMENTS for an empty list or one of another medium, with
 * %FS_ERROR_DISPOSED after fs_stream_destroy(), and with %FS_ERROR_NOT_IMPLEMENTED
 * if this kind of stream does not negotiate.
 *
 * Returns: %TRUE if there is a codec both sides can send
 */
gboolean fs_stream_set_remote_codecs (FsStream *stream, GList *remote_codecs,
    GError **error);

/**
 * fs_stream_add_id: (virtual add_id)
 * @stream: a stream
 * @id: a number that marks packets of this participant; for RTP the SSRC
 *
 * Says that packets with this number belong to this stream.
 */
void fs_stream_add_id (FsStream *stream, guint id);

/**
 * fs_stream_get_rtp_header_extensions:
 * @stream: a stream
 *
 * Tells the RTP header extensions of the peer: the property "rtp-header-extensions"
 * of an RTP stream, as a list that every language can read.
 *
 * Returns: (element-type FsRtpHeaderExtension) (transfer full): copies of the header
 *   extensions; empty if there are none or this kind of stream knows none
 */
GList *fs_stream_get_rtp_header_extensions (FsStream *stream);

/**
 * fs_stream_set_rtp_header_extensions:
 * @stream: a stream
 * @extensions: (element-type FsRtpHeaderExtension) (nullable): the header extensions of
 *   the peer, copied; %NULL for none
 * @error: where to put a #FsError
 *
 * Says which RTP header extensions the peer offered or answered: sets the property
 * "rtp-header-extensions" of an RTP stream, for languages that cannot put a list into
 * it. Default: the peer has none. To be called before fs_stream_set_remote_codecs(),
 * which negotiates them.
 *
 * Fails with %FS_ERROR_NOT_IMPLEMENTED if this kind of stream knows none, and with
 * %FS_ERROR_DISPOSED after fs_stream_destroy().
 *
 * Returns: %TRUE if the header extensions were taken
 */
gboolean fs_stream_set_rtp_header_extensions (FsStream *stream,
    GList *extensions, GError **error);

/**
 * fs_stream_emit_error:
 * @stream: a stream
 * @error_no: a #FsError
 * @error_msg: the text
 *
 * Emits #FsStream::error. For those who implement a stream.
 */
void fs_stream_emit_error (FsStream *stream, gint error_no,
    const gchar *error_msg);

/**
 * fs_stream_emit_src_pad_added:
 * @stream: a stream
 * @pad: a pad of the conference that was not announced before
 * @codec: the codec it decodes
 *
 * Emits #FsStream::src-pad-added, and lets fs_stream_iterate_src_pads() see the pad
 * until the conference removes it. For those who implement a stream.
 */
void fs_stream_emit_src_pad_added (FsStream *stream, GstPad *pad,
    FsCodec *codec);

/**
 * fs_stream_iterate_src_pads:
 * @stream: a stream
 *
 * Walks over the pads that were announced and are still there.
 *
 * Returns: (transfer full): an iterator over #GstPad
 */
GstIterator *fs_stream_iterate_src_pads (FsStream *stream);

/**
 * fs_stream_set_transmitter: (virtual set_transmitter)
 * @stream: a stream that has no transmitter yet
 * @transmitter: the name of a transmitter, such as "rawudp"
 * @stream_transmitter_parameters: (array length=stream_transmitter_n_parameters) (nullable):
 *   names and values of construction properties of the stream transmitter
 * @stream_transmitter_n_parameters: how many there are
 * @error: where to put a #FsError
 *
 * Chooses how packets travel, and begins to look for own addresses.
 *
 * Fails with %FS_ERROR_CONSTRUCTION if there is no such transmitter or it could
 * not be made, with %FS_ERROR_INVALID_ARGUMENTS for parameters it does not take,
 * with %FS_ERROR_NETWORK if no port can be had, with %FS_ERROR_ALREADY_EXISTS if
 * the stream has a transmitter, with %FS_ERROR_DISPOSED after fs_stream_destroy(),
 * and with %FS_ERROR_NOT_IMPLEMENTED if this kind of stream has no choice.
 * Languages that do not know #GParameter call fs_stream_set_transmitter_ht().
 *
 * Returns: %TRUE if the transmitter could be made
 */
gboolean fs_stream_set_transmitter (FsStream *stream, const gchar *transmitter,
    GParameter *stream_transmitter_parameters,
    guint stream_transmitter_n_parameters, GError **error);

/**
 * fs_stream_set_transmitter_ht:
 * @stream: a stream that has no transmitter yet
 * @transmitter: the name of a transmitter, such as "rawudp"
 * @stream_transmitter_parameters: (element-type utf8 GValue) (nullable): names and
 *   values of construction properties of the stream transmitter
 * @error: where to put a #FsError
 *
 * The same as fs_stream_set_transmitter() with a table of parameters. Names the
 * stream transmitter does not have, and values its property cannot hold, are errors.
 *
 * Fails with %FS_ERROR_CONSTRUCTION if there is no such transmitter or it could
 * not be made, with %FS_ERROR_INVALID_ARGUMENTS for parameters it does not take,
 * with %FS_ERROR_NETWORK if no port can be had, with %FS_ERROR_ALREADY_EXISTS if
 * the stream has a transmitter, with %FS_ERROR_DISPOSED after fs_stream_destroy(),
 * and with %FS_ERROR_NOT_IMPLEMENTED if this kind of stream has no choice.
 *
 * Returns: %TRUE if the transmitter could be made
 */
gboolean fs_stream_set_transmitter_ht (FsStream *stream,
    const gchar *transmitter, GHashTable *stream_transmitter_parameters,
    GError **error);

/**
 * fs_stream_set_decryption_parameters: (virtual set_decryption_parameters)
 * @stream: a stream
 * @parameters: (nullable) (transfer none): the keys and ciphers of the peer, %NULL to
 *   receive in the clear; see fs_session_set_encryption_parameters() for the fields
 * @error: where to put a #FsError
 *
 * Sets how to decrypt what arrives.
 *
 * Fails with %FS_ERROR_INVALID_ARGUMENTS for a structure that makes no sense, with
 * %FS_ERROR_DISPOSED after fs_stream_destroy(), and with %FS_ERROR_NOT_IMPLEMENTED
 * if this kind of stream cannot decrypt. What was in force stays so then.
 *
 * Returns: %TRUE if it is in force
 */
gboolean fs_stream_set_decryption_parameters (FsStream *stream,
    GstStructure *parameters, GError **error);

/**
 * fs_stream_destroy:
 * @stream: a stream
 *
 * Stops the stream and takes all it made out of the conference. The caller still
 * holds its reference. Not to be called in a streaming thread.
 *
 * To call it again does nothing.
 */
void fs_stream_destroy (FsStream *stream);

/**
 * fs_stream_parse_new_local_candidate:
 * @stream: the stream that is asked about
 * @message: a message from the bus
 * @candidate: (out) (optional) (transfer none): where to put the candidate
 *
 * Reads the message "farstream-new-local-candidate" with its fields "stream"
 * (#FsStream) and "candidate" (#FsCandidate): an address of ours to tell the peer.
 * What it finds belongs to @message.
 *
 * Returns: %TRUE if it is such a message, and of @stream
 */
gboolean fs_stream_parse_new_local_candidate (FsStream *stream,
    GstMessage *message, FsCandidate **candidate);

/**
 * fs_stream_parse_local_candidates_prepared:
 * @stream: the stream that is asked about
 * @message: a message from the bus
 *
 * Recognises the message "farstream-local-candidates-prepared" with its field
 * "stream" (#FsStream): all local candidates are known.
 *
 * Returns: %TRUE if it is such a message, and of @stream
 */
gboolean fs_stream_parse_local_candidates_prepared (FsStream *stream,
    GstMessage *message);

/**
 * fs_stream_parse_new_active_candidate_pair:
 * @stream: the stream that is asked about
 * @message: a message from the bus
 * @local_candidate: (out) (optional) (transfer none): where to put our address
 * @remote_candidate: (out) (optional) (transfer none): where to put the peer's
 *
 * Reads the message "farstream-new-active-candidate-pair" with its fields "stream"
 * (#FsStream), "local-candidate" and "remote-candidate" (#FsCandidate): these two
 * addresses are in use from now on. What it finds belongs to @message.
 *
 * Returns: %TRUE if it is such a message, and of @stream
 */
gboolean fs_stream_parse_new_active_candidate_pair (FsStream *stream,
    GstMessage *message, FsCandidate **local_candidate,
    FsCandidate **remote_candidate);

/**
 * fs_stream_parse_negotiation_needed:
 * @stream: the stream that is asked about
 * @message: a message from the bus
 * @candidates: (out) (optional) (element-type FsCandidate) (transfer none): where to put
 *   all our addresses
 *
 * Reads the message "farstream-negotiation-needed" with its fields "stream"
 * (#FsStream) and "candidates" (list of #FsCandidate): the network changed, and these
 * addresses of ours replace those that the peer was told. The peer is due an offer
 * with them, a restart of ICE where they carry credentials, and its answer is to be
 * handed in as that to the first offer was. The transmitters rawudp and nice ask for
 * it. What it finds belongs to @message.
 *
 * Returns: %TRUE if it is such a message, and of @stream
 */
gboolean fs_stream_parse_negotiation_needed (FsStream *stream,
    GstMessage *message, GList **candidates);

/**
 * fs_stream_parse_recv_codecs_changed:
 * @stream: the stream that is asked about
 * @message: a message from the bus
 * @codecs: (out) (optional) (element-type FsCodec) (transfer none): where to put the
 *   codecs, the one that is new first
 *
 * Reads the message "farstream-recv-codecs-changed" with its fields "stream"
 * (#FsStream) and "codecs" (list of #FsCodec). What it finds belongs to @message.
 *
 * Returns: %TRUE if it is such a message, and of @stream
 */
gboolean fs_stream_parse_recv_codecs_changed (FsStream *stream,
    GstMessage *message, GList **codecs);

/**
 * fs_stream_parse_component_state_changed:
 * @stream: the stream that is asked about
 * @message: a message from the bus
 * @component: (out) (optional): where to put the component
 * @state: (out) (optional): where to put its state
 *
 * Reads the message "farstream-component-state-changed" with its fields "stream"
 * (#FsStream), "component" (unsigned int) and "state" (#FsStreamState).
 *
 * Returns: %TRUE if it is such a message, and of @stream
 */
gboolean fs_stream_parse_component_state_changed (FsStream *stream,
    GstMessage *message, guint *component, FsStreamState *state);

G_END_DECLS

#endif /* FARSTREAM_FS_STREAM_H */
