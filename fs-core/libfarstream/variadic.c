/* SPDX-License-Identifier: MPL-2.0 */

/* fs_plugin_create takes a variable number of arguments, which a function in Rust cannot. The exported symbol, in
 * src/lib.rs, jumps here; this takes the arguments and calls the form that is written in Rust. No header of GLib is
 * needed for that, since only pointers pass through. */

#include <stdarg.h>

void *fs_plugin_create_valist (const char *name, const char *type_suffix, void **error,
    const char *first_property_name, va_list arguments);

__attribute__ ((visibility ("hidden")))
void *
farstream_plugin_create (const char *name, const char *type_suffix, void **error, const char *first_property_name, ...)
{
  va_list arguments;
  void *object;

  va_start (arguments, first_property_name);
  object = fs_plugin_create_valist (name, type_suffix, error, first_property_name, arguments);
  va_end (arguments);
  return object;
}
