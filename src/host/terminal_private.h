/* Widths of characters, independent of the locale. */
#pragma once

#include <stdint.h>

/* 0 (combining, formatting), 1 or 2 (East Asian Wide and Fullwidth). Unicode 14: UAX #11 and the
 * general categories Mn, Me and Cf; Hangul vowels and finals join the syllable before them. */
int character_columns(uint32_t code);
