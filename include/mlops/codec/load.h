/* The one door to files of values (parameters, `vars`, metrics): which language a file is in
 * follows from the end of its name, as in DVC. */
#pragma once

#include "mlops/codec/doc.h"

enum load_language {
    LOAD_YAML, /* whatever has no other */
    LOAD_JSON,
    LOAD_TOML,
    LOAD_PYTHON,
};

/* .json, .toml, .py in either case; all else is YAML. */
enum load_language load_language(struct str name);

/* `name` (for messages, too) and `bytes` must live as long as the arena. `dialect` is that of
 * YAML. */
FALLIBLE doc_load(struct arena *arena, struct str name, struct str bytes, enum doc_dialect dialect,
                  struct doc **ret);
