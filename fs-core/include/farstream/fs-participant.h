/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_PARTICIPANT_H
#define FARSTREAM_FS_PARTICIPANT_H

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-participant
 * @short_description: One remote person or machine in a conference
 *
 * A participant stands for the remote party of one or more streams. It comes from
 * fs_conference_new_participant() and goes into fs_session_new_stream(). The
 * streams of one participant may share things, such as an ICE agent, that a
 * transmitter attaches to it.
 *
 * The properties may be read and set in any thread.
 */

#define FS_TYPE_PARTICIPANT (fs_participant_get_type ())
#define FS_PARTICIPANT(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), FS_TYPE_PARTICIPANT, FsParticipant))
#define FS_PARTICIPANT_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), FS_TYPE_PARTICIPANT, FsParticipantClass))
#define FS_IS_PARTICIPANT(obj) \
  (G_TYPE_CHECK_INSTANCE_TYPE ((obj), FS_TYPE_PARTICIPANT))
#define FS_IS_PARTICIPANT_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), FS_TYPE_PARTICIPANT))
#define FS_PARTICIPANT_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), FS_TYPE_PARTICIPANT, FsParticipantClass))
#define FS_PARTICIPANT_CAST(obj) ((FsParticipant *) (obj))

typedef struct _FsParticipant FsParticipant;
typedef struct _FsParticipantClass FsParticipantClass;
typedef struct _FsParticipantPrivate FsParticipantPrivate;

/**
 * FsParticipantClass:
 * @parent_class: the class of the parent
 *
 * The class has no virtual methods. A kind of conference derives its own
 * participant to give it properties.
 */
struct _FsParticipantClass
{
  GObjectClass parent_class;

  /*< private >*/
  FsParticipantPrivate *priv;
  gpointer _padding[8];
};

/**
 * FsParticipant:
 *
 * All fields are private.
 */
struct _FsParticipant
{
  GObject parent;

  /*< private >*/
  GMutex mutex;
  FsParticipantPrivate *priv;
  gpointer _padding[8];
};

/**
 * FS_PARTICIPANT_DATA_LOCK:
 * @participant: a #FsParticipant
 *
 * Takes the lock that guards the data which transmitters attach to a participant
 * with g_object_set_data() and its like.
 */
#define FS_PARTICIPANT_DATA_LOCK(participant) \
  g_mutex_lock (&FS_PARTICIPANT_CAST (participant)->mutex)

/**
 * FS_PARTICIPANT_DATA_UNLOCK:
 * @participant: a #FsParticipant
 *
 * Gives back the lock that FS_PARTICIPANT_DATA_LOCK() took.
 */
#define FS_PARTICIPANT_DATA_UNLOCK(participant) \
  g_mutex_unlock (&FS_PARTICIPANT_CAST (participant)->mutex)

GType fs_participant_get_type (void);

G_END_DECLS

#endif /* FARSTREAM_FS_PARTICIPANT_H */
