/* SPDX-License-Identifier: MPL-2.0 */

/* Measures which tone a stretch of sound holds, by the algorithm of Goertzel. */

#ifndef TESTS_C_ABI_TONE_H
#define TESTS_C_ABI_TONE_H

#include <math.h>
#include <glib.h>

/* The part of the energy of `count` samples that is at `frequency`, between 0 and 1. */
static inline double
tone_share (const gint16 *samples, gsize count, double frequency, double rate)
{
  double coefficient = 2.0 * cos (2.0 * G_PI * frequency / rate);
  double before = 0.0, last = 0.0, energy = 0.0, power;

  for (gsize i = 0; i < count; i++) {
    double now = samples[i] + coefficient * last - before;
    before = last;
    last = now;
    energy += (double) samples[i] * samples[i];
  }
  power = before * before + last * last - coefficient * before * last;
  return energy > 0.0 ? 2.0 * power / (count * energy) : 0.0;
}

#endif
