/* SPDX-License-Identifier: MPL-2.0 */

/* Prints sizes, offsets and constants as a set of headers gives them. It is compiled against Debian's headers and against
 * ours; both must print the same. */

#include <farstream/fs-conference.h>
#include <farstream/fs-element-added-notifier.h>
#include <farstream/fs-plugin.h>
#include <farstream/fs-rtp.h>
#include <farstream/fs-transmitter.h>
#include <farstream/fs-utils.h>

#include <stddef.h>
#include <stdio.h>

#define SIZE(type) printf ("size %s %zu\n", #type, sizeof (type))
#define FIELD(type, field) \
  printf ("field %s.%s %zu+%zu\n", #type, #field, offsetof (type, field), sizeof (((type *) NULL)->field))
#define NUMBER(name) printf ("number %s %d\n", #name, (int) (name))
#define TEXT(name) printf ("text %s %s\n", #name, name)

static void
boxed (void)
{
  SIZE (FsCandidate);
  FIELD (FsCandidate, foundation);
  FIELD (FsCandidate, component_id);
  FIELD (FsCandidate, ip);
  FIELD (FsCandidate, port);
  FIELD (FsCandidate, base_ip);
  FIELD (FsCandidate, base_port);
  FIELD (FsCandidate, proto);
  FIELD (FsCandidate, priority);
  FIELD (FsCandidate, type);
  FIELD (FsCandidate, username);
  FIELD (FsCandidate, password);
  FIELD (FsCandidate, ttl);
  SIZE (FsCodec);
  FIELD (FsCodec, id);
  FIELD (FsCodec, encoding_name);
  FIELD (FsCodec, media_type);
  FIELD (FsCodec, clock_rate);
  FIELD (FsCodec, channels);
  FIELD (FsCodec, minimum_reporting_interval);
  FIELD (FsCodec, optional_params);
  FIELD (FsCodec, feedback_params);
  SIZE (FsCodecParameter);
  FIELD (FsCodecParameter, name);
  FIELD (FsCodecParameter, value);
  SIZE (FsFeedbackParameter);
  FIELD (FsFeedbackParameter, type);
  FIELD (FsFeedbackParameter, subtype);
  FIELD (FsFeedbackParameter, extra_params);
  SIZE (FsRtpHeaderExtension);
  FIELD (FsRtpHeaderExtension, id);
  FIELD (FsRtpHeaderExtension, direction);
  FIELD (FsRtpHeaderExtension, uri);
}

static void
objects (void)
{
  SIZE (FsConference);
  FIELD (FsConference, parent);
  FIELD (FsConference, _padding);
  SIZE (FsSession);
  FIELD (FsSession, priv);
  FIELD (FsSession, _padding);
  SIZE (FsStream);
  FIELD (FsStream, priv);
  FIELD (FsStream, _padding);
  SIZE (FsParticipant);
  FIELD (FsParticipant, mutex);
  FIELD (FsParticipant, priv);
  FIELD (FsParticipant, _padding);
  SIZE (FsTransmitter);
  FIELD (FsTransmitter, priv);
  FIELD (FsTransmitter, construction_error);
  FIELD (FsTransmitter, _padding);
  SIZE (FsStreamTransmitter);
  FIELD (FsStreamTransmitter, priv);
  FIELD (FsStreamTransmitter, _padding);
  SIZE (FsPlugin);
  FIELD (FsPlugin, type);
  FIELD (FsPlugin, name);
  FIELD (FsPlugin, priv);
  FIELD (FsPlugin, unused);
  SIZE (FsElementAddedNotifier);
  FIELD (FsElementAddedNotifier, priv);
}

static void
classes (void)
{
  SIZE (FsConferenceClass);
  FIELD (FsConferenceClass, new_session);
  FIELD (FsConferenceClass, new_participant);
  FIELD (FsConferenceClass, _gst_reserved);
  SIZE (FsSessionClass);
  FIELD (FsSessionClass, new_stream);
  FIELD (FsSessionClass, start_telephony_event);
  FIELD (FsSessionClass, stop_telephony_event);
  FIELD (FsSessionClass, set_send_codec);
  FIELD (FsSessionClass, set_codec_preferences);
  FIELD (FsSessionClass, list_transmitters);
  FIELD (FsSessionClass, get_stream_transmitter_type);
  FIELD (FsSessionClass, codecs_need_resend);
  FIELD (FsSessionClass, set_allowed_caps);
  FIELD (FsSessionClass, set_encryption_parameters);
  FIELD (FsSessionClass, _padding);
  SIZE (FsStreamClass);
  FIELD (FsStreamClass, add_remote_candidates);
  FIELD (FsStreamClass, force_remote_candidates);
  FIELD (FsStreamClass, set_remote_codecs);
  FIELD (FsStreamClass, add_id);
  FIELD (FsStreamClass, set_transmitter);
  FIELD (FsStreamClass, set_decryption_parameters);
  FIELD (FsStreamClass, _padding);
  SIZE (FsParticipantClass);
  FIELD (FsParticipantClass, priv);
  FIELD (FsParticipantClass, _padding);
  SIZE (FsTransmitterClass);
  FIELD (FsTransmitterClass, new_stream_transmitter);
  FIELD (FsTransmitterClass, get_stream_transmitter_type);
  FIELD (FsTransmitterClass, _padding);
  SIZE (FsStreamTransmitterClass);
  FIELD (FsStreamTransmitterClass, add_remote_candidates);
  FIELD (FsStreamTransmitterClass, force_remote_candidates);
  FIELD (FsStreamTransmitterClass, gather_local_candidates);
  FIELD (FsStreamTransmitterClass, stop);
  FIELD (FsStreamTransmitterClass, _padding);
  SIZE (FsPluginClass);
  FIELD (FsPluginClass, unused);
  SIZE (FsElementAddedNotifierClass);
}

static void
constants (void)
{
  NUMBER (FS_MEDIA_TYPE_LAST);
  NUMBER (FS_NETWORK_PROTOCOL_TCP);
  NUMBER (FS_NETWORK_PROTOCOL_TCP_PASSIVE);
  NUMBER (FS_NETWORK_PROTOCOL_TCP_SO);
  NUMBER (FS_CANDIDATE_TYPE_MULTICAST);
  NUMBER (FS_COMPONENT_RTCP);
  NUMBER (FS_DIRECTION_SEND);
  NUMBER (FS_DIRECTION_RECV);
  NUMBER (FS_DIRECTION_BOTH);
  NUMBER (FS_STREAM_STATE_FAILED);
  NUMBER (FS_STREAM_STATE_READY);
  NUMBER (FS_DTMF_EVENT_D);
  NUMBER (FS_DTMF_METHOD_RTP_RFC4733);
  NUMBER (FS_DTMF_METHOD_SOUND);
  NUMBER (FS_ERROR_CONSTRUCTION);
  NUMBER (FS_ERROR_INVALID_ARGUMENTS);
  NUMBER (FS_ERROR_ALREADY_EXISTS);
  NUMBER (FS_ERROR_IS_FATAL (FS_ERROR_INTERNAL));
  NUMBER (FS_ERROR_IS_FATAL (FS_ERROR_NETWORK));
  NUMBER (FS_CODEC_ID_ANY);
  NUMBER (FS_CODEC_ID_DISABLE);
  TEXT (FS_CODEC_FORMAT);
  TEXT (FS_RTP_HEADER_EXTENSION_FORMAT);
}

int
main (void)
{
  boxed ();
  objects ();
  classes ();
  constants ();
  return 0;
}
