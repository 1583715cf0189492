/* What the terminal can do, and its state. */
#pragma once

#include "mlops/base/str.h"

/* Is this descriptor a terminal that understands cursor movement (not TERM=dumb), with somebody in
 * front of it (CI is unset, empty, 0 or false)? */
bool terminal_is_live(int fd);

/* Colour: a live terminal, and no NO_COLOR; CLICOLOR_FORCE forces it where it is not
 * a terminal (NO_COLOR is stronger). */
bool terminal_has_colour(int fd);

/* Columns, at least 40; 80 if unknown (COLUMNS is honoured). */
int terminal_columns(int fd);

/* Display width of UTF-8 text, whatever the locale: wide characters are 2, combining ones and
 * controls 0, a malformed byte 1. */
int text_columns(struct str text);

/* The longest prefix of at most `columns`. */
struct str text_fit(struct str text, int columns);
