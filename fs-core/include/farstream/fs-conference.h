/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_CONFERENCE_H
#define FARSTREAM_FS_CONFERENCE_H

#include <gst/gst.h>

#include <farstream/fs-session.h>
#include <farstream/fs-codec.h>
#include <farstream/fs-enumtypes.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-conference
 * @short_description: The element that holds a whole call
 *
 * A conference is a #GstBin, made with gst_element_factory_make() ("fsrtpconference"
 * for RTP) and put into a pipeline like any element. It has one #FsSession for each
 * medium and one #FsParticipant for each remote party; where the two meet is a
 * #FsStream.
 *
 * What happens later is told by element messages on the bus, with the conference as
 * their source. Errors come as "farstream-error", see fs_parse_error(); the others
 * are described with the functions fs_session_parse_codecs_changed(),
 * fs_session_parse_send_codec_changed(), fs_stream_parse_new_local_candidate() and
 * their like.
 *
 * All methods may be called in any thread. Messages are posted by whatever thread
 * notices the event, with no lock of the library held, so a sync handler may read
 * every property.
 */

#define FS_TYPE_CONFERENCE (fs_conference_get_type ())
#define FS_CONFERENCE(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), FS_TYPE_CONFERENCE, FsConference))
#define FS_CONFERENCE_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), FS_TYPE_CONFERENCE, FsConferenceClass))
#define FS_CONFERENCE_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), FS_TYPE_CONFERENCE, FsConferenceClass))
#define FS_IS_CONFERENCE(obj) \
  (G_TYPE_CHECK_INSTANCE_TYPE ((obj), FS_TYPE_CONFERENCE))
#define FS_IS_CONFERENCE_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), FS_TYPE_CONFERENCE))
#define FS_CONFERENCE_CAST(obj) ((FsConference *) (obj))

typedef struct _FsConference FsConference;
typedef struct _FsConferenceClass FsConferenceClass;

/**
 * FsConference:
 *
 * All fields are private.
 */
struct _FsConference
{
  GstBin parent;

  /*< private >*/
  gpointer _padding[8];
};

/**
 * FsConferenceClass:
 * @parent: the class of the parent
 * @new_session: makes a session, see fs_conference_new_session()
 * @new_participant: makes a participant, see fs_conference_new_participant()
 *
 * A kind of conference must implement both methods.
 */
struct _FsConferenceClass
{
  GstBinClass parent;

  FsSession *(*new_session) (FsConference *conference, FsMediaType media_type,
      GError **error);
  FsParticipant *(*new_participant) (FsConference *conference,
      GError **error);

  /*< private >*/
  gpointer _gst_reserved[GST_PADDING];
};

GType fs_conference_get_type (void);

/**
 * FsError:
 * @FS_ERROR_CONSTRUCTION: an element or object could not be made, linked or
 *   started, mostly because one is not installed
 * @FS_ERROR_INTERNAL: an object is in a state it should never be in
 * @FS_ERROR_INVALID_ARGUMENTS: the caller passed something that is not allowed
 * @FS_ERROR_NETWORK: an address or port could not be had, or not be reached
 * @FS_ERROR_NOT_IMPLEMENTED: this kind of object cannot do that
 * @FS_ERROR_NEGOTIATION_FAILED: no codec is left that both sides can use
 * @FS_ERROR_UNKNOWN_CODEC: data arrive with a payload type nobody agreed on
 * @FS_ERROR_NO_CODECS: no codec of this media type is installed
 * @FS_ERROR_NO_CODECS_LEFT: preferences or allowed caps exclude every codec
 * @FS_ERROR_CONNECTION_FAILED: no way to the peer was found
 * @FS_ERROR_DISPOSED: the object was destroyed, or is not ready for the call
 * @FS_ERROR_ALREADY_EXISTS: there can be only one of these, and there is one
 *
 * The codes of the error domain %FS_ERROR, which also come with the "error" signals
 * and the message "farstream-error".
 */
typedef enum
{
  FS_ERROR_CONSTRUCTION = 1,
  FS_ERROR_INTERNAL,
  FS_ERROR_INVALID_ARGUMENTS = 100,
  FS_ERROR_NETWORK,
  FS_ERROR_NOT_IMPLEMENTED,
  FS_ERROR_NEGOTIATION_FAILED,
  FS_ERROR_UNKNOWN_CODEC,
  FS_ERROR_NO_CODECS,
  FS_ERROR_NO_CODECS_LEFT,
  FS_ERROR_CONNECTION_FAILED,
  FS_ERROR_DISPOSED,
  FS_ERROR_ALREADY_EXISTS
} FsError;

/**
 * FS_ERROR:
 *
 * The domain of all errors of this library, "fs-error".
 */
#define FS_ERROR (fs_error_quark ())

/**
 * FS_ERROR_IS_FATAL:
 * @error: a #FsError
 *
 * Tells whether the object that an error came from is of no further use: the codes
 * below 100 say so.
 */
#define FS_ERROR_IS_FATAL(error) ((error) < 100)

/**
 * fs_error_quark:
 *
 * Gives the domain of all errors of this library; C programs write %FS_ERROR.
 *
 * Returns: the quark of "fs-error"
 */
GQuark fs_error_quark (void);

/**
 * fs_conference_new_session: (virtual new_session)
 * @conference: a conference
 * @media_type: what the session is to carry
 * @error: where to put a #FsError
 *
 * Makes a session. The codecs for it are searched among the installed elements, so
 * the first of a media type may take a moment.
 *
 * Fails with %FS_ERROR_INVALID_ARGUMENTS for a value that is no media type, with
 * %FS_ERROR_NO_CODECS if no codec for it is installed, with %FS_ERROR_CONSTRUCTION
 * if an element the session is made of is missing, and with
 * %FS_ERROR_NOT_IMPLEMENTED if this kind of conference makes no sessions.
 *
 * Returns: (transfer full): the session, or %NULL with @error set
 */
FsSession *fs_conference_new_session (FsConference *conference,
    FsMediaType media_type, GError **error);

/**
 * fs_conference_new_participant: (virtual new_participant)
 * @conference: a conference
 * @error: where to put a #FsError
 *
 * Makes a participant.
 *
 * Fails with %FS_ERROR_NOT_IMPLEMENTED if this kind of conference makes no
 * participants.
 *
 * Returns: (transfer full): the participant, or %NULL with @error set
 */
FsParticipant *fs_conference_new_participant (FsConference *conference,
    GError **error);

/**
 * fs_parse_error:
 * @object: the session or stream that errors are wanted of
 * @message: a message from the bus
 * @error: (out) (optional): where to put the code
 * @error_msg: (out) (optional) (transfer none): where to put the text, which
 *   belongs to @message
 *
 * Reads the message "farstream-error", which a session or stream posts when
 * something fails outside of any call. Its fields are "src-object" (#GObject),
 * "error-no" (#FsError) and "error-msg" (string).
 *
 * Returns: %TRUE if it is such a message, and of @object
 */
gboolean fs_parse_error (GObject *object, GstMessage *message, FsError *error,
    const gchar **error_msg);

G_END_DECLS

#endif /* FARSTREAM_FS_CONFERENCE_H */
