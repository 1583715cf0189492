/* The text of dvc.lock as DVC writes it (ruamel.yaml, block style, lists not indented, 80 columns).
 */
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/codec/canon.h"
#include "mlops/codec/doc.h"
#include "mlops/codec/json.h"

#include "import_export_private.h"

enum { WIDTH = 80 };

static bool is_printable(struct str text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t code = 0;
        size_t used = utf8_decode(text.at + at, text.len - at, &code);
        if (!used || code < ' ' || code == 127)
            return false;
        at += used;
    }
    return true;
}

/* Whether DVC's reader takes the bare text for just this string. */
static bool may_be_plain(struct str text)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct doc *doc = NULL;
    if (!text.len || text.at[0] == ' ' || text.at[text.len - 1] == ' ' ||
        strchr("-?:,[]{}#&*!|>'\"%@`=<~", text.at[0]) || text.at[text.len - 1] == ':' ||
        str_find(text, STR(": ")) >= 0 || str_find(text, STR(" #")) >= 0)
        return false;
    struct doc_options options = {.dialect = DOC_DVC};
    struct error *error = doc_parse(&scratch, STR("scalar"), text, &options, &doc);
    bool is_fine = !error && doc->root->kind == DOC_STR && str_equal(doc->root->text, text);
    error_drop(error);
    return is_fine;
}

static size_t column_of(const struct buf *out)
{
    ptrdiff_t end = str_find_last_char(buf_str(out), '\n');
    return out->len - (size_t)(end + 1);
}

/* Lines are broken at the first single blank from the width on. */
static void print_folded(struct buf *out, struct str text, int indent, bool doubles_quotes)
{
    size_t column = column_of(out);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_single =
            c == ' ' && i > 0 && i + 1 < text.len && text.at[i - 1] != ' ' && text.at[i + 1] != ' ';
        if (is_single && column >= WIDTH) {
            buf_add_char(out, '\n');
            buf_add_repeated(out, ' ', (size_t)indent);
            column = (size_t)indent;
            continue;
        }
        buf_add_char(out, c);
        if (c == '\'' && doubles_quotes)
            buf_add_char(out, c);
        column += ((unsigned char)c & 0xC0) != 0x80;
    }
}

void export_string(struct buf *out, struct str text, int indent)
{
    if (is_printable(text) && may_be_plain(text)) {
        print_folded(out, text, indent, false);
        return;
    }
    if (is_printable(text)) {
        buf_add_char(out, '\'');
        print_folded(out, text, indent, true);
        buf_add_char(out, '\'');
        return;
    }
    struct json_writer json = {.out = out}; /* a JSON string is a double-quoted YAML one */
    json_str(&json, text);
}

static FALLIBLE print_scalar(struct canon_reader *reader, struct buf *out, int indent)
{
    struct json_writer json = {.out = out};
    struct str text = {0};
    bool truth = false;
    int64_t integer = 0;
    double real = 0;
    switch (canon_next(reader)) {
    case CANON_BOOL:
        TRY(canon_read_bool(reader, &truth));
        buf_add_text(out, truth ? "true" : "false");
        return NULL;
    case CANON_INT:
        TRY(canon_read_int(reader, &integer));
        buf_print(out, "%lld", (long long)integer);
        return NULL;
    case CANON_REAL:
        TRY(canon_read_real(reader, &real));
        if (real != real)
            buf_add_text(out, ".nan");
        else if (real - real != 0)
            buf_add_text(out, real < 0 ? "-.inf" : ".inf");
        else
            json_real(&json, real);
        return NULL;
    case CANON_BIGINT:
        TRY(canon_read_bigint(reader, &text));
        buf_add_str(out, text);
        return NULL;
    case CANON_STR:
        TRY(canon_read_str(reader, &text));
        export_string(out, text, indent);
        return NULL;
    case CANON_NULL:
        buf_add_text(out, "null");
        return canon_read_null(reader);
    case CANON_END:
    case CANON_DIGEST:
    case CANON_LIST:
    case CANON_MAP:
        break;
    }
    return error_new(ERROR_STORED, "a parameter is no value of YAML");
}

static FALLIBLE print_value(struct canon_reader *reader, struct buf *out, int indent, int depth);
static FALLIBLE print_map(struct canon_reader *reader, struct buf *out, int indent, int depth);
static FALLIBLE print_list(struct canon_reader *reader, struct buf *out, int indent, int depth);

/* What stands behind the dash of a list at `indent`. */
static FALLIBLE print_item(struct canon_reader *reader, struct buf *out, int indent, int depth)
{
    enum canon_kind kind = canon_next(reader);
    if (depth > LIMIT_CANON_DEPTH)
        return error_new(ERROR_STORED, "a parameter is nested too deeply");
    if (kind == CANON_LIST)
        return print_list(reader, out, indent + 2, depth);
    if (kind == CANON_MAP)
        return print_map(reader, out, indent + 2, depth);
    buf_add_char(out, ' ');
    return print_scalar(reader, out, indent + 2);
}

static FALLIBLE print_list(struct canon_reader *reader, struct buf *out, int indent, int depth)
{
    size_t count = 0;
    TRY(canon_read_list(reader, &count));
    buf_add_text(out, count ? "" : " []");
    for (size_t i = 0; i < count; i++) {
        buf_add_char(out, '\n');
        buf_add_repeated(out, ' ', (size_t)indent);
        buf_add_char(out, '-');
        TRY(print_item(reader, out, indent, depth + 1));
    }
    return NULL;
}

static FALLIBLE print_map(struct canon_reader *reader, struct buf *out, int indent, int depth)
{
    size_t count = 0;
    struct str previous = {0}, key = {0};
    TRY(canon_read_map(reader, &count));
    buf_add_text(out, count ? "" : " {}");
    for (size_t i = 0; i < count; i++) {
        TRY(canon_read_key(reader, &previous, &key));
        buf_add_char(out, '\n');
        buf_add_repeated(out, ' ', (size_t)indent);
        export_string(out, key, indent);
        buf_add_char(out, ':');
        TRY(print_value(reader, out, indent + 2, depth + 1));
    }
    return NULL;
}

/* Recursion is bounded by LIMIT_CANON_DEPTH. Lists in mappings stand under their key. */
static FALLIBLE print_value(struct canon_reader *reader, struct buf *out, int indent, int depth)
{
    if (depth > LIMIT_CANON_DEPTH)
        return error_new(ERROR_STORED, "a parameter is nested too deeply");
    switch (canon_next(reader)) {
    case CANON_LIST:
        return print_list(reader, out, indent - 2, depth);
    case CANON_MAP:
        return print_map(reader, out, indent, depth);
    case CANON_END:
    case CANON_NULL:
    case CANON_BOOL:
    case CANON_INT:
    case CANON_REAL:
    case CANON_BIGINT:
    case CANON_STR:
    case CANON_DIGEST:
        break;
    }
    buf_add_char(out, ' ');
    return print_scalar(reader, out, indent);
}

static FALLIBLE print_param(struct buf *out, const struct recipe_param *param)
{
    struct canon_reader reader = canon_reader_of(param->encoded);
    if (param->key.len == 0) /* the whole file: its keys stand under its name */
        return canon_next(&reader) == CANON_MAP ? print_map(&reader, out, 8, 0) : NULL;
    buf_add_text(out, "\n        ");
    export_string(out, param->key, 8);
    buf_add_char(out, ':');
    return print_value(&reader, out, 10, 0);
}

static FALLIBLE print_params_of(struct buf *out, const struct export_stage *stage, size_t first)
{
    const struct recipe *recipe = stage->recipe;
    struct str file = recipe->params[first].file;
    buf_add_text(out, "\n      ");
    export_string(out, stage->param_files[first], 8);
    buf_add_char(out, ':');
    for (size_t i = first; i < recipe->param_count && str_equal(recipe->params[i].file, file); i++)
        TRY(print_param(out, &recipe->params[i]));
    return NULL;
}

/* The default file first. */
static FALLIBLE print_params(struct buf *out, const struct export_stage *stage)
{
    const struct recipe *recipe = stage->recipe;
    if (!recipe->param_count)
        return NULL;
    buf_add_text(out, "\n    params:");
    for (int is_other = 0; is_other < 2; is_other++) {
        for (size_t i = 0; i < recipe->param_count; i++) {
            bool is_first =
                i == 0 || !str_equal(recipe->params[i - 1].file, recipe->params[i].file);
            if (is_first && str_is(stage->param_files[i], "params.yaml") == !is_other)
                TRY(print_params_of(out, stage, i));
        }
    }
    return NULL;
}

static void print_entries(struct buf *out, const char *title, const struct export_entry *entries,
                          size_t count)
{
    if (count)
        buf_print(out, "\n    %s:", title);
    for (size_t i = 0; i < count; i++) {
        const struct export_entry *entry = &entries[i];
        char hex[MD5_HEX_LEN + 1];
        md5_print(entry->md5, hex);
        buf_add_text(out, "\n    - path: ");
        export_string(out, entry->written, 8);
        buf_print(out, "\n      hash: md5\n      md5: ");
        struct str md5 = str_of(hex);
        entry->is_directory ? buf_print(out, "%s.dir", hex) : export_string(out, md5, 8);
        buf_print(out, "\n      size: %lld", (long long)entry->size_bytes);
        if (entry->is_directory)
            buf_print(out, "\n      nfiles: %lld", (long long)entry->file_count);
        if (entry->is_executable)
            buf_add_text(out, "\n      isexec: true");
    }
}

FALLIBLE export_print_stage(const struct export_stage *stage, struct buf *out)
{
    const struct command *cmd = &stage->recipe->cmd;
    buf_add_text(out, "  ");
    export_string(out, stage->stage->local_name, 4);
    buf_add_text(out, ":\n    cmd:");
    for (size_t i = 0; i < cmd->count; i++) {
        buf_add_text(out, cmd->is_list ? "\n    - " : " ");
        export_string(out, cmd->items[i], 6);
    }
    print_entries(out, "deps", stage->deps, stage->dep_count);
    TRY(print_params(out, stage));
    print_entries(out, "outs", stage->outs, stage->out_count);
    buf_add_char(out, '\n');
    return NULL;
}
