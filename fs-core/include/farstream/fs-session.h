/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_SESSION_H
#define FARSTREAM_FS_SESSION_H

#include <glib.h>
#include <glib-object.h>

#include <farstream/fs-stream.h>
#include <farstream/fs-participant.h>
#include <farstream/fs-codec.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-session
 * @short_description: One medium of a conference
 *
 * A session carries one medium, audio for instance, to and from all participants.
 * What is to be sent goes into its #FsSession:sink-pad, in raw form; the session
 * encodes it once, and sends it to every #FsStream it has. The codecs to offer are in
 * #FsSession:codecs, and which of them are left after an answer as well.
 *
 * A session comes from fs_conference_new_session(). End it with
 * fs_session_destroy(), which destroys its streams too, and then drop the reference.
 *
 * Methods and properties may be used in any thread, but a session must neither be
 * destroyed nor lose its last reference in a streaming thread of its conference.
 * Messages and "notify" come from any thread.
 */

#define FS_TYPE_SESSION (fs_session_get_type ())
#define FS_SESSION(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), FS_TYPE_SESSION, FsSession))
#define FS_SESSION_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), FS_TYPE_SESSION, FsSessionClass))
#define FS_IS_SESSION(obj) \
  (G_TYPE_CHECK_INSTANCE_TYPE ((obj), FS_TYPE_SESSION))
#define FS_IS_SESSION_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), FS_TYPE_SESSION))
#define FS_SESSION_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), FS_TYPE_SESSION, FsSessionClass))
#define FS_SESSION_CAST(obj) ((FsSession *) (obj))

typedef struct _FsSession FsSession;
typedef struct _FsSessionClass FsSessionClass;
typedef struct _FsSessionPrivate FsSessionPrivate;

/**
 * FsDTMFEvent:
 * @FS_DTMF_EVENT_0: the key 0
 * @FS_DTMF_EVENT_1: the key 1
 * @FS_DTMF_EVENT_2: the key 2
 * @FS_DTMF_EVENT_3: the key 3
 * @FS_DTMF_EVENT_4: the key 4
 * @FS_DTMF_EVENT_5: the key 5
 * @FS_DTMF_EVENT_6: the key 6
 * @FS_DTMF_EVENT_7: the key 7
 * @FS_DTMF_EVENT_8: the key 8
 * @FS_DTMF_EVENT_9: the key 9
 * @FS_DTMF_EVENT_STAR: the key *
 * @FS_DTMF_EVENT_POUND: the key #
 * @FS_DTMF_EVENT_A: the key A
 * @FS_DTMF_EVENT_B: the key B
 * @FS_DTMF_EVENT_C: the key C
 * @FS_DTMF_EVENT_D: the key D
 *
 * The keys of a telephone, with the event codes of RFC 4733, section 3.2.
 */
typedef enum _FsDTMFEvent
{
  FS_DTMF_EVENT_0 = 0,
  FS_DTMF_EVENT_1 = 1,
  FS_DTMF_EVENT_2 = 2,
  FS_DTMF_EVENT_3 = 3,
  FS_DTMF_EVENT_4 = 4,
  FS_DTMF_EVENT_5 = 5,
  FS_DTMF_EVENT_6 = 6,
  FS_DTMF_EVENT_7 = 7,
  FS_DTMF_EVENT_8 = 8,
  FS_DTMF_EVENT_9 = 9,
  FS_DTMF_EVENT_STAR = 10,
  FS_DTMF_EVENT_POUND = 11,
  FS_DTMF_EVENT_A = 12,
  FS_DTMF_EVENT_B = 13,
  FS_DTMF_EVENT_C = 14,
  FS_DTMF_EVENT_D = 15
} FsDTMFEvent;

/**
 * FsDTMFMethod:
 * @FS_DTMF_METHOD_RTP_RFC4733: as packets of the payload type "telephone-event"
 * @FS_DTMF_METHOD_SOUND: as a tone in the sound itself
 *
 * The ways to send a key.
 */
typedef enum _FsDTMFMethod
{
  FS_DTMF_METHOD_RTP_RFC4733 = 1,
  FS_DTMF_METHOD_SOUND = 2
} FsDTMFMethod;

/**
 * FsSessionClass:
 * @parent_class: the class of the parent
 * @new_stream: makes a stream, see fs_session_new_stream()
 * @start_telephony_event: see fs_session_start_telephony_event()
 * @stop_telephony_event: see fs_session_stop_telephony_event()
 * @set_send_codec: see fs_session_set_send_codec()
 * @set_codec_preferences: see fs_session_set_codec_preferences()
 * @list_transmitters: see fs_session_list_transmitters()
 * @get_stream_transmitter_type: see fs_session_get_stream_transmitter_type()
 * @codecs_need_resend: see fs_session_codecs_need_resend()
 * @set_allowed_caps: see fs_session_set_allowed_caps()
 * @set_encryption_parameters: see fs_session_set_encryption_parameters()
 *
 * A kind of session must implement @new_stream. Without one of the others, the
 * function of that name says that it is not implemented, or answers with nothing.
 */
struct _FsSessionClass
{
  GObjectClass parent_class;

  FsStream *(*new_stream) (FsSession *session, FsParticipant *participant,
      FsStreamDirection direction, GError **error);

  gboolean (*start_telephony_event) (FsSession *session, guint8 event,
      guint8 volume);
  gboolean (*stop_telephony_event) (FsSession *session);

  gboolean (*set_send_codec) (FsSession *session, FsCodec *send_codec,
      GError **error);
  gboolean (*set_codec_preferences) (FsSession *session,
      GList *codec_preferences, GError **error);

  gchar **(*list_transmitters) (FsSession *session);
  GType (*get_stream_transmitter_type) (FsSession *session,
      const gchar *transmitter);

  GList *(*codecs_need_resend) (FsSession *session, GList *old_codecs,
      GList *new_codecs);

  gboolean (*set_allowed_caps) (FsSession *session, GstCaps *sink_caps,
      GstCaps *src_caps, GError **error);

  gboolean (*set_encryption_parameters) (FsSession *session,
      GstStructure *parameters, GError **error);

  /*< private >*/
  gpointer _padding[6];
};

/**
 * FsSession:
 *
 * All fields are private.
 */
struct _FsSession
{
  GObject parent;

  /*< private >*/
  FsSessionPrivate *priv;
  gpointer _padding[8];
};

/**
 * FsSession:conference:
 *
 * The conference this session belongs to.
 *
 * Set at construction only. Default: %NULL.
 */

/**
 * FsSession:media-type:
 *
 * What the session carries.
 *
 * Set at construction only. Default: %FS_MEDIA_TYPE_AUDIO.
 */

/**
 * FsSession:id:
 *
 * The number of the session, unique in its conference.
 *
 * Set at construction only. Default: 0.
 */

/**
 * FsSession:sink-pad:
 *
 * The pad to link the source of the medium to.
 *
 * Read-only; a base class without an implementation has none. Default: %NULL.
 */

/**
 * FsSession:codec-preferences: (type GLib.List(FsCodec)) (transfer full)
 *
 * The preferences in force: those of fs_session_set_codec_preferences() that can be
 * met.
 *
 * Read-only; changes are told by "notify". Default: empty.
 */

/**
 * FsSession:codecs: (type GLib.List(FsCodec)) (transfer full)
 *
 * The codecs to offer, or what negotiation left of them. Empty while some codec
 * lacks data that only encoding the real medium can bring; then link and play the
 * source, or use #FsSession:codecs-without-config.
 *
 * Read-only; changes are told by "notify" and by the message
 * "farstream-codecs-changed". Default: empty.
 */

/**
 * FsSession:codecs-without-config: (type GLib.List(FsCodec)) (transfer full)
 *
 * The same codecs, but without the parameters that describe the encoded stream. It
 * can be read at any time.
 *
 * Read-only; changes are told by "notify". Default: empty.
 */

/**
 * FsSession:current-send-codec:
 *
 * The codec that is being sent, none before that begins.
 *
 * Read-only; changes are told by "notify" and by the message
 * "farstream-send-codec-changed". Default: %NULL.
 */

/**
 * FsSession:tos:
 *
 * The type of service octet of the packets sent.
 *
 * May be changed at any time, from 0 to 255. Default: 0.
 */

/**
 * FsSession:allowed-sink-caps:
 *
 * What may come into #FsSession:sink-pad.
 *
 * Read-only; set with fs_session_set_allowed_caps(). Default: what the media type
 * allows, %NULL in the base class.
 */

/**
 * FsSession:allowed-src-caps:
 *
 * What may come out of the pads of the streams.
 *
 * Read-only; set with fs_session_set_allowed_caps(). Default: what the media type
 * allows, %NULL in the base class.
 */

/**
 * FsSession:encryption-parameters:
 *
 * What fs_session_set_encryption_parameters() was given.
 *
 * Read-only. Default: %NULL, which is to send in the clear.
 */

/**
 * FsSession::error:
 * @self: the session
 * @object: the session or stream that failed
 * @error_no: the code
 * @error_msg: the text
 *
 * Something failed outside of any call. The conference posts it on the bus, where
 * fs_parse_error() reads it.
 *
 * Emitted in any thread.
 */

GType fs_session_get_type (void);

/**
 * fs_session_new_stream: (virtual new_stream)
 * @session: a session
 * @participant: whom the stream connects to; from the same kind of conference
 * @direction: whether to send, to receive, or both
 * @error: where to put a #FsError
 *
 * Makes a stream to a participant. Next it needs a transmitter, see
 * fs_stream_set_transmitter().
 *
 * Fails with %FS_ERROR_INVALID_ARGUMENTS if @participant comes from another kind
 * of conference, with %FS_ERROR_DISPOSED after fs_session_destroy(), and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of session makes no streams.
 *
 * Returns: (transfer full): the stream, or %NULL with @error set
 */
FsStream *fs_session_new_stream (FsSession *session,
    FsParticipant *participant, FsStreamDirection direction, GError **error);

/**
 * fs_session_start_telephony_event: (virtual start_telephony_event)
 * @session: a session
 * @event: the key, a #FsDTMFEvent
 * @volume: how far below full scale the tone is, in dB; 0 to 36 is of use
 *
 * Asks for a key to be pressed. It is sent in the best way the peer takes, and
 * fs_session_parse_telephony_event_started() tells when.
 *
 * Returns: %TRUE if it could be asked for
 */
gboolean fs_session_start_telephony_event (FsSession *session, guint8 event,
    guint8 volume);

/**
 * fs_session_stop_telephony_event: (virtual stop_telephony_event)
 * @session: a session
 *
 * Asks for the pressed key to be let go.
 *
 * Returns: %TRUE if it could be asked for
 */
gboolean fs_session_stop_telephony_event (FsSession *session);

/**
 * fs_session_set_send_codec: (virtual set_send_codec)
 * @session: a session
 * @send_codec: one of #FsSession:codecs
 * @error: where to put a #FsError
 *
 * Chooses the codec to send with, in place of the first. The change is made at the
 * next buffer, and fs_session_parse_send_codec_changed() tells when.
 *
 * Fails with %FS_ERROR_INVALID_ARGUMENTS if it is none of the codecs that can be
 * sent, with %FS_ERROR_DISPOSED after fs_session_destroy(), and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of session has no choice. The codec stays
 * what it was then.
 *
 * Returns: %TRUE if the codec can be sent
 */
gboolean fs_session_set_send_codec (FsSession *session, FsCodec *send_codec,
    GError **error);

/**
 * fs_session_set_codec_preferences: (virtual set_codec_preferences)
 * @session: a session
 * @codec_preferences: (element-type FsCodec) (nullable): the codecs wanted, the
 *   best first; %NULL brings back the order of the session
 * @error: where to put a #FsError
 *
 * Says which codecs are wanted, in which order, with which payload types and
 * parameters. Codecs not mentioned follow; a preference with
 * %FS_CODEC_ID_DISABLE removes those it matches, and one with the encoding name
 * "reserve-pt" keeps its payload type free. Preferences nothing installed can meet
 * are dropped.
 *
 * Fails with %FS_ERROR_NO_CODECS_LEFT or %FS_ERROR_NEGOTIATION_FAILED if no codec
 * would be left, with %FS_ERROR_INVALID_ARGUMENTS for preferences that make no
 * sense, with %FS_ERROR_DISPOSED after fs_session_destroy(), and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of session takes none. The preferences
 * stay what they were then.
 *
 * Returns: %TRUE if at least one codec is left
 */
gboolean fs_session_set_codec_preferences (FsSession *session,
    GList *codec_preferences, GError **error);

/**
 * fs_session_list_transmitters: (virtual list_transmitters)
 * @session: a session
 *
 * Names the transmitters that fs_stream_set_transmitter() could be given.
 *
 * Returns: (transfer full) (nullable): the names, to be freed with g_strfreev(), or
 *   %NULL if there are none
 */
gchar **fs_session_list_transmitters (FsSession *session);

/**
 * fs_session_emit_error:
 * @session: a session
 * @error_no: a #FsError
 * @error_msg: the text
 *
 * Emits #FsSession::error. For those who implement a session.
 */
void fs_session_emit_error (FsSession *session, gint error_no,
    const gchar *error_msg);

/**
 * fs_session_get_stream_transmitter_type: (virtual get_stream_transmitter_type)
 * @session: a session
 * @transmitter: the name of a transmitter
 *
 * Tells the type whose construction properties are the parameters of
 * fs_stream_set_transmitter().
 *
 * Returns: the type, 0 if there is no such transmitter
 */
GType fs_session_get_stream_transmitter_type (FsSession *session,
    const gchar *transmitter);

/**
 * fs_session_codecs_need_resend: (virtual codecs_need_resend)
 * @session: a session
 * @old_codecs: (element-type FsCodec) (nullable): the codecs the peer was told
 * @new_codecs: (element-type FsCodec) (nullable): the codecs of now
 *
 * Finds the codecs whose description of the encoded stream changed, so that the peer
 * must be told again before it can decode them.
 *
 * Returns: (element-type FsCodec) (transfer full): copies of those codecs
 */
GList *fs_session_codecs_need_resend (FsSession *session, GList *old_codecs,
    GList *new_codecs);

/**
 * fs_session_set_allowed_caps: (virtual set_allowed_caps)
 * @session: a session
 * @sink_caps: (nullable): what may come into #FsSession:sink-pad, %NULL leaves it
 *   as it is
 * @src_caps: (nullable): what may come out of the pads of the streams, %NULL leaves
 *   it as it is
 * @error: where to put a #FsError
 *
 * Restricts the session to codecs that take and give these caps.
 *
 * Fails with %FS_ERROR_NO_CODECS_LEFT or %FS_ERROR_NEGOTIATION_FAILED if no codec
 * would be left, with %FS_ERROR_INVALID_ARGUMENTS for caps of another medium, with
 * %FS_ERROR_DISPOSED after fs_session_destroy(), and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of session cannot be restricted. The caps
 * stay what they were then. With %NULL for both there is nothing to do, and that
 * succeeds.
 *
 * Returns: %TRUE if at least one codec is left
 */
gboolean fs_session_set_allowed_caps (FsSession *session, GstCaps *sink_caps,
    GstCaps *src_caps, GError **error);

/**
 * fs_session_set_encryption_parameters: (virtual set_encryption_parameters)
 * @session: a session
 * @parameters: (nullable) (transfer none): the keys and ciphers, %NULL to send in
 *   the clear
 * @error: where to put a #FsError
 *
 * Sets how to encrypt what is sent. For RTP it is a structure "FarstreamSRTP" with
 * the field "key" and any of "cipher", "rtp-cipher", "rtcp-cipher", "auth",
 * "rtp-auth", "rtcp-auth" and "replay-window-size". "mki" holds the identifier of the
 * key, if packets carry one; to decrypt, "key2" and "mki2" to "key16" and "mki16" may
 * hold more keys. A new key takes effect between two packets and goes on from the
 * roll-over counter.
 *
 * Fails with %FS_ERROR_INVALID_ARGUMENTS for a structure that makes no sense, with
 * %FS_ERROR_DISPOSED after fs_session_destroy(), and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of session cannot encrypt. What was in
 * force stays so then.
 *
 * Returns: %TRUE if it is in force
 */
gboolean fs_session_set_encryption_parameters (FsSession *session,
    GstStructure *parameters, GError **error);

/**
 * fs_session_get_rtp_header_extensions:
 * @session: a session
 *
 * Tells the RTP header extensions to offer, or what negotiation left of them: the
 * property "rtp-header-extensions" of an RTP session, as a list that every language
 * can read.
 *
 * Returns: (element-type FsRtpHeaderExtension) (transfer full): copies of the header
 *   extensions; empty if there are none or this kind of session knows none
 */
GList *fs_session_get_rtp_header_extensions (FsSession *session);

/**
 * fs_session_set_rtp_header_extension_preferences:
 * @session: a session
 * @preferences: (element-type FsRtpHeaderExtension) (nullable): the header extensions
 *   wanted, copied; %NULL for none
 * @error: where to put a #FsError
 *
 * Says which RTP header extensions are wanted: sets the property
 * "rtp-header-extension-preferences" of an RTP session, for languages that cannot put
 * a list into it. Default: none are wanted.
 *
 * Fails with %FS_ERROR_NOT_IMPLEMENTED if this kind of session knows none, and with
 * %FS_ERROR_DISPOSED after fs_session_destroy().
 *
 * Returns: %TRUE if the preferences were taken
 */
gboolean fs_session_set_rtp_header_extension_preferences (FsSession *session,
    GList *preferences, GError **error);

/**
 * fs_session_destroy:
 * @session: a session
 *
 * Stops the session and its streams and takes all they made out of the conference.
 * The caller still holds its reference. Not to be called in a streaming thread.
 *
 * To call it again does nothing. In a streaming thread it logs a critical warning
 * and does nothing.
 */
void fs_session_destroy (FsSession *session);

/**
 * fs_session_parse_send_codec_changed:
 * @session: the session that is asked about
 * @message: a message from the bus
 * @codec: (out) (optional) (transfer none): where to put the codec
 * @secondary_codecs: (out) (optional) (element-type FsCodec) (transfer none): where
 *   to put the codecs sent beside it, such as "telephone-event"
 *
 * Reads the message "farstream-send-codec-changed" with its fields "session"
 * (#FsSession), "codec" (#FsCodec) and "secondary-codecs" (list of #FsCodec). What it
 * finds belongs to @message.
 *
 * Returns: %TRUE if it is such a message, and of @session
 */
gboolean fs_session_parse_send_codec_changed (FsSession *session,
    GstMessage *message, FsCodec **codec, GList **secondary_codecs);

/**
 * fs_session_parse_codecs_changed:
 * @session: the session that is asked about
 * @message: a message from the bus
 *
 * Recognises the message "farstream-codecs-changed" with its field "session"
 * (#FsSession): #FsSession:codecs is a different list now.
 *
 * Returns: %TRUE if it is such a message, and of @session
 */
gboolean fs_session_parse_codecs_changed (FsSession *session,
    GstMessage *message);

/**
 * fs_session_parse_telephony_event_started:
 * @session: the session that is asked about
 * @message: a message from the bus
 * @method: (out) (optional): where to put how it is sent
 * @event: (out) (optional): where to put the key
 * @volume: (out) (optional): where to put the volume
 *
 * Reads the message "farstream-telephony-event-started" with its fields "session"
 * (#FsSession), "method" (#FsDTMFMethod), "event" (#FsDTMFEvent) and "volume"
 * (unsigned char).
 *
 * Returns: %TRUE if it is such a message, and of @session
 */
gboolean fs_session_parse_telephony_event_started (FsSession *session,
    GstMessage *message, FsDTMFMethod *method, FsDTMFEvent *event,
    guint8 *volume);

/**
 * fs_session_parse_telephony_event_stopped:
 * @session: the session that is asked about
 * @message: a message from the bus
 * @method: (out) (optional): where to put how it was sent
 *
 * Reads the message "farstream-telephony-event-stopped" with its fields "session"
 * (#FsSession) and "method" (#FsDTMFMethod).
 *
 * Returns: %TRUE if it is such a message, and of @session
 */
gboolean fs_session_parse_telephony_event_stopped (FsSession *session,
    GstMessage *message, FsDTMFMethod *method);

G_END_DECLS

#endif /* FARSTREAM_FS_SESSION_H */
