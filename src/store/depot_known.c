/* What is kept of a remote from one command to the next: .mlops/remotes/NAME-HASH, where the hash
 * is of its URL. */
#include "mlops/base/arena.h"
#include "mlops/host/walk.h"

#include <errno.h>
#include <stdio.h>

#include "depot_private.h"

enum { HASH_DIGITS = 16, PATH_BYTES = 160 };

/* Names of remotes made of a URL may hold what no file name may. */
static void known_path(struct str name, struct str hash, char ret[static PATH_BYTES])
{
    snprintf(ret, PATH_BYTES, "remotes/%.*s-%.*s", (int)MIN_OF(name.len, (size_t)64), name.at,
             HASH_DIGITS, hash.at);
    for (size_t i = strlen("remotes/"); ret[i]; i++)
        ret[i] = ret[i] == '/' || ret[i] == ':' ? '_' : ret[i];
}

FALLIBLE depot_open_known(struct depot *depot)
{
    const struct workspace *workspace = depot->workspace;
    char hex[DIGEST_HEX_LEN + 1];
    if (fd_number(workspace->home_fd) < 0 || workspace->is_read_only)
        return NULL;
    digest_print(digest_of(depot->remote->url.at, depot->remote->url.len), hex);
    known_path(depot->remote->name, str_of(hex), depot->known_path);
    TRY(directory_make(fd_number(workspace->home_fd), depot->known_path, false));
    return directory_open(fd_number(workspace->home_fd), depot->known_path, &depot->known_fd);
}

/* Best effort: what is not found is fetched again. */
static void rename_one(int home, struct str name, struct str from, struct str to)
{
    char before[PATH_BYTES], after[PATH_BYTES];
    bool is_its = name.len == from.len + 1 + HASH_DIGITS && str_starts(name, from) &&
                  name.at[from.len] == '-';
    if (!is_its)
        return;
    struct str hash = str_slice(name, from.len + 1, name.len);
    known_path(from, hash, before);
    known_path(to, hash, after);
    renameat(home, before, home, after);
}

struct error *depot_rename_known(const struct workspace *workspace, struct str from, struct str to)
{
    AUTO(arena_drop) struct arena scratch = {0};
    AUTO(fd_drop) struct fd fd = {0};
    struct walk_list list = {0};
    struct file_stat stat;
    bool found = false;
    int home = fd_number(workspace->home_fd);
    TRY(file_stat_at(home, "remotes", false, &stat, &found));
    if (!found)
        return NULL;
    TRY(directory_open(home, "remotes", &fd));
    TRY(walk_list(&scratch, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++)
        rename_one(home, list.entries[i].name, from, to);
    return NULL;
}

static void note_index(void *context, const char *name, uint32_t kind)
{
    bool *was_filled = context;
    (void)kind;
    *was_filled = *was_filled || str_ends(str_of(name), STR(".idx"));
}

FALLIBLE depot_refuse_vanished(const struct depot *depot)
{
    bool was_filled = false;
    if (!depot->known_fd.number_plus_one)
        return NULL;
    TRY(walk_names(fd_number(depot->known_fd), note_index, &was_filled));
    if (!was_filled)
        return NULL;
    return error_hint(
        error_new(ERROR_MACHINE, "remote '%.*s' is empty, but has held data before (%.*s)",
                  STR_FMT(depot->remote->name), STR_FMT(depot->remote->url)),
        "is it mounted? If it was emptied on purpose: rm -r .mlops/%s", depot->known_path);
}
