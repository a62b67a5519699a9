/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_ELEMENT_ADDED_NOTIFIER_H
#define FARSTREAM_FS_ELEMENT_ADDED_NOTIFIER_H

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-element-added-notifier
 * @short_description: Sees every element that enters a bin, at any depth
 *
 * A conference makes encoders, payloaders and sockets as it needs them. The
 * notifier tells an application of each, so that it can set properties on them, or
 * sets those itself that a key file names.
 *
 * In the key file a group is the name of a factory or of one element, a key is a
 * property, and the value is what gst-launch would take. Properties an element
 * lacks and values that do not parse are passed over.
 *
 * The methods may be called in any thread. The signal is emitted in the thread
 * that adds the element, often a streaming thread.
 */

#define FS_TYPE_ELEMENT_ADDED_NOTIFIER (fs_element_added_notifier_get_type ())
#define FS_ELEMENT_ADDED_NOTIFIER(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), FS_TYPE_ELEMENT_ADDED_NOTIFIER, \
          FsElementAddedNotifier))
#define FS_ELEMENT_ADDED_NOTIFIER_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), FS_TYPE_ELEMENT_ADDED_NOTIFIER, \
          FsElementAddedNotifierClass))
#define FS_IS_ELEMENT_ADDED_NOTIFIER(obj) \
  (G_TYPE_CHECK_INSTANCE_TYPE ((obj), FS_TYPE_ELEMENT_ADDED_NOTIFIER))
#define FS_IS_ELEMENT_ADDED_NOTIFIER_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), FS_TYPE_ELEMENT_ADDED_NOTIFIER))
#define FS_ELEMENT_ADDED_NOTIFIER_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), FS_TYPE_ELEMENT_ADDED_NOTIFIER, \
          FsElementAddedNotifierClass))

typedef struct _FsElementAddedNotifier FsElementAddedNotifier;
typedef struct _FsElementAddedNotifierClass FsElementAddedNotifierClass;
typedef struct _FsElementAddedNotifierPrivate FsElementAddedNotifierPrivate;

/**
 * FsElementAddedNotifier:
 *
 * All fields are private.
 */
struct _FsElementAddedNotifier
{
  GObject parent;

  /*< private >*/
  FsElementAddedNotifierPrivate *priv;
};

/**
 * FsElementAddedNotifierClass:
 * @parent_class: the class of the parent
 *
 * The class has no virtual methods.
 */
struct _FsElementAddedNotifierClass
{
  GObjectClass parent_class;
};

/**
 * FsElementAddedNotifier::element-added:
 * @notifier: the notifier
 * @bin: the bin that the element is in
 * @element: the element
 *
 * An element entered a watched bin, or was found there by
 * fs_element_added_notifier_add(). Emitted in whatever thread adds the element.
 */

GType fs_element_added_notifier_get_type (void);

/**
 * fs_element_added_notifier_new:
 *
 * Makes a notifier that watches nothing yet.
 *
 * Returns: (transfer full): a new notifier
 */
FsElementAddedNotifier *fs_element_added_notifier_new (void);

/**
 * fs_element_added_notifier_add:
 * @notifier: a notifier
 * @bin: the bin to watch
 *
 * Watches a bin and all bins inside it. The signal
 * #FsElementAddedNotifier::element-added is emitted at once for everything that is
 * already there, but not for @bin itself.
 */
void fs_element_added_notifier_add (FsElementAddedNotifier *notifier,
    GstBin *bin);

/**
 * fs_element_added_notifier_remove:
 * @notifier: a notifier
 * @bin: a bin that was given to fs_element_added_notifier_add()
 *
 * Ceases to watch a bin.
 *
 * Returns: %TRUE if the bin was being watched
 */
gboolean fs_element_added_notifier_remove (FsElementAddedNotifier *notifier,
    GstBin *bin);

/**
 * fs_element_added_notifier_set_properties_from_keyfile:
 * @notifier: a notifier
 * @keyfile: (transfer full): the settings
 *
 * Applies settings to all elements of the watched bins, now and from now on.
 *
 * Returns: the id of a signal handler; to disconnect it ends this and frees
 *   @keyfile
 */
gulong fs_element_added_notifier_set_properties_from_keyfile (
    FsElementAddedNotifier *notifier, GKeyFile *keyfile);

/**
 * fs_element_added_notifier_set_properties_from_file:
 * @notifier: a notifier
 * @filename: the path of a key file
 * @error: where to put a #GFileError or #GKeyFileError
 *
 * Reads settings from a file and applies them as
 * fs_element_added_notifier_set_properties_from_keyfile() does.
 *
 * Fails with the error of #GFileError or #GKeyFileError that reading the file
 * gave, and then sets nothing.
 *
 * Returns: %TRUE if the file could be read
 */
gboolean fs_element_added_notifier_set_properties_from_file (
    FsElementAddedNotifier *notifier, const gchar *filename, GError **error);

/**
 * fs_element_added_notifier_set_default_properties:
 * @notifier: a notifier
 * @element: an element, such as a conference
 *
 * Applies the settings that fs_utils_get_default_element_properties() finds for
 * @element to all elements of the watched bins.
 *
 * Returns: the id of a signal handler, 0 if there are no such settings
 */
gulong fs_element_added_notifier_set_default_properties (
    FsElementAddedNotifier *notifier, GstElement *element);

G_END_DECLS

#endif /* FARSTREAM_FS_ELEMENT_ADDED_NOTIFIER_H */
