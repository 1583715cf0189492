/* What a word that names nothing may have meant. */
#include "mlops/base/arena.h"
#include "mlops/codec/schema.h"
#include "mlops/engine/data.h"
#include "mlops/host/walk.h"
#include "mlops/model/name.h"

enum { NAMES_MOST = 20000 };

VEC(name_vec, const char *);

/* By the last part of the path: what lies in the same directory, else by all of it. */
struct nearing {
    struct session *session;
    struct str path;
    struct name_vec names;
};

static void add(struct nearing *nearing, struct str path)
{
    if (nearing->names.len < NAMES_MOST)
        *vec_push(nearing->session->arena, &nearing->names) =
            str_terminate(nearing->session->arena, path);
}

static FALLIBLE add_inside(struct nearing *nearing, const struct data_record *record)
{
    struct session *session = nearing->session;
    struct str above = path_directory(nearing->path);
    struct data_record part = {0};
    struct data_record_vec entries = {0};
    bool found = false, is_known = false;
    if (record->artifact.kind != ARTIFACT_TREE || !path_is_within(above, record->artifact.path))
        return NULL;
    TRY(data_part(session, record, above, &part, &found, &is_known));
    if (found && is_known && part.artifact.kind == ARTIFACT_TREE)
        TRY(data_entries(session, &part, &entries, &is_known));
    vec_each (const struct data_record, entry, &entries)
        add(nearing, entry->artifact.path);
    return NULL;
}

static FALLIBLE add_tracked(struct nearing *nearing)
{
    struct data_record_vec records = {0};
    TRY(data_records(nearing->session, STR(""), &records));
    vec_each (const struct data_record, record, &records) {
        for (struct str at = record->artifact.path; at.len; at = path_directory(at))
            add(nearing, at);
        TRY(add_inside(nearing, record));
    }
    return NULL;
}

static FALLIBLE add_of_disk(struct nearing *nearing)
{
    AUTO(fd_drop) struct fd fd = {0};
    struct arena *arena = nearing->session->arena;
    struct str above = path_directory(nearing->path);
    struct walk_list list = {0};
    TRY(directory_open(fd_number(nearing->session->workspace.root_fd),
                       above.len ? str_terminate(arena, above) : ".", &fd));
    TRY(walk_list(arena, fd_number(fd), true, &list));
    for (size_t i = 0; i < list.count; i++)
        add(nearing, path_join(arena, above, list.entries[i].name));
    return NULL;
}

/* The directory is right and the name is not, or all of it is nearly right. */
static const char *nearest(const struct nearing *nearing)
{
    struct arena *arena = nearing->session->arena;
    struct str above = path_directory(nearing->path), name = path_name(nearing->path);
    struct name_vec beside = {0}, paths = {0};
    for (size_t i = 0; i < nearing->names.len; i++) {
        struct str path = str_of(nearing->names.at[i]);
        if (!str_equal(path_directory(path), above) || str_equal(path, nearing->path))
            continue;
        *vec_push(arena, &beside) = path_name(path).at;
        *vec_push(arena, &paths) = path.at;
    }
    const char *near = schema_suggest(name, beside.at, beside.len);
    for (size_t i = 0; near && i < beside.len; i++)
        if (beside.at[i] == near)
            return paths.at[i];
    near = schema_suggest(nearing->path, nearing->names.at, nearing->names.len);
    return near && !str_is(nearing->path, near) ? near : NULL;
}

struct str data_near(struct session *session, struct str path, bool is_tracked)
{
    struct nearing nearing = {.session = session, .path = path};
    struct error *error = is_tracked ? add_tracked(&nearing) : add_of_disk(&nearing);
    const char *near = error ? NULL : nearest(&nearing);
    error_drop(error); /* what is wrong has been found; this is only about a better hint */
    if (!near)
        return STR("");
    struct str shown = workspace_show(session->arena, &session->workspace, str_of(near));
    return str_print(session->arena, " (did you mean '%.*s'?)", STR_FMT(shown));
}
