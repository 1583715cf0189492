#include "mlops/store/gitignore.h"

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/map.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <sys/stat.h>

enum { GITIGNORE_BYTES_MOST = 1048576 };

/* "/name", so that git reads it as that name and no other. */
static struct str line_of(struct arena *arena, struct str name)
{
    struct buf line = buf_in(arena);
    buf_add_char(&line, '/');
    for (size_t i = 0; i < name.len; i++) {
        bool is_last_blank = name.at[i] == ' ' && i + 1 == name.len;
        if (strchr("*?[\\", name.at[i]) || is_last_blank)
            buf_add_char(&line, '\\');
        buf_add_char(&line, name.at[i]);
    }
    return buf_str(&line);
}

static struct str file_of(struct arena *arena, struct str path)
{
    return path_join(arena, path_directory(path), STR(".gitignore"));
}

static struct str without_return(struct str line)
{
    return str_ends(line, STR("\r")) ? str_slice(line, 0, line.len - 1) : line;
}

/* Mode of the file as it is, or that of a new one. */
static FALLIBLE publish(const struct workspace *workspace, const char *file, struct str text,
                        bool is_durable)
{
    struct file_stat stat;
    bool found = false;
    TRY(file_stat_at(fd_number(workspace->root_fd), file, true, &stat, &found));
    return workspace_publish_straight(workspace, file, text, found ? stat.mode & 0777 : 0644,
                                      is_durable);
}

static FALLIBLE read_text(struct arena *arena, const struct workspace *workspace, struct str file,
                          struct str *ret)
{
    bool found = false;
    *ret = (struct str){0};
    return file_read(arena, fd_number(workspace->root_fd), file.at, GITIGNORE_BYTES_MOST, ret,
                     &found);
}

static FALLIBLE add_lines(struct arena *arena, const struct workspace *workspace,
                          const struct str *paths, size_t count, bool is_durable)
{
    struct str file = file_of(arena, paths[0]), text, rest, line;
    struct map known = {0};
    TRY(read_text(arena, workspace, file, &text));
    struct buf grown = buf_in(arena);
    buf_add_str(&grown, text);
    rest = text;
    while (str_split(&rest, '\n', &line))
        map_put(arena, &known, without_return(line), &known);
    if (text.len && text.at[text.len - 1] != '\n')
        buf_add_char(&grown, '\n');
    size_t len_before = grown.len;
    for (size_t i = 0; i < count; i++) {
        line = line_of(arena, path_name(paths[i]));
        if (map_put(arena, &known, line, &known))
            continue;
        buf_add_str(&grown, line);
        buf_add_char(&grown, '\n');
    }
    if (grown.len == len_before)
        return NULL;
    return publish(workspace, file.at, buf_str(&grown), is_durable);
}

FALLIBLE gitignore_add(const struct workspace *workspace, const struct str *paths, size_t count,
                       bool is_durable)
{
    AUTO(arena_drop) struct arena arena = {0};
    if (!count)
        return NULL;
    TRY_WITHIN(add_lines(&arena, workspace, paths, count, is_durable), "keeping '%.*s' out of git",
               STR_FMT(paths[0]));
    return NULL;
}

FALLIBLE gitignore_remove(const struct workspace *workspace, struct str path)
{
    AUTO(arena_drop) struct arena arena = {0};
    struct str file = file_of(&arena, path), text, rest, line;
    struct str wanted = line_of(&arena, path_name(path));
    struct buf kept = buf_in(&arena);
    TRY(read_text(&arena, workspace, file, &text));
    rest = text;
    while (rest.len && str_split(&rest, '\n', &line)) {
        if (str_equal(without_return(line), wanted))
            continue;
        buf_add_str(&kept, line);
        buf_add_text(&kept, rest.at ? "\n" : "");
    }
    if (kept.len == text.len)
        return NULL;
    if (kept.len)
        return publish(workspace, file.at, buf_str(&kept), true);
    AUTO(fd_drop) struct fd parent = {0};
    const char *name = NULL;
    TRY(parent_open_straight(fd_number(workspace->root_fd), file.at, &parent, &name));
    return path_remove(fd_number(parent), name);
}
