#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include <string.h>

bool path_is_within(struct str path, struct str dir)
{
    if (dir.len == 0)
        return !str_starts(path, STR("/")) && !path_is_within(path, STR(".."));
    return str_starts(path, dir) &&
           (path.len == dir.len || path.at[dir.len] == '/' || dir.at[dir.len - 1] == '/');
}

struct str path_directory(struct str path)
{
    ptrdiff_t cut = str_find_last_char(path, '/');
    if (cut == 0)
        return str_slice(path, 0, path.len > 1);
    return str_slice(path, 0, cut < 0 ? 0 : (size_t)cut);
}

struct str path_name(struct str path)
{
    ptrdiff_t cut = str_find_last_char(path, '/');
    return cut < 0 ? path : str_slice(path, (size_t)cut + 1, path.len);
}

static bool is_dots(struct str part)
{
    return str_equal(part, STR(".")) || str_equal(part, STR(".."));
}

/* Whether every part stands as it is: then nothing has to be copied. */
static bool is_normal(struct str path)
{
    size_t from = path.len && path.at[0] == '/';
    if (from == path.len)
        return true;
    for (size_t at = from; at <= path.len; at++) {
        if (at < path.len && path.at[at] != '/')
            continue;
        if (at == from || is_dots(str_slice(path, from, at)))
            return false;
        from = at + 1;
    }
    return true;
}

/* Takes the last part off, or adds one more ".." where there is none to take. */
static size_t step_up(char *at, size_t len, bool is_absolute)
{
    struct str text = {at, len};
    struct str last = path_name(text);
    if (len == 0 && is_absolute)
        return 0;
    if (len == 0 || str_equal(last, STR(".."))) {
        if (len)
            at[len++] = '/';
        memcpy(at + len, "..", 2);
        return len + 2;
    }
    ptrdiff_t cut = str_find_last_char(text, '/');
    return cut < 0 ? 0 : (size_t)cut;
}

/* Appends the parts of `path` to the normalised at[0..len); of an absolute path without its '/'. */
static size_t add_parts(char *at, size_t len, struct str path, bool is_absolute)
{
    struct str rest = path;
    struct str part;
    while (str_split(&rest, '/', &part)) {
        if (part.len == 0 || str_equal(part, STR(".")))
            continue;
        if (str_equal(part, STR(".."))) {
            len = step_up(at, len, is_absolute);
            continue;
        }
        if (len)
            at[len++] = '/';
        memmove(at + len, part.at, part.len);
        len += part.len;
    }
    return len;
}

static bool stays_inside(struct str path)
{
    return !path_is_within(path, STR(".."));
}

bool path_resolve(struct arena *arena, struct str base, struct str path, struct str *ret_path)
{
    bool is_absolute = path.len && path.at[0] == '/';
    if ((is_absolute || base.len == 0) && is_normal(path)) {
        *ret_path = path;
        return true;
    }
    /* Room for both and the separators; each ".." written is one that was read. */
    char *at = arena_alloc(arena, base.len + path.len + 3);
    size_t lead = is_absolute;
    size_t len = is_absolute ? 0 : add_parts(at, 0, base, false);
    len = add_parts(at + lead, len, path, is_absolute);
    if (is_absolute)
        at[0] = '/';
    *ret_path = (struct str){at, len + lead};
    return is_absolute || stays_inside(*ret_path);
}

const char *path_text_fault(struct str path)
{
    if (path.len > (size_t)LIMIT_PATH_BYTES)
        return "is longer than 4095 bytes";
    size_t part = 0;
    size_t parts = 1;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        if (c == '\0')
            return "holds a NUL";
        if (c < 0x20 || c == 0x7F)
            return "holds a control character";
        bool is_c1 = c == 0xC2 && i + 1 < path.len && (unsigned char)path.at[i + 1] < 0xA0;
        if (is_c1 && (unsigned char)path.at[i + 1] >= 0x80)
            return "holds a control character";
        part = c == '/' ? 0 : part + 1;
        parts += c == '/';
        if (part > (size_t)LIMIT_PATH_PART_BYTES)
            return "has a part longer than 255 bytes";
    }
    return parts > (size_t)LIMIT_PATH_PARTS ? "has more than 256 parts" : NULL;
}

/* Code points that file systems (HFS+) or readers drop from names, as in git's utf8.c and Unicode's
 * Default_Ignorable_Code_Point. */
static bool is_ignorable(uint32_t code)
{
    return (code >= 0x200B && code <= 0x200F) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || (code >= 0xFE00 && code <= 0xFE0F) ||
           (code >= 0x180B && code <= 0x180F) || (code >= 0xE0000 && code <= 0xE0FFF) ||
           code == 0xFEFF || code == 0xAD || code == 0x34F || code == 0x61C;
}

/* Lower case as far as it can lead to an ASCII letter: U+017F is a folded s, U+212A a k. */
static char folded(uint32_t code)
{
    if (code == 0x17F)
        return 's';
    if (code >= 'A' && code <= 'Z')
        return (char)(code + ('a' - 'A'));
    return code < 0x80 ? (char)code : '?';
}

enum { RESERVED_LEN_MOST = 16 };

/* The part as a case-folding, ignorable-dropping, NTFS-like file system would look it up: without
 * what follows a ':' (a stream) and without blanks and dots at the end. */
static size_t fold_part(struct str part, char ret[static RESERVED_LEN_MOST])
{
    size_t len = 0;
    size_t at = 0;
    while (at < part.len && part.at[at] != ':') {
        uint32_t code = 0xFFFD;
        size_t used = utf8_decode(part.at + at, part.len - at, &code);
        at += used ? used : 1;
        if (used && is_ignorable(code))
            continue;
        if (len < RESERVED_LEN_MOST)
            ret[len] = folded(code);
        else if (code != ' ' && code != '.')
            return 0; /* too long for any of the names */
        len++;
    }
    len = MIN_OF(len, (size_t)RESERVED_LEN_MOST);
    while (len && (ret[len - 1] == ' ' || ret[len - 1] == '.'))
        len--;
    return len;
}

static const char *reserved_fault(struct str part)
{
    static const struct {
        struct str name;
        const char *fault;
    } reserved[] = {
        {STR_ROW(".git"), "lies in .git, which is git's own"},
        {STR_ROW("git~1"), "is a spelling of .git, which is git's own"},
        {STR_ROW(".mlops"), "lies in .mlops, where mlops keeps its own state"},
        {STR_ROW("mlops~1"), "is a spelling of .mlops, where mlops keeps its own state"},
    };
    char folded_part[RESERVED_LEN_MOST];
    struct str name = {folded_part, fold_part(part, folded_part)};
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        if (str_equal(name, reserved[i].name))
            return reserved[i].fault;
    }
    return NULL;
}

/* All reserved names start, after folding, with one of these bytes or a byte that may be dropped.
 */
static bool may_be_reserved(struct str part)
{
    unsigned char c = (unsigned char)part.at[0];
    return c == '.' || c == 'g' || c == 'G' || c == 'm' || c == 'M' || c >= 0x80;
}

/* A backslash separates parts too, for whoever checks the project out elsewhere. */
static const char *part_fault(struct str part)
{
    if (part.len == 0 || is_dots(part))
        return "is not in its plain form: it holds an empty part, '.' or '..'";
    struct str rest = part;
    struct str piece;
    while (str_split(&rest, '\\', &piece)) {
        const char *fault = piece.len && may_be_reserved(piece) ? reserved_fault(piece) : NULL;
        if (fault)
            return fault;
    }
    return NULL;
}

struct str path_without_way_out(struct str path)
{
    while (str_starts(path, STR("../")))
        path = str_slice(path, 3, path.len);
    if (str_equal(path, STR("..")))
        return str_slice(path, 2, 2);
    return str_starts(path, STR("/")) ? str_slice(path, 1, path.len) : path;
}

bool path_is_outside(struct str path)
{
    return path_without_way_out(path).len != path.len;
}

/* What built-in checks measured: the only files of ours that are outputs (model/checks). */
static bool is_measurement(struct str path)
{
    static const struct str directory = STR_ROW(".mlops/measured/");
    bool is_there = str_starts(path, directory) && str_ends(path, STR(".json"));
    for (size_t i = directory.len; is_there && i < path.len; i++) {
        char c = path.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        is_there = is_letter || (c >= '0' && c <= '9') || strchr("._-", c);
    }
    return is_there && path.at[directory.len] != '.' && path.len < 255;
}

const char *path_fault(struct str path)
{
    if (path.len == 0)
        return "is the project itself";
    if (is_measurement(path))
        return NULL;
    const char *fault = path_text_fault(path);
    if (fault)
        return fault;
    if (path.at[0] == '/')
        return "is absolute";
    if (!stays_inside(path))
        return "leaves the project";
    struct str rest = path;
    struct str part;
    while (!fault && str_split(&rest, '/', &part))
        fault = part_fault(part);
    return fault;
}
