/* Mounts below a directory, as /proc/self/mountinfo (proc(5)) has them: parents come first. */
#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

#include "namespace_private.h"

enum { TABLE_BYTES_MOST = 16 * 1024 * 1024, PLACE_FIELD = 4 };

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* "\040" is a space. */
static struct str unescape(struct arena *arena, struct str text)
{
    struct buf out = buf_in(arena);
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.at + i;
        bool is_code = i + 3 < text.len && at[0] == '\\' && is_octal(at[1]) && is_octal(at[2]) &&
                       is_octal(at[3]);
        if (is_code)
            buf_add_char(&out, (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0')));
        else
            buf_add_char(&out, *at);
        i += is_code ? 3 : 0;
    }
    return buf_str(&out);
}

static struct str place_of(struct arena *arena, struct str line)
{
    struct str field = {0};
    for (int i = 0; i <= PLACE_FIELD; i++)
        if (!str_split(&line, ' ', &field))
            return (struct str){0};
    return unescape(arena, field);
}

static bool is_below(struct str path, struct str directory)
{
    return path.len > directory.len && str_starts(path, directory) && path.at[directory.len] == '/';
}

/* One that can't be reached (another mount hides it) can't be reached from the project either. */
static FALLIBLE bind_one(struct arena *arena, struct str place, struct str to)
{
    const char *from = str_terminate(arena, place), *there = str_terminate(arena, to);
    if (mount(from, there, NULL, MS_BIND | MS_REC, NULL) != 0)
        return errno == ENOENT || errno == EACCES || errno == ENOTDIR
                   ? NULL
                   : error_os(errno, "cannot bind '%s' to '%s'", from, there);
    if (!namespace_make_read_only(there))
        return error_os(errno, "cannot make '%s' read only", there);
    return NULL;
}

struct error *namespace_bind_below(struct str from, struct str to)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct str table = {0}, line = {0}, last = {0};
    bool is_found = false;
    TRY(file_read(&scratch, AT_FDCWD, "/proc/self/mountinfo", TABLE_BYTES_MOST, &table, &is_found));
    while (table.len && str_split(&table, '\n', &line)) {
        struct str place = place_of(&scratch, line);
        bool is_known = last.len && (str_equal(place, last) || is_below(place, last));
        if (!is_below(place, from) || is_known)
            continue;
        last = place;
        struct str inner = str_slice(place, from.len, place.len);
        struct str there = str_print(&scratch, "%.*s%.*s", STR_FMT(to), STR_FMT(inner));
        TRY(bind_one(&scratch, place, there));
    }
    return NULL;
}
