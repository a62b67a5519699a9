/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_CODEC_H
#define FARSTREAM_FS_CODEC_H

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-codec
 * @short_description: One encoding that a session can send or receive
 *
 * A codec is what a media line of SDP says about one payload type: its number,
 * the name of the encoding, clock rate and channels, the format parameters
 * (a=fmtp) and the feedback messages (a=rtcp-fb). Lists of codecs are ordered,
 * the preferred codec first.
 *
 * Codecs are plain structures. Get them from fs_codec_new() or fs_codec_copy(),
 * never from malloc, because fs_codec_destroy() gives the memory back to the
 * slice allocator. Compare encoding names without regard to case.
 *
 * Nothing guards a codec or a list of them: use each in one thread at a time. The
 * functions themselves may be called in any thread.
 */

typedef struct _FsCodec FsCodec;
typedef struct _FsCodecParameter FsCodecParameter;
typedef struct _FsFeedbackParameter FsFeedbackParameter;

#define FS_TYPE_CODEC (fs_codec_get_type ())
#define FS_TYPE_CODEC_LIST (fs_codec_list_get_type ())
#define FS_TYPE_CODEC_PARAMETER (fs_codec_parameter_get_type ())
#define FS_TYPE_FEEDBACK_PARAMETER (fs_feedback_parameter_get_type ())

/**
 * FsMediaType:
 * @FS_MEDIA_TYPE_AUDIO: sound
 * @FS_MEDIA_TYPE_VIDEO: pictures
 * @FS_MEDIA_TYPE_APPLICATION: data of an application
 * @FS_MEDIA_TYPE_LAST: the largest value in use
 *
 * What a session or a codec carries.
 */
typedef enum
{
  FS_MEDIA_TYPE_AUDIO,
  FS_MEDIA_TYPE_VIDEO,
  FS_MEDIA_TYPE_APPLICATION,
  FS_MEDIA_TYPE_LAST = FS_MEDIA_TYPE_APPLICATION
} FsMediaType;

/**
 * FS_CODEC_ID_ANY:
 *
 * The #FsCodec.id of a preference whose payload type the session may choose.
 */
#define FS_CODEC_ID_ANY            (-1)

/**
 * FS_CODEC_ID_DISABLE:
 *
 * The #FsCodec.id of a preference that takes the codecs it matches out of use.
 */
#define FS_CODEC_ID_DISABLE        (-2)

/**
 * FsCodec:
 * @id: the payload type, 0 to 127, or %FS_CODEC_ID_ANY or %FS_CODEC_ID_DISABLE
 * @encoding_name: the name of the encoding, such as "PCMU"
 * @media_type: what the codec carries
 * @clock_rate: the rate of the RTP clock in Hz, 0 if unspecified
 * @channels: the number of channels, 0 if unspecified
 * @minimum_reporting_interval: the shortest time between two RTCP reports in ms
 *   (the "trr-int" of RFC 4585), %G_MAXUINT if unspecified
 * @optional_params: (element-type FsCodecParameter): the format parameters
 * @feedback_params: (element-type FsFeedbackParameter): the feedback messages
 *
 * One encoding. The strings and the parameters belong to the structure.
 */
struct _FsCodec
{
  gint id;
  char *encoding_name;
  FsMediaType media_type;
  guint clock_rate;
  guint channels;
  guint minimum_reporting_interval;
  GList *optional_params;
  GList *feedback_params;
};

/**
 * FsCodecParameter:
 * @name: the name of the parameter, compared without regard to case
 * @value: its value
 *
 * One format parameter of a codec.
 */
struct _FsCodecParameter
{
  gchar *name;
  gchar *value;
};

/**
 * FsFeedbackParameter:
 * @type: the type, such as "nack" or "ccm"
 * @subtype: the subtype, such as "pli"; "" if there is none
 * @extra_params: what follows them; "" if there is nothing
 *
 * One feedback message a codec makes use of (RFC 4585, section 4.2).
 */
struct _FsFeedbackParameter
{
  gchar *type;
  gchar *subtype;
  gchar *extra_params;
};

/**
 * FS_CODEC_FORMAT:
 *
 * A printf format for a codec; its arguments come from FS_CODEC_ARGS().
 */
#define FS_CODEC_FORMAT "%d: %s %s clock:%d channels:%d params:%p"

/**
 * FS_CODEC_ARGS:
 * @codec: a #FsCodec, not %NULL
 *
 * The arguments for %FS_CODEC_FORMAT.
 */
#define FS_CODEC_ARGS(codec) \
  (codec)->id, fs_media_type_to_string ((codec)->media_type), \
  (codec)->encoding_name, (codec)->clock_rate, (codec)->channels, \
  (codec)->optional_params

GType fs_codec_get_type (void);

GType fs_codec_list_get_type (void);

GType fs_codec_parameter_get_type (void);

GType fs_feedback_parameter_get_type (void);

/**
 * fs_media_type_to_string:
 * @media_type: a media type
 *
 * Names a media type as SDP does.
 *
 * Returns: (transfer none) (nullable): "audio", "video" or "application", and %NULL
 *   for a value that is none of the three
 */
const gchar *fs_media_type_to_string (FsMediaType media_type);

/**
 * fs_codec_new:
 * @id: the payload type, or %FS_CODEC_ID_ANY or %FS_CODEC_ID_DISABLE
 * @encoding_name: the name of the encoding, copied; C callers may pass %NULL
 * @media_type: what the codec carries
 * @clock_rate: the rate of the RTP clock in Hz, 0 if unspecified
 *
 * Makes a codec without parameters, with no channels and no reporting interval.
 *
 * Returns: (transfer full): a new codec, to be freed with fs_codec_destroy()
 */
FsCodec *fs_codec_new (int id, const char *encoding_name,
    FsMediaType media_type, guint clock_rate);

/**
 * fs_codec_copy:
 * @codec: the codec to copy; C callers may pass %NULL
 *
 * Copies a codec with all its parameters.
 *
 * Returns: (transfer full): the copy, %NULL for %NULL
 */
FsCodec *fs_codec_copy (const FsCodec *codec);

/**
 * fs_codec_destroy: (skip)
 * @codec: the codec to free, or %NULL
 *
 * Frees a codec and its parameters.
 */
void fs_codec_destroy (FsCodec *codec);

/**
 * fs_codec_list_copy:
 * @codec_list: (element-type FsCodec): a list of codecs
 *
 * Copies a list and every codec in it.
 *
 * Returns: (element-type FsCodec) (transfer full): the copy
 */
GList *fs_codec_list_copy (const GList *codec_list);

/**
 * fs_codec_list_destroy: (skip)
 * @codec_list: the list to free; %NULL is the empty list
 *
 * Frees a list and every codec in it.
 */
void fs_codec_list_destroy (GList *codec_list);

/**
 * fs_codec_list_from_keyfile:
 * @filename: the path of a key file
 * @error: where to put a #GFileError or #GKeyFileError
 *
 * Reads codec preferences from a file. Each group "MEDIA/ENCODING" is a codec;
 * ":" and any text behind the encoding tell groups of one encoding apart. The
 * keys "id", "clock-rate", "channels" and "trr-int" are numbers, a key
 * "feedback:TYPE/SUBTYPE" holds the extra parameters of a feedback message, and
 * every other key is a format parameter. The order of the groups is the order of
 * preference; a negative id disables a codec, none leaves the choice free.
 *
 * Fails with the error of #GFileError or #GKeyFileError that reading the file
 * gave. Groups and values that make no sense are passed over, and a file without
 * codecs is no error.
 *
 * Returns: (element-type FsCodec) (transfer full): the codecs, %NULL if the file
 *   has none or could not be read
 */
GList *fs_codec_list_from_keyfile (const gchar *filename, GError **error);

/**
 * fs_codec_list_are_equal:
 * @list1: (element-type FsCodec) (nullable): a list of codecs
 * @list2: (element-type FsCodec) (nullable): another one
 *
 * Compares two lists codec by codec, in order, as fs_codec_are_equal() does.
 *
 * Returns: %TRUE if both have the same length and equal codecs in each place
 */
gboolean fs_codec_list_are_equal (GList *list1, GList *list2);

/**
 * fs_codec_to_string:
 * @codec: the codec to describe; C callers may pass %NULL
 *
 * Describes a codec in one line, for people to read.
 *
 * Returns: (transfer full): the text, to be freed with g_free()
 */
gchar *fs_codec_to_string (const FsCodec *codec);

/**
 * fs_codec_are_equal:
 * @codec1: a codec; C callers may pass %NULL
 * @codec2: (nullable): another one
 *
 * Compares two codecs in all fields. Names are compared without regard to case,
 * values of format parameters exactly; the order of parameters makes no
 * difference. A codec without encoding name equals only itself.
 *
 * Returns: %TRUE if they are equal
 */
gboolean fs_codec_are_equal (const FsCodec *codec1, const FsCodec *codec2);

/**
 * fs_codec_add_optional_parameter:
 * @codec: a codec
 * @name: the name of the parameter, copied
 * @value: its value, copied
 *
 * Appends a format parameter. An equal name that is already there stays.
 */
void fs_codec_add_optional_parameter (FsCodec *codec, const gchar *name,
    const gchar *value);

/**
 * fs_codec_remove_optional_parameter:
 * @codec: a codec
 * @param: a parameter of this codec, or one that is equal to it; C callers may pass
 *   %NULL
 *
 * Takes a format parameter out of the codec and frees it: the structure @param
 * itself if the codec holds it, otherwise the first that has the same name and
 * value. A parameter the codec does not have changes nothing.
 */
void fs_codec_remove_optional_parameter (FsCodec *codec,
    FsCodecParameter *param);

/**
 * fs_codec_get_optional_parameter:
 * @codec: a codec
 * @name: the name to look for
 * @value: (nullable): the value to look for, %NULL for any
 *
 * Finds the first format parameter of this name, and value if one is given. Both
 * are compared without regard to case.
 *
 * Returns: (transfer none) (nullable): the parameter, which belongs to the codec, or
 *   %NULL
 */
FsCodecParameter *fs_codec_get_optional_parameter (FsCodec *codec,
    const gchar *name, const gchar *value);

/**
 * fs_codec_parameter_copy:
 * @param: a format parameter
 *
 * Copies a format parameter.
 *
 * Returns: (transfer full): the copy
 */
FsCodecParameter *fs_codec_parameter_copy (const FsCodecParameter *param);

/**
 * fs_codec_parameter_free:
 * @param: a format parameter that belongs to no codec
 *
 * Frees a format parameter.
 */
void fs_codec_parameter_free (FsCodecParameter *param);

/**
 * fs_codec_add_feedback_parameter:
 * @codec: a codec
 * @type: the type, copied
 * @subtype: the subtype, copied; "" for none
 * @extra_params: what follows, copied; "" for nothing
 *
 * Appends a feedback message.
 */
void fs_codec_add_feedback_parameter (FsCodec *codec, const gchar *type,
    const gchar *subtype, const gchar *extra_params);

/**
 * fs_codec_get_feedback_parameter:
 * @codec: a codec
 * @type: (nullable): the type to look for, %NULL for any
 * @subtype: (nullable): the subtype to look for, %NULL for any
 * @extra_params: (nullable): the rest to look for, %NULL for any
 *
 * Finds the first feedback message that agrees with all that is given. Type or
 * subtype must be given.
 *
 * Returns: (transfer none) (nullable): the message, which belongs to the codec, or
 *   %NULL
 */
FsFeedbackParameter *fs_codec_get_feedback_parameter (FsCodec *codec,
    const gchar *type, const gchar *subtype, const gchar *extra_params);

/**
 * fs_codec_remove_feedback_parameter:
 * @codec: a codec
 * @item: (element-type FsFeedbackParameter): a link of the list
 *   #FsCodec.feedback_params of this codec, or any list that begins with a message
 *   which is equal to one in there
 *
 * Takes a feedback message out of the codec and frees it: the one in the link @item
 * if that is of this codec, otherwise the first that is equal to the one @item
 * holds. A message the codec does not have changes nothing.
 */
void fs_codec_remove_feedback_parameter (FsCodec *codec, GList *item);

/**
 * fs_feedback_parameter_copy:
 * @param: a feedback message
 *
 * Copies a feedback message.
 *
 * Returns: (transfer full): the copy
 */
FsFeedbackParameter *fs_feedback_parameter_copy (
    const FsFeedbackParameter *param);

/**
 * fs_feedback_parameter_free:
 * @param: a feedback message that belongs to no codec
 *
 * Frees a feedback message.
 */
void fs_feedback_parameter_free (FsFeedbackParameter *param);

G_END_DECLS

#endif /* FARSTREAM_FS_CODEC_H */
