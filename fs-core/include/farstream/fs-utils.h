/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_UTILS_H
#define FARSTREAM_FS_UTILS_H

#include <gst/gst.h>

#include <farstream/fs-codec.h>

G_BEGIN_DECLS

/**
 * fs_utils_get_default_codec_preferences:
 * @element: an element, such as a conference
 *
 * Reads the codec preferences that are installed for this kind of element: the
 * file "farstream/0.2/FACTORY/default-codec-preferences" in the data folder of the
 * user, then in those of the system. The first that holds codecs counts. Nothing
 * loads them by itself; hand them to fs_session_set_codec_preferences().
 *
 * Returns: (element-type FsCodec) (transfer full): the preferences, or %NULL
 */
GList *fs_utils_get_default_codec_preferences (GstElement *element);

/**
 * fs_utils_get_default_element_properties:
 * @element: an element, such as a conference
 *
 * Reads the property settings that are installed for the elements inside this kind
 * of element: the file "farstream/0.2/FACTORY/default-element-properties".
 *
 * Returns: (transfer full) (nullable): the key file, or %NULL
 */
GKeyFile *fs_utils_get_default_element_properties (GstElement *element);

/**
 * fs_utils_get_default_rtp_header_extension_preferences:
 * @element: an element, such as a conference
 * @media_type: the media type whose extensions are wanted
 *
 * Reads the header extension preferences that are installed for this kind of
 * element, from the same file as fs_utils_get_default_codec_preferences().
 *
 * Returns: (element-type FsRtpHeaderExtension) (transfer full): the preferences,
 *   or %NULL
 */
GList *fs_utils_get_default_rtp_header_extension_preferences (
    GstElement *element, FsMediaType media_type);

/**
 * fs_utils_set_bitrate:
 * @element: an encoder with a property "bitrate"
 * @bitrate: the rate in bits per second
 *
 * Sets the bit rate of an encoder, in the unit this encoder takes and within the
 * range it allows.
 */
void fs_utils_set_bitrate (GstElement *element, glong bitrate);

G_END_DECLS

#endif /* FARSTREAM_FS_UTILS_H */
