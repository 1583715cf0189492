#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/schema.h"
#include "mlops/host/path.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <stdlib.h>

#include "config_private.h"

static const char *const links[] = {"auto", "reflink", "hardlink", "copy", NULL};
static const char *const isolations[] = {"auto", "namespace", "directory", NULL};
static const char *const durabilities[] = {"full", "none", NULL};

#define MEMBER(name) offsetof(struct config, name)

/* Adding a setting: a member of struct config and a row here. */
const struct config_row config_rows[CONFIG_ROWS] = {
    {"project", CONFIG_ID, MEMBER(project), "", NULL, CONFIG_OF_PROJECT, 0, 0, NULL,
     "Identity of the project, random; results are looked up under it."},
    {"cache.dir", CONFIG_PATH, MEMBER(cache_dir), "", "MLOPS_CACHE_DIR", 0, 0, 0, NULL,
     "Directory of the store, which projects may share; .mlops/cache if empty."},
    {"cache.link", CONFIG_CHOICE, MEMBER(link), "auto", "MLOPS_CACHE_LINK", 0, 0, 0, links,
     "How files get from the store to the work tree: auto (reflink, else copy), reflink, hardlink "
     "(read-only files), copy."},
    {"cache.link_force", CONFIG_BOOL, MEMBER(link_force), "false", "MLOPS_CACHE_LINK_FORCE",
     CONFIG_UNTRACKED, 0, 0, NULL,
     "Make hard links even for root, who can write into the store through them."},
    {"cache.size", CONFIG_BYTES, MEMBER(cache_bytes), "0", "MLOPS_CACHE_SIZE", 0, 0, 0, NULL,
     "Size of the store beyond which gc removes results that can be made again; 0: no limit."},
    {"cache.pack_max", CONFIG_BYTES, MEMBER(pack_max), "32KiB", "MLOPS_CACHE_PACK_MAX", 0, 0,
     1048575, NULL,
     "Objects of up to this size lie in packs when many come at once, below 1 MiB; 0: every object "
     "is a file of its own, as it always is with cache.link hardlink."},
    {"durability", CONFIG_CHOICE, MEMBER(durability), "full", "MLOPS_DURABILITY", 0, 0, 0,
     durabilities, "full: what is recorded survives a power cut; none: nothing is synced."},
    {"jobs", CONFIG_INT, MEMBER(jobs), "0", "MLOPS_JOBS", 0, 0, 1024, NULL,
     "Stages run at once; 0: as many as there are cpus."},
    {"allow_roots", CONFIG_PATHS, MEMBER(allow_roots), "", "MLOPS_ALLOW_ROOTS", CONFIG_UNTRACKED, 0,
     0, NULL, "Directories outside the project that outputs may be restored to through links."},
    {"results_from", CONFIG_IDS, MEMBER(results_from), "", "MLOPS_RESULTS_FROM", 0, 0, 0, NULL,
     "Projects whose results are used too."},
    {"keep.runs", CONFIG_INT, MEMBER(keep_runs), "20", "MLOPS_KEEP_RUNS", 0, 0, 1000000, NULL,
     "Newest runs whose outputs gc keeps."},
    {"keep.age", CONFIG_DURATION, MEMBER(keep_ns), "30d", "MLOPS_KEEP_AGE", 0, 0, 0, NULL,
     "Age up to which gc keeps the outputs of runs."},
    {"keep.failed", CONFIG_INT, MEMBER(keep_failed), "3", "MLOPS_KEEP_FAILED", 0, 0, 1000000, NULL,
     "Failed outputs kept of each stage."},
    {"keep.failed_bytes", CONFIG_BYTES, MEMBER(keep_failed_bytes), "10GiB",
     "MLOPS_KEEP_FAILED_BYTES", 0, 0, 0, NULL, "Failed and displaced files kept in all."},
    {"gc.grace", CONFIG_DURATION, MEMBER(gc_grace_ns), "1d", "MLOPS_GC_GRACE", 0, 0, 0, NULL,
     "Age below which gc removes nothing."},
    {"gc.remote_grace", CONFIG_DURATION, MEMBER(gc_remote_grace_ns), "7d", "MLOPS_GC_REMOTE_GRACE",
     0, 0, 0, NULL, "Age below which gc removes nothing from a remote, by the remote's clock."},
    {"lock_timeout", CONFIG_WAIT, MEMBER(lock_timeout_ns), "forever", "MLOPS_LOCK_TIMEOUT", 0, 0, 0,
     NULL, "How long to wait for another mlops, or forever."},
    {"grace", CONFIG_DURATION, MEMBER(grace_ns), "10s", "MLOPS_GRACE", 0, 0, 0, NULL,
     "Time between asking a stage to end (TERM) and ending it (KILL)."},
    {"work_dir", CONFIG_PATH, MEMBER(work_dir), "", "MLOPS_WORK_DIR", CONFIG_UNTRACKED, 0, 0, NULL,
     "Where the work directories of trials are made; .mlops/work if empty."},
    {"isolation", CONFIG_CHOICE, MEMBER(isolation), "auto", "MLOPS_ISOLATION", 0, 0, 0, isolations,
     "How trials are kept apart: namespace (they stand at the project's path), directory (only a "
     "directory of their own), auto (namespace where the kernel allows it)."},
    {"remote.default", CONFIG_TEXT, MEMBER(remote_default), "", "MLOPS_REMOTE", 0, 0, 0, NULL,
     "Remote that push, pull and fetch use if none is named."},
};

bool config_remote_split(struct str name, struct str *ret_remote, struct str *ret_key)
{
    if (!str_starts(name, STR("remote.")))
        return false;
    struct str rest = str_slice(name, strlen("remote."), name.len);
    ptrdiff_t dot = str_find_last_char(rest, '.');
    if (dot <= 0)
        return false;
    *ret_remote = str_slice(rest, 0, (size_t)dot);
    *ret_key = str_slice(rest, (size_t)dot + 1, rest.len);
    return true;
}

FALLIBLE config_row_find(struct str name, const struct config_row **ret)
{
    const char *names[CONFIG_ROWS];
    for (size_t i = 0; i < CONFIG_ROWS; i++) {
        names[i] = config_rows[i].name;
        if (str_is(name, names[i])) {
            *ret = &config_rows[i];
            return NULL;
        }
    }
    const char *near = schema_suggest(name, names, CONFIG_ROWS);
    struct error *error =
        error_new(ERROR_PROJECT, "unknown setting '%.*s'%s%s%s", STR_FMT(name),
                  near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    return error_hint(error, "'mlops config' lists all settings");
}

static FALLIBLE refuse(const struct config_row *row, struct str text, const char *wanted)
{
    return error_new(ERROR_PROJECT, "setting '%s' must be %s, not '%.*s'", row->name, wanted,
                     STR_FMT(text));
}

static FALLIBLE set_choice(const struct config_row *row, struct str text, int *ret)
{
    AUTO(buf_drop) struct buf wanted = {0};
    buf_add_text(&wanted, "one of");
    for (int i = 0; row->choices[i]; i++) {
        buf_print(&wanted, "%s %s", i ? "," : "", row->choices[i]);
        if (str_is(text, row->choices[i])) {
            *ret = i;
            return NULL;
        }
    }
    return refuse(row, text, wanted.at);
}

static FALLIBLE set_bool(const struct config_row *row, struct str text, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"1", true}, {"0", false}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_is(text, words[i].word)) {
            *ret = words[i].value;
            return NULL;
        }
    }
    return refuse(row, text, "true or false");
}

static FALLIBLE set_int(const struct config_row *row, struct str text, int64_t *ret)
{
    char digits[24] = {0};
    char *end = digits;
    if (text.len == 0 || text.len >= sizeof digits)
        return refuse(row, text, "an integer");
    memcpy(digits, text.at, text.len);
    errno = 0;
    long long value = strtoll(digits, &end, 10);
    if (*end || errno)
        return refuse(row, text, "an integer");
    if (value < row->least || value > row->most)
        return error_new(ERROR_PROJECT, "setting '%s' must lie between %lld and %lld, not %lld",
                         row->name, (long long)row->least, (long long)row->most, value);
    *ret = value;
    return NULL;
}

static FALLIBLE set_id(struct arena *arena, const struct config_row *row, struct str text,
                       struct str *ret)
{
    bool is_hex = text.len == 16;
    for (size_t i = 0; i < text.len; i++)
        is_hex = is_hex && strchr("0123456789abcdef", text.at[i]) != NULL && text.at[i];
    if (!is_hex && text.len)
        return refuse(row, text, "16 hex digits in lower case");
    *ret = str_copy(arena, text);
    return NULL;
}

/* "~" is the home directory; what is relative starts at the root of the project. */
static FALLIBLE set_path(struct arena *arena, const struct config_row *row, struct str root,
                         struct str text, struct str *ret)
{
    const char *fault = path_text_fault(text);
    if (fault)
        return error_new(ERROR_PROJECT, "setting '%s': the path %s", row->name, fault);
    const char *home = getenv("HOME");
    struct str path = text;
    if (str_starts(text, STR("~/")) && home && home[0] == '/')
        path = path_join(arena, str_of(home), str_slice(text, 2, text.len));
    if (path.len && path.at[0] != '/')
        path = root.len ? path_join(arena, root, path) : (struct str){0};
    if (text.len && !path.len)
        return refuse(row, text, "an absolute path");
    struct str normal = {0};
    path_resolve(arena, STR(""), path, &normal); /* an absolute path can't leave anything */
    *ret = str_copy(arena, normal);
    return NULL;
}

static FALLIBLE set_list(struct arena *arena, const struct config_row *row, struct str root,
                         struct str text, struct config_str_vec *ret)
{
    struct config_str_vec list = {0};
    struct str rest = text, part = {0};
    while (str_split(&rest, ',', &part)) {
        struct str item = {0};
        part = str_trim(part);
        if (!part.len)
            continue;
        if (row->kind == CONFIG_IDS)
            TRY(set_id(arena, row, part, &item));
        else
            TRY(set_path(arena, row, root, part, &item));
        *vec_push(arena, &list) = item;
    }
    *ret = list;
    return NULL;
}

static FALLIBLE set_amount(const struct config_row *row, struct str text, int64_t *ret)
{
    if (row->kind == CONFIG_WAIT && (str_is(text, "forever") || str_is(text, "-1"))) {
        *ret = -1;
        return NULL;
    }
    if (row->kind == CONFIG_BYTES) {
        if (!bytes_parse(text, ret))
            return refuse(row, text, "a size such as 10GiB");
        if (row->most && *ret > row->most)
            return error_new(ERROR_PROJECT, "setting '%s' must be at most %lld bytes", row->name,
                             (long long)row->most);
        return NULL;
    }
    return duration_parse(text, ret) ? NULL : refuse(row, text, "a time such as 30s, 2h or 30d");
}

FALLIBLE config_value_set(struct arena *arena, const struct config_row *row, struct str root,
                          struct str text, void *values)
{
    void *member = (char *)values + row->offset;
    switch (row->kind) {
    case CONFIG_TEXT:
        *(struct str *)member = str_copy(arena, text);
        return NULL;
    case CONFIG_ID:
        return set_id(arena, row, text, member);
    case CONFIG_PATH:
        return set_path(arena, row, root, text, member);
    case CONFIG_BOOL:
        return set_bool(row, text, member);
    case CONFIG_CHOICE:
        return set_choice(row, text, member);
    case CONFIG_INT:
        return set_int(row, text, member);
    case CONFIG_BYTES:
    case CONFIG_DURATION:
    case CONFIG_WAIT:
        return set_amount(row, text, member);
    case CONFIG_PATHS:
    case CONFIG_IDS:
        return set_list(arena, row, root, text, member);
    }
    return error_new(ERROR_BUG, "setting '%s' has no kind", row->name);
}
