/* Rows of CSV and TSV (RFC 4180), as small files of results are written: quotes doubled inside
 * quotes, blanks around fields taken off, a byte order mark passed over, any line ends. For tables
 * of data there is data/table. Nothing is an error. */
#pragma once

#include "mlops/base/str.h"
#include "mlops/base/vec.h"

enum { DELIMITED_COLUMNS_MOST = 1000 };

VEC(delimited_row, struct str);

struct delimited {
    struct arena *arena; /* of fields in quotes; others borrow from the bytes */
    struct str rest;
    char separator;
};

/* The separator is a tab, or else a comma; or a semicolon, where the first line has no comma. */
struct delimited delimited_of(struct arena *arena, struct str bytes, bool is_tabs);

/* The next row that is not empty (columns beyond the most are left out); false at the end. Reuses
 * the memory of `ret`. */
bool delimited_next(struct delimited *reader, struct delimited_row *ret);

/* A number as strtod reads it, the whole text, "nan" and "inf" too; no hexadecimal. */
bool delimited_number(struct str text, double *ret);
