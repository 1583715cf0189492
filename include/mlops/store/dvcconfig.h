/* DVC's own settings, as far as mlops asks for them: `.dvc/config.local` before `.dvc/config`, the
 * user's (~/.config/dvc/config) and the system's (/etc/xdg/dvc/config). Read only. */
#pragma once

#include "mlops/base/map.h"
#include "mlops/store/workspace.h"

struct dvcconfig {
    struct map values; /* "section.key" -> struct dvcconfig_value * */
};

/* The directory that has the `.dvc` for a file of the project: the nearest at or above it, relative
 * to the project. *ret_found false: no `.dvc` up to the project's root. */
FALLIBLE dvcconfig_root(struct arena *arena, const struct workspace *workspace, struct str path,
                        struct str *ret, bool *ret_found);

/* The same, but goes on above the project's root: then *ret is absolute. For what belongs to DVC's
 * project rather than to ours: its cache, its remotes. */
FALLIBLE dvcconfig_root_above(struct arena *arena, const struct workspace *workspace,
                              struct str path, struct str *ret, bool *ret_found);

/* `root` as from dvcconfig_root or dvcconfig_root_above. Files that are not there say nothing; a
 * broken one is an error with its place (ERROR_PROJECT). */
FALLIBLE dvcconfig_load(struct arena *arena, const struct workspace *workspace, struct str root,
                        struct dvcconfig *ret);

/* What one file says, for who has its bytes only; `directory`: what its relative paths are seen
 * from. Values that are there already are stronger. */
FALLIBLE dvcconfig_add(struct arena *arena, struct str name, struct str bytes, struct str directory,
                       struct dvcconfig *config);

/* As if such a file said it. */
void dvcconfig_set(struct arena *arena, struct dvcconfig *config, const char *name,
                   struct str value);

/* Takes a key of any section out, e.g. "keyfile". */
void dvcconfig_forget(struct arena *arena, struct dvcconfig *config, const char *key);

/* The value of e.g. "cache.type" or "remote \"name\".url", lists joined by ','; empty if unset. */
struct str dvcconfig_text(const struct dvcconfig *config, const char *name);

/* The same of a path, absolute: a relative one is relative to the file that says it, '~/' is HOME.
 * A URL stays as it is; empty if unset. */
struct str dvcconfig_path(struct arena *arena, const struct dvcconfig *config, const char *name);
