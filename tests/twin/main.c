/* SPDX-License-Identifier: MPL-2.0 */

/* Runs the rows. Arguments: nothing for all rows, or the beginning of the keys to run. With TWIN_VERBOSE in the environment
 * the warnings and criticals go to standard error. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../c_abi/loaded.h"
#include "twin.h"

/* Seconds after which a row counts as hanging. */
#define PATIENCE 60

extern const Row *const __start_twin_rows[];
extern const Row *const __stop_twin_rows[];

static gint criticals, warnings;

static void
on_log (const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data G_GNUC_UNUSED)
{
  if (level & G_LOG_LEVEL_CRITICAL)
    g_atomic_int_inc (&criticals);
  else if (level & G_LOG_LEVEL_WARNING)
    g_atomic_int_inc (&warnings);
  else
    return;
  if (g_getenv ("TWIN_VERBOSE"))
    fprintf (stderr, "  %s: %s\n", domain ? domain : "-", text);
}

/* In the child: runs one row and writes what it said to the pipe. */
static void
run_row (const Row *row, int to_parent)
{
  GString *out = g_string_new (NULL);

  alarm (PATIENCE);
  g_log_set_always_fatal (G_LOG_FATAL_MASK);
  g_log_set_default_handler (on_log, NULL);
  fake_calls = g_string_new (NULL);
  gst_init (NULL, NULL);
  row->run (out);
  if (fake_calls->len)
    say (out, "calls: %s", fake_calls->str);
  if (g_atomic_int_get (&criticals))
    say (out, "critical");
  if (g_atomic_int_get (&warnings))
    say (out, "warning");
  if (write (to_parent, out->str, out->len) != (ssize_t) out->len)
    _exit (3);
  _exit (0);
}

static void
print_row (const Row *row)
{
  int ends[2], status = 0;
  char buffer[4096];
  ssize_t length;
  GString *said = g_string_new (NULL);
  pid_t child;

  fflush (stdout);
  if (pipe (ends) || (child = fork ()) < 0) {
    perror ("twin");
    exit (2);
  }
  if (child == 0) {
    close (ends[0]);
    dup2 (STDERR_FILENO, STDOUT_FILENO);
    run_row (row, ends[1]);
  }
  close (ends[1]);
  while ((length = read (ends[0], buffer, sizeof buffer)) > 0)
    g_string_append_len (said, buffer, length);
  close (ends[0]);
  waitpid (child, &status, 0);
  if (WIFSIGNALED (status))
    g_string_assign (said, WTERMSIG (status) == SIGALRM ? "hangs" : "crashes");
  else if (WEXITSTATUS (status))
    g_string_printf (said, "ends with status %d", WEXITSTATUS (status));
  for (char *c = said->str; *c; c++)
    if (*c == '\n')
      *c = ' ';
  printf ("%s %s: %s\n", row->callable, row->name, said->str);
  g_string_free (said, TRUE);
}

static int
by_key (const void *one, const void *two)
{
  const Row *first = *(const Row *const *) one, *second = *(const Row *const *) two;
  int order = strcmp (first->callable, second->callable);

  return order ? order : strcmp (first->name, second->name);
}

int
main (int argc, char **argv)
{
  size_t count = __stop_twin_rows - __start_twin_rows;
  const Row **rows = g_new (const Row *, count);
  gchar *library = mapped_files ("/libfarstream-0.2.so");

  if (g_strcmp0 (library, g_getenv ("EXPECT_LIBRARY"))) {
    fprintf (stderr, "the library is %s, not %s\n", library, g_getenv ("EXPECT_LIBRARY"));
    return 1;
  }
  g_free (library);
  memcpy (rows, __start_twin_rows, count * sizeof *rows);
  qsort (rows, count, sizeof *rows, by_key);
  for (size_t i = 0; i < count; i++) {
    gchar *key = g_strdup_printf ("%s %s", rows[i]->callable, rows[i]->name);

    if (argc < 2 || g_str_has_prefix (key, argv[1]))
      print_row (rows[i]);
    g_free (key);
  }
  g_free (rows);
  return 0;
}
