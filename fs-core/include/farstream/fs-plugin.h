/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_PLUGIN_H
#define FARSTREAM_FS_PLUGIN_H

#include <stdarg.h>

#include <glib.h>
#include <glib-object.h>
#include <gmodule.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-plugin
 * @short_description: How transmitters are found and loaded
 *
 * A plugin gives the library one #GType under a name and a suffix, such as
 * "rawudp" and "transmitter". It is looked up in the folders named by the
 * environment variable FS_PLUGIN_PATH, then among those that are built in or
 * registered with fs_plugin_register_static(), then in the folder that the
 * variable "pluginsdir" of pkg-config names. The file is called
 * "libNAME-SUFFIX.so", has one FS_INIT_PLUGIN() and is never unloaded.
 *
 * The functions may be called in any thread; a file is loaded once, however many
 * ask for it.
 */

#define FS_TYPE_PLUGIN (fs_plugin_get_type ())
#define FS_PLUGIN(obj) \
  (G_TYPE_CHECK_INSTANCE_CAST ((obj), FS_TYPE_PLUGIN, FsPlugin))
#define FS_PLUGIN_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_CAST ((klass), FS_TYPE_PLUGIN, FsPluginClass))
#define FS_IS_PLUGIN(obj) \
  (G_TYPE_CHECK_INSTANCE_TYPE ((obj), FS_TYPE_PLUGIN))
#define FS_IS_PLUGIN_CLASS(klass) \
  (G_TYPE_CHECK_CLASS_TYPE ((klass), FS_TYPE_PLUGIN))
#define FS_PLUGIN_GET_CLASS(obj) \
  (G_TYPE_INSTANCE_GET_CLASS ((obj), FS_TYPE_PLUGIN, FsPluginClass))

typedef struct _FsPlugin FsPlugin;
typedef struct _FsPluginClass FsPluginClass;
typedef struct _FsPluginPrivate FsPluginPrivate;

/**
 * FsPlugin:
 * @parent: the parent object
 *
 * A loaded plugin file. Its other fields are for FS_INIT_PLUGIN() alone.
 */
struct _FsPlugin
{
  GTypeModule parent;

  /*< private >*/
  GType type;
  gchar *name;
  FsPluginPrivate *priv;
  gpointer unused[8];
};

/**
 * FsPluginClass:
 * @parent_class: the class of the parent
 *
 * The class has no virtual methods of its own.
 */
struct _FsPluginClass
{
  GTypeModuleClass parent_class;

  /*< private >*/
  gpointer unused[8];
};

GType fs_plugin_get_type (void);

/**
 * fs_plugin_create_valist: (skip)
 * @name: the name of the plugin
 * @type_suffix: the suffix, such as "transmitter"
 * @error: where to put a #FsError
 * @first_property_name: (nullable): the first property to set
 * @var_args: its value, then further names and values, and %NULL
 *
 * Loads a plugin where that is still to be done, and makes an object of its type.
 *
 * Fails with %FS_ERROR_CONSTRUCTION if there is no such plugin, or the object
 * could not be made.
 *
 * Returns: (transfer full): the object, or %NULL with @error set
 */
GObject *fs_plugin_create_valist (const gchar *name, const gchar *type_suffix,
    GError **error, const gchar *first_property_name, va_list var_args);

/**
 * fs_plugin_create: (skip)
 * @name: the name of the plugin
 * @type_suffix: the suffix, such as "transmitter"
 * @error: where to put a #FsError
 * @first_property_name: (nullable): the first property to set
 * @...: its value, then further names and values, and %NULL
 *
 * Loads a plugin where that is still to be done, and makes an object of its type.
 *
 * Fails with %FS_ERROR_CONSTRUCTION if there is no such plugin, or the object
 * could not be made.
 *
 * Returns: (transfer full): the object, or %NULL with @error set
 */
GObject *fs_plugin_create (const gchar *name, const gchar *type_suffix,
    GError **error, const gchar *first_property_name, ...);

/**
 * fs_plugin_list_available:
 * @type_suffix: the suffix, such as "transmitter"
 *
 * Names the plugins that could be loaded. No file is opened to find out.
 *
 * Returns: (transfer full) (nullable): the names, to be freed with g_strfreev(), or
 *   %NULL if there are none
 */
gchar **fs_plugin_list_available (const gchar *type_suffix);

/**
 * fs_plugin_register_static:
 * @name: the name of the plugin
 * @type_suffix: the suffix, such as "transmitter"
 * @type: the #GType it gives
 *
 * Makes a type known that is part of the program, so that no file is needed. The
 * first registration of a name stays.
 */
void fs_plugin_register_static (const gchar *name, const gchar *type_suffix,
    GType type);

#define _FS_REGISTER_TYPE(plugin, name, type) \
  fs_ ## name ## _ ## type ## _register_type (plugin)
#define _FS_SET_TYPE(plugin, gtype) ((plugin)->type = (gtype))

/**
 * FS_INIT_PLUGIN:
 * @name: the name of the plugin, without quotes
 * @type: the suffix, without quotes
 *
 * Writes the entry point of a plugin file; each has exactly one. A function
 * "fs_NAME_SUFFIX_register_type" must exist that takes the #FsPlugin, or %NULL,
 * and returns the #GType. With GST_PLUGIN_BUILD_STATIC defined it writes the
 * function that FS_PLUGIN_STATIC_REGISTER() calls instead.
 */
#ifdef GST_PLUGIN_BUILD_STATIC
#define FS_INIT_PLUGIN(name, type) \
  G_MODULE_EXPORT void fs_plugin_ ## name ## _ ## type ## _register (void) \
  { \
    fs_plugin_register_static (#name, #type, \
        _FS_REGISTER_TYPE (NULL, name, type)); \
  }
#else
#define FS_INIT_PLUGIN(name, type) \
  G_MODULE_EXPORT void fs_init_plugin (FsPlugin * plugin) \
  { \
    _FS_SET_TYPE (plugin, _FS_REGISTER_TYPE (plugin, name, type)); \
  }
#endif

/**
 * FS_PLUGIN_STATIC_DECLARE:
 * @name: name and suffix of the plugin, joined by "_"
 *
 * Declares the function that registers a plugin which is linked into the program.
 * Belongs outside of functions.
 */
#define FS_PLUGIN_STATIC_DECLARE(name) \
  extern void fs_plugin_ ## name ## _register (void);

/**
 * FS_PLUGIN_STATIC_REGISTER:
 * @name: name and suffix of the plugin, joined by "_"
 *
 * Registers a plugin which is linked into the program, before its first use.
 */
#define FS_PLUGIN_STATIC_REGISTER(name) fs_plugin_ ## name ## _register ()

G_END_DECLS

#endif /* FARSTREAM_FS_PLUGIN_H */
