#include "mlops/codec/patch.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"

/* --- lines --- */

/* The next line with its newline, if it has one; empty at the end. */
static struct str next_line(struct str *rest)
{
    ptrdiff_t end = str_find_char(*rest, '\n');
    size_t len = end < 0 ? rest->len : (size_t)end + 1;
    struct str line = str_slice(*rest, 0, len);
    *rest = str_slice(*rest, len, rest->len);
    return line;
}

static struct str without_newline(struct str line)
{
    return str_ends(line, STR("\n")) ? str_slice(line, 0, line.len - 1) : line;
}

static bool take_prefix(struct str *text, const char *prefix)
{
    if (!str_starts(*text, str_of(prefix)))
        return false;
    *text = str_slice(*text, strlen(prefix), text->len);
    return true;
}

/* Digits in front; 9 at most, so that nothing overflows. */
static bool take_number(struct str *text, int base, uint32_t *ret)
{
    enum { DIGITS_MOST = 9 };
    size_t at = 0;
    *ret = 0;
    for (; at < text->len && at < DIGITS_MOST; at++) {
        int digit = text->at[at] - '0';
        if (digit < 0 || digit >= base)
            break;
        *ret = *ret * (uint32_t)base + (uint32_t)digit;
    }
    *text = str_slice(*text, at, text->len);
    return at > 0;
}

/* --- hunks --- */

struct hunk {
    uint32_t before_line, before_count, after_line, after_count;
};

/* "-4,2" or "-4". */
static bool take_range(struct str *text, uint32_t *ret_line, uint32_t *ret_count)
{
    *ret_count = 1;
    if (!take_number(text, 10, ret_line))
        return false;
    return !take_prefix(text, ",") || take_number(text, 10, ret_count);
}

static bool hunk_parse(struct str line, struct hunk *ret)
{
    return take_prefix(&line, "@@ -") && take_range(&line, &ret->before_line, &ret->before_count) &&
           take_prefix(&line, " +") && take_range(&line, &ret->after_line, &ret->after_count) &&
           take_prefix(&line, " @@");
}

/* A line of a hunk with its sign; "\ No newline at end of file" behind it belongs to it. */
static bool take_hunk_line(struct str *rest, struct hunk *left, char *ret_sign, struct str *ret)
{
    struct str line = next_line(rest);
    if (!line.len)
        return false;
    *ret_sign = line.at[0];
    *ret = str_slice(line, 1, line.len);
    if (str_starts(*rest, STR("\\"))) {
        next_line(rest);
        *ret = without_newline(*ret);
    }
    bool is_before = *ret_sign == ' ' || *ret_sign == '-';
    bool is_after = *ret_sign == ' ' || *ret_sign == '+';
    if ((!is_before && !is_after) || left->before_count < is_before || left->after_count < is_after)
        return false;
    left->before_count -= is_before;
    left->after_count -= is_after;
    return true;
}

static bool is_open(const struct hunk *left)
{
    return left->before_count || left->after_count;
}

struct patching {
    struct str before; /* what is not yet copied */
    uint32_t line;     /* its number, from 1 */
    struct buf after;
};

static bool copy_up_to(struct patching *patching, uint32_t line)
{
    while (patching->line < line && patching->before.len) {
        buf_add_str(&patching->after, next_line(&patching->before));
        patching->line++;
    }
    return patching->line == line;
}

static bool apply_hunk(struct patching *patching, struct hunk hunk, struct str *rest)
{
    /* A hunk that takes nothing away stands behind the line that it names. */
    if (!copy_up_to(patching, hunk.before_line + (hunk.before_count == 0)))
        return false;
    while (is_open(&hunk)) {
        struct str text = {0};
        char sign = 0;
        if (!take_hunk_line(rest, &hunk, &sign, &text))
            return false;
        if (sign != '+') {
            if (!str_equal(next_line(&patching->before), text))
                return false;
            patching->line++;
        }
        if (sign != '-')
            buf_add_str(&patching->after, text);
    }
    return true;
}

void patch_apply(struct arena *arena, const struct patch_file *file, struct str before,
                 struct str *ret, bool *ret_fits)
{
    struct patching patching = {.before = before, .line = 1, .after = buf_in(arena)};
    struct str rest = file->hunks;
    struct hunk hunk;
    *ret_fits = true;
    while (*ret_fits && rest.len)
        *ret_fits = hunk_parse(next_line(&rest), &hunk) && apply_hunk(&patching, hunk, &rest);
    if (!*ret_fits)
        return;
    buf_add_str(&patching.after, patching.before);
    *ret_fits = !file->is_removed || patching.after.len == 0 || !file->hunks.len;
    *ret = buf_str(&patching.after);
}

/* --- headers --- */

/* Of "\303", "\n", "\"" the byte; `text` starts behind the backslash. */
static bool take_escape(struct str *text, char *ret)
{
    static const char letters[] = "abfnrtv\"\\", bytes[] = "\a\b\f\n\r\t\v\"\\";
    const char *found = text->len && text->at[0] ? strchr(letters, text->at[0]) : NULL;
    if (found) {
        *ret = bytes[found - letters];
        *text = str_slice(*text, 1, text->len);
        return true;
    }
    uint32_t byte = 0;
    struct str digits = str_slice(*text, 0, text->len < 3 ? text->len : 3);
    if (digits.len < 3 || !take_number(&digits, 8, &byte) || digits.len || byte > 255)
        return false;
    *ret = (char)byte;
    *text = str_slice(*text, 3, text->len);
    return true;
}

/* A name in quotes, with git's escapes. */
static bool take_quoted(struct arena *arena, struct str *text, struct str *ret)
{
    struct buf name = buf_in(arena);
    if (!take_prefix(text, "\""))
        return false;
    while (text->len && text->at[0] != '"') {
        char byte = text->at[0];
        bool is_escape = byte == '\\';
        *text = str_slice(*text, 1, text->len);
        if (is_escape && !take_escape(text, &byte))
            return false;
        buf_add_char(&name, byte);
    }
    *ret = buf_str(&name);
    return take_prefix(text, "\"");
}

/* Without "a/" or what else stands for the side. */
static bool strip_side(struct str name, struct str *ret)
{
    ptrdiff_t slash = str_find_char(name, '/');
    if (slash < 0 || (size_t)slash + 1 == name.len)
        return false;
    *ret = str_slice(name, (size_t)slash + 1, name.len);
    return true;
}

/* "a/NAME b/NAME": both names are the same, so the line says it by its length. */
static bool take_names(struct arena *arena, struct str line, struct str *ret)
{
    struct str first = {0}, second = {0}, after = {0};
    if (str_starts(line, STR("\""))) {
        if (!take_quoted(arena, &line, &first) || !take_prefix(&line, " ") ||
            !take_quoted(arena, &line, &second))
            return false;
    } else {
        size_t half = line.len / 2;
        if (line.len % 2 == 0 || line.at[half] != ' ')
            return false;
        first = str_slice(line, 0, half);
        second = str_slice(line, half + 1, line.len);
        line = (struct str){0};
    }
    return !line.len && strip_side(first, ret) && strip_side(second, &after) &&
           str_equal(*ret, after);
}

static bool take_mode(struct str text, uint32_t *ret)
{
    return take_number(&text, 8, ret) && !text.len;
}

/* "index 0123..4567 100644": the mode if it did not change. */
static bool take_index(struct str text, struct patch_file *file)
{
    ptrdiff_t space = str_find_last_char(text, ' ');
    if (space < 0)
        return true;
    uint32_t mode = 0;
    bool is_mode = take_mode(str_slice(text, (size_t)space + 1, text.len), &mode);
    if (is_mode && !file->mode)
        file->mode = mode;
    return is_mode;
}

/* A line between "diff --git" and the first hunk. */
static bool take_header(struct str line, struct patch_file *file)
{
    uint32_t unused = 0;
    if (take_prefix(&line, "new file mode "))
        return file->is_new = true, take_mode(line, &file->mode);
    if (take_prefix(&line, "deleted file mode "))
        return file->is_removed = true, take_mode(line, &unused);
    if (take_prefix(&line, "new mode "))
        return take_mode(line, &file->mode);
    if (take_prefix(&line, "old mode "))
        return take_mode(line, &unused);
    if (take_prefix(&line, "index "))
        return take_index(line, file);
    if (str_starts(line, STR("Binary files ")) || str_is(line, "GIT binary patch"))
        return file->is_mentioned = true;
    return str_starts(line, STR("--- ")) || str_starts(line, STR("+++ "));
}

/* Every hunk whole, up to the next file's part. */
static bool take_hunks(struct str *rest, struct str *ret)
{
    const char *start = rest->at;
    struct str line = {0}, unused = {0};
    struct hunk hunk;
    char sign = 0;
    while (str_starts(*rest, STR("@@ "))) {
        line = next_line(rest);
        if (!hunk_parse(line, &hunk))
            return false;
        while (is_open(&hunk))
            if (!take_hunk_line(rest, &hunk, &sign, &unused))
                return false;
    }
    *ret = (struct str){start, (size_t)(rest->at - start)};
    return true;
}

static bool is_next(struct str rest)
{
    return !rest.len || str_starts(rest, STR("diff --git "));
}

/* The data of a binary patch, which are no use without git. */
static void skip_part(struct str *rest)
{
    while (!is_next(*rest))
        next_line(rest);
}

static bool take_file(struct arena *arena, struct str *rest, struct patch_file *ret)
{
    struct str line = without_newline(next_line(rest));
    if (!take_prefix(&line, "diff --git ") || !take_names(arena, line, &ret->path))
        return false;
    while (!is_next(*rest) && !str_starts(*rest, STR("@@ ")) && !ret->is_mentioned)
        if (!take_header(without_newline(next_line(rest)), ret))
            return false;
    if (ret->is_mentioned)
        skip_part(rest);
    if (!take_hunks(rest, &ret->hunks) || !is_next(*rest))
        return false;
    if (ret->is_removed)
        ret->mode = 0;
    return !(ret->is_new && ret->is_removed);
}

struct error *patch_parse(struct arena *arena, struct str text, struct patch_file_vec *ret)
{
    struct patch_file_vec files = {0};
    size_t total = text.len;
    while (text.len) {
        size_t at = total - text.len;
        struct patch_file file = {0};
        if (!take_file(arena, &text, &file))
            return error_new(ERROR_STORED,
                             "recorded changes of the code can't be read: the part that begins at "
                             "byte %zu is damaged or cut",
                             at);
        *vec_push(arena, &files) = file;
    }
    *ret = files;
    return NULL;
}
