/* INI files as DVC's configuration is written (configobj's grammar, as far as DVC writes it):
 * `[section]`, `['remote "name"']`, `key = value`, comments behind `#` or `;`, values in quotes,
 * lists with commas. Names are in lower case, as DVC compares them. Refused with a place: nested
 * sections, a key before any section, the same key twice, values in triple quotes, NUL and bad
 * UTF-8. */
#pragma once

#include "mlops/base/error.h"
#include "mlops/base/str.h"
#include "mlops/base/vec.h"

struct ini_entry {
    struct str section; /* `remote "name"` */
    struct str key;
    struct str value; /* without quotes; items of a list joined by ',' */
    int line;         /* from 1 */
};

VEC(ini_vec, struct ini_entry);

/* `name` and `bytes` must live as long as the arena. At most LIMIT_INI_BYTES. */
FALLIBLE ini_parse(struct arena *arena, struct str name, struct str bytes, struct ini_vec *ret);
