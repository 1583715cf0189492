#include "mlops/store/dvcconfig.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/codec/ini.h"
#include "mlops/host/file.h"
#include "mlops/model/name.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

struct dvcconfig_value {
    struct str text;
    struct str directory; /* absolute, of the file that says it */
};

FALLIBLE dvcconfig_root(struct arena *arena, const struct workspace *workspace, struct str path,
                        struct str *ret, bool *ret_found)
{
    struct str at = path;
    do {
        struct file_stat stat = {0};
        bool is_there = false;
        at = path_directory(at);
        struct str inner = path_join(arena, at, STR(".dvc"));
        TRY(file_stat_at(fd_number(workspace->root_fd), inner.at, true, &stat, &is_there));
        *ret = str_copy(arena, at);
        *ret_found = is_there && S_ISDIR(stat.mode);
    } while (!*ret_found && at.len);
    return NULL;
}

FALLIBLE dvcconfig_root_above(struct arena *arena, const struct workspace *workspace,
                              struct str path, struct str *ret, bool *ret_found)
{
    TRY(dvcconfig_root(arena, workspace, path, ret, ret_found));
    struct str at = workspace->root;
    while (!*ret_found && at.len > 1) {
        struct file_stat stat = {0};
        bool is_there = false;
        at = path_directory(at);
        struct str inner = path_join(arena, at, STR(".dvc"));
        TRY(file_stat_at(AT_FDCWD, inner.at, true, &stat, &is_there));
        *ret = str_copy(arena, at);
        *ret_found = is_there && S_ISDIR(stat.mode);
    }
    return NULL;
}

FALLIBLE dvcconfig_add(struct arena *arena, struct str name, struct str bytes, struct str directory,
                       struct dvcconfig *config)
{
    struct ini_vec entries = {0};
    TRY(ini_parse(arena, name, bytes, &entries));
    vec_each (const struct ini_entry, entry, &entries) {
        struct str key =
            str_print(arena, "%.*s.%.*s", STR_FMT(entry->section), STR_FMT(entry->key));
        struct dvcconfig_value *value = arena_new(arena, struct dvcconfig_value);
        *value = (struct dvcconfig_value){entry->value, directory};
        if (!map_has(&config->values, key))
            map_put(arena, &config->values, key, value);
    }
    return NULL;
}

void dvcconfig_set(struct arena *arena, struct dvcconfig *config, const char *name,
                   struct str value)
{
    struct dvcconfig_value *set = arena_new(arena, struct dvcconfig_value);
    set->text = value;
    map_put(arena, &config->values, str_copy(arena, str_of(name)), set);
}

void dvcconfig_forget(struct arena *arena, struct dvcconfig *config, const char *key)
{
    struct map kept = {0};
    struct str end = str_print(arena, ".%s", key);
    map_each (slot, &config->values)
        if (!str_ends(slot->key, end))
            map_put(arena, &kept, slot->key, slot->value);
    config->values = kept;
}

static FALLIBLE read_level(struct arena *arena, struct str directory, const char *name,
                           struct dvcconfig *config)
{
    struct str path = path_join(arena, directory, str_of(name));
    struct str bytes;
    bool found = false;
    TRY(file_read(arena, AT_FDCWD, path.at, LIMIT_INI_BYTES, &bytes, &found));
    return found ? dvcconfig_add(arena, path, bytes, directory, config) : NULL;
}

static FALLIBLE read_user_level(struct arena *arena, struct dvcconfig *config)
{
    const char *own = getenv("DVC_GLOBAL_CONFIG_DIR");
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (own && own[0] == '/')
        return read_level(arena, str_of(own), "config", config);
    if (base && base[0] == '/')
        return read_level(arena, path_join(arena, str_of(base), STR("dvc")), "config", config);
    if (home && home[0] == '/')
        return read_level(arena, path_join(arena, str_of(home), STR(".config/dvc")), "config",
                          config);
    return NULL;
}

FALLIBLE dvcconfig_load(struct arena *arena, const struct workspace *workspace, struct str root,
                        struct dvcconfig *ret)
{
    struct dvcconfig config = {0};
    const char *system = getenv("DVC_SYSTEM_CONFIG_DIR");
    bool is_own = system && system[0] == '/';
    struct str directory = path_join(arena, workspace->root, path_join(arena, root, STR(".dvc")));
    TRY(read_level(arena, directory, "config.local", &config));
    TRY(read_level(arena, directory, "config", &config));
    TRY(read_user_level(arena, &config));
    TRY(read_level(arena, is_own ? str_of(system) : STR("/etc/xdg/dvc"), "config", &config));
    *ret = config;
    return NULL;
}

struct str dvcconfig_text(const struct dvcconfig *config, const char *name)
{
    const struct dvcconfig_value *value = map_get(&config->values, str_of(name));
    return value ? value->text : (struct str){0};
}

struct str dvcconfig_path(struct arena *arena, const struct dvcconfig *config, const char *name)
{
    const struct dvcconfig_value *value = map_get(&config->values, str_of(name));
    const char *home = getenv("HOME");
    if (!value || !value->text.len || str_find(value->text, STR("://")) >= 0)
        return value ? value->text : (struct str){0};
    struct str path = value->text;
    if (str_starts(path, STR("~/")) && home)
        path = path_join(arena, str_of(home), str_slice(path, 2, path.len));
    path = path_join(arena, value->directory, path);
    (void)path_resolve(arena, STR(""), path, &path);
    return path;
}
