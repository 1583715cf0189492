#include "mlops/codec/load.h"

#include "mlops/codec/json.h"
#include "mlops/codec/literal.h"
#include "mlops/codec/toml.h"

#include <strings.h>

enum load_language load_language(struct str name)
{
    static const struct {
        struct str suffix;
        enum load_language language;
    } rows[] = {
        {STR_ROW(".json"), LOAD_JSON},
        {STR_ROW(".toml"), LOAD_TOML},
        {STR_ROW(".py"), LOAD_PYTHON},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str suffix = rows[i].suffix;
        if (name.len > suffix.len && name.at[name.len - suffix.len - 1] != '/' &&
            strncasecmp(name.at + name.len - suffix.len, suffix.at, suffix.len) == 0)
            return rows[i].language;
    }
    return LOAD_YAML;
}

FALLIBLE doc_load(struct arena *arena, struct str name, struct str bytes, enum doc_dialect dialect,
                  struct doc **ret)
{
    const struct doc_options options = {.dialect = dialect};
    switch (load_language(name)) {
    case LOAD_JSON:
        return json_parse(arena, name, bytes, ret);
    case LOAD_TOML:
        return toml_parse(arena, name, bytes, ret);
    case LOAD_PYTHON:
        return literal_parse(arena, name, bytes, ret);
    case LOAD_YAML:
        break;
    }
    return doc_parse(arena, name, bytes, &options, ret);
}
