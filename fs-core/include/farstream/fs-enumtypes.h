/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_ENUMTYPES_H
#define FARSTREAM_FS_ENUMTYPES_H

#include <glib-object.h>

G_BEGIN_DECLS

#define FS_TYPE_CANDIDATE_TYPE (fs_candidate_type_get_type ())
#define FS_TYPE_COMPONENT_TYPE (fs_component_type_get_type ())
#define FS_TYPE_DTMF_EVENT (fs_dtmf_event_get_type ())
#define FS_TYPE_DTMF_METHOD (fs_dtmf_method_get_type ())
#define FS_TYPE_ERROR (fs_error_get_type ())
#define FS_TYPE_MEDIA_TYPE (fs_media_type_get_type ())
#define FS_TYPE_NETWORK_PROTOCOL (fs_network_protocol_get_type ())
#define FS_TYPE_STREAM_DIRECTION (fs_stream_direction_get_type ())
#define FS_TYPE_STREAM_STATE (fs_stream_state_get_type ())

GType fs_candidate_type_get_type (void);
GType fs_component_type_get_type (void);
GType fs_dtmf_event_get_type (void);
GType fs_dtmf_method_get_type (void);
GType fs_error_get_type (void);
GType fs_media_type_get_type (void);
GType fs_network_protocol_get_type (void);
GType fs_stream_direction_get_type (void);
GType fs_stream_state_get_type (void);

G_END_DECLS

#endif /* FARSTREAM_FS_ENUMTYPES_H */
