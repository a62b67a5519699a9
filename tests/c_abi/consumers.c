/* SPDX-License-Identifier: MPL-2.0 */

/* Loads the libraries of the distribution that use Farstream, named by the arguments as LIBRARY:FUNCTION, with every symbol
 * bound at once. All that they want of Farstream must be in the library that is in the process. FUNCTION is a *_get_type of
 * theirs; the class behind it is then initialised, which is the first thing that runs on us. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include "loaded.h"

#define SKIPPED 77

/* Asks for each undefined fs_ symbol of the library where it comes from. */
static void
check_symbols (struct link_map *map, const gchar *library)
{
  const ElfW (Sym) *symbols = NULL;
  const char *strings = NULL;
  guint wanted = 0, found = 0;
  Dl_info info;

  for (const ElfW (Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
    if (entry->d_tag == DT_SYMTAB)
      symbols = (const ElfW (Sym) *) entry->d_un.d_ptr;
    else if (entry->d_tag == DT_STRTAB)
      strings = (const char *) entry->d_un.d_ptr;
  }
  /* The string table comes right behind the symbols. */
  for (const ElfW (Sym) *symbol = symbols; (const char *) symbol < strings; symbol++) {
    const char *name = strings + symbol->st_name;
    void *address;
    gchar *home = NULL;

    if (symbol->st_shndx != SHN_UNDEF || !g_str_has_prefix (name, "fs_"))
      continue;
    wanted++;
    address = dlsym (RTLD_DEFAULT, name);
    if (address && dladdr (address, &info))
      home = realpath (info.dli_fname, NULL);
    if (g_strcmp0 (home, g_getenv ("EXPECT_LIBRARY")) == 0)
      found++;
    else
      check (FALSE, "%s: %s comes from %s", library, name, home);
    free (home);
  }
  check (wanted > 0 && wanted == found, "%s: %u of the %u functions it wants are there", library, found, wanted);
}

static gboolean
load (const gchar *library, const gchar *function)
{
  void *handle = dlopen (library, RTLD_NOW | RTLD_GLOBAL);
  const char *fault = handle ? NULL : dlerror ();
  struct link_map *map = NULL;
  void *get_type;
  GType type;
  gpointer klass;

  if (fault && g_str_has_prefix (fault, library) && strstr (fault, "No such file")) {
    printf ("skipped: %s is not installed\n", library);
    return FALSE;
  }
  if (!check (handle != NULL, "%s is loaded: %s", library, fault ? fault : "yes"))
    return TRUE;
  g_assert_true (dlinfo (handle, RTLD_DI_LINKMAP, &map) == 0);
  check_symbols (map, library);

  get_type = dlsym (handle, function);
  if (!check (get_type != NULL, "%s: has %s", library, function))
    return TRUE;
  type = ((GType (*) (void)) get_type) ();
  klass = g_type_class_ref (type);
  check (klass != NULL, "%s: the class %s is initialised", library, g_type_name (type));
  g_type_class_unref (klass);
  return TRUE;
}

int
main (int argc, char **argv)
{
  guint loaded = 0;

  check (g_strcmp0 (g_getenv ("LD_BIND_NOW"), "1") == 0, "every symbol is bound at once");
  gst_init (&argc, &argv);
  for (int i = 1; i < argc; i++) {
    gchar **parts = g_strsplit (argv[i], ":", 2);
    loaded += load (parts[0], parts[1]);
    g_strfreev (parts);
  }
  if (!loaded)
    return SKIPPED;
  check_loaded (NULL);
  return failures ? 1 : 0;
}
