/* SPDX-License-Identifier: MPL-2.0 */

/* What the two files of sub-classes share. */

#ifndef TESTS_TWIN_FAKES_H
#define TESTS_TWIN_FAKES_H

#include "twin.h"

/* Notes a call, and gives the answer of the moment: TRUE, FALSE with an error, or FALSE without one. */
gboolean answer (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

#endif
