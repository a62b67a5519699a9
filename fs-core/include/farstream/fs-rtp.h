/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_RTP_H
#define FARSTREAM_FS_RTP_H

#include <gst/gst.h>

#include <farstream/fs-stream.h>

G_BEGIN_DECLS

/**
 * FsRtpHeaderExtension:
 * @id: the number on the wire, 1 to 255, or from 256 on to let the session choose;
 *   preferences that share such a number are alternatives for one place
 * @direction: in which directions the extension may be used
 * @uri: the URI that says what the extension is
 *
 * One RTP header extension (RFC 8285). Get it from
 * fs_rtp_header_extension_new(); the string belongs to the structure.
 */
typedef struct _FsRtpHeaderExtension
{
  guint id;
  FsStreamDirection direction;
  gchar *uri;
} FsRtpHeaderExtension;

/**
 * FS_TYPE_RTP_HEADER_EXTENSION:
 *
 * The boxed type of #FsRtpHeaderExtension.
 */
#define FS_TYPE_RTP_HEADER_EXTENSION fs_rtp_header_extension_get_type ()

/**
 * FS_TYPE_RTP_HEADER_EXTENSION_LIST:
 *
 * The boxed type of a #GList of #FsRtpHeaderExtension.
 */
#define FS_TYPE_RTP_HEADER_EXTENSION_LIST \
  fs_rtp_header_extension_list_get_type ()

GType fs_rtp_header_extension_get_type (void);

GType fs_rtp_header_extension_list_get_type (void);

/**
 * fs_rtp_header_extension_new:
 * @id: the number
 * @direction: in which directions it may be used
 * @uri: the URI, copied
 *
 * Makes a header extension.
 *
 * Returns: (transfer full): a new header extension
 */
FsRtpHeaderExtension *fs_rtp_header_extension_new (guint id,
    FsStreamDirection direction, const gchar *uri);

/**
 * fs_rtp_header_extension_copy: (skip)
 * @extension: the header extension to copy, or %NULL
 *
 * Copies a header extension.
 *
 * Returns: (transfer full): the copy, %NULL for %NULL
 */
FsRtpHeaderExtension *fs_rtp_header_extension_copy (
    FsRtpHeaderExtension *extension);

/**
 * fs_rtp_header_extension_destroy: (skip)
 * @extension: the header extension to free, or %NULL
 *
 * Frees a header extension.
 */
void fs_rtp_header_extension_destroy (FsRtpHeaderExtension *extension);

/**
 * fs_rtp_header_extension_are_equal:
 * @extension1: a header extension; C callers may pass %NULL
 * @extension2: (nullable): another one
 *
 * Compares two header extensions in all fields, the URI letter by letter.
 *
 * Returns: %TRUE if they are equal
 */
gboolean fs_rtp_header_extension_are_equal (FsRtpHeaderExtension *extension1,
    FsRtpHeaderExtension *extension2);

/**
 * fs_rtp_header_extension_list_copy:
 * @extensions: (element-type FsRtpHeaderExtension): a list of header extensions
 *
 * Copies a list and every header extension in it.
 *
 * Returns: (element-type FsRtpHeaderExtension) (transfer full): the copy
 */
GList *fs_rtp_header_extension_list_copy (GList *extensions);

/**
 * fs_rtp_header_extension_list_destroy: (skip)
 * @extensions: the list to free; %NULL is the empty list
 *
 * Frees a list and every header extension in it.
 */
void fs_rtp_header_extension_list_destroy (GList *extensions);

/**
 * fs_rtp_header_extension_list_from_keyfile:
 * @filename: the path of a key file
 * @media_type: the media type whose extensions are wanted
 * @error: where to put a #GFileError or #GKeyFileError
 *
 * Reads header extension preferences from a file: the groups
 * "rtp-hdrext:MEDIA:NAME" with the keys "id", "uri" and, where it is not both,
 * "direction" ("none", "send" or "recv"). Other groups are passed over.
 *
 * Fails with the error of #GFileError or #GKeyFileError that reading the file
 * gave, and with %FS_ERROR_INVALID_ARGUMENTS for a value that is no media type. A
 * file without header extensions is no error.
 *
 * Returns: (element-type FsRtpHeaderExtension) (transfer full): the header
 *   extensions, %NULL if the file has none or could not be read
 */
GList *fs_rtp_header_extension_list_from_keyfile (const gchar *filename,
    FsMediaType media_type, GError **error);

/**
 * FS_RTP_HEADER_EXTENSION_FORMAT:
 *
 * A printf format for a header extension; its arguments come from
 * FS_RTP_HEADER_EXTENSION_ARGS().
 */
#define FS_RTP_HEADER_EXTENSION_FORMAT "%d: (%s) %s"

/**
 * FS_RTP_HEADER_EXTENSION_ARGS:
 * @hdrext: a #FsRtpHeaderExtension, not %NULL
 *
 * The arguments for %FS_RTP_HEADER_EXTENSION_FORMAT.
 */
#define FS_RTP_HEADER_EXTENSION_ARGS(hdrext) \
  (hdrext)->id, \
  (hdrext)->direction == FS_DIRECTION_BOTH ? "both" : \
  (hdrext)->direction == FS_DIRECTION_RECV ? "recv" : \
  (hdrext)->direction == FS_DIRECTION_SEND ? "send" : "none", \
  (hdrext)->uri

G_END_DECLS

#endif /* FARSTREAM_FS_RTP_H */
