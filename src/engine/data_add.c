/* From paths to pointers: content first, then the names of it. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/base/moment.h"
#include "mlops/codec/glob.h"
#include "mlops/engine/data.h"
#include "mlops/model/event.h"
#include "mlops/model/name.h"
#include "mlops/store/gitignore.h"

#include <sys/stat.h>

VEC(path_vec, struct str);
VEC(artifact_vec, struct artifact);

/* One thing to be captured. */
struct wish {
    struct str path;
    struct str top; /* what the pointer names: it, or a directory that holds it */
};
VEC(wish_vec, struct wish);

/* A pointer to be written, and what of its path was captured. */
struct group {
    struct str top;
    struct pointer *before; /* NULL: none yet */
    struct artifact_vec parts;
};
VEC(group_vec, struct group *);

struct adding {
    struct session *session;
    const struct data_add_options *options;
    struct wish_vec wishes;
    struct map known; /* paths of wishes */
    struct map named; /* paths of words, if there are several */
    struct group_vec groups;
    struct map group_of; /* top -> group */
    struct error_list errors;
    struct data_added_vec added;
};

const char *data_add_status_name(enum data_add_status status)
{
    static const char *const names[] = {"added", "updated", "unchanged"};
    return names[status];
}

static FALLIBLE stat_path(struct session *session, struct str path, struct file_stat *ret,
                          bool *ret_found)
{
    AUTO(arena_drop) struct arena scratch = {0};
    const char *name = path.len ? str_terminate(&scratch, path) : ".";
    return file_stat_at(fd_number(session->workspace.root_fd), name, false, ret, ret_found);
}

/* --- what is meant --- */

/* A pointer that can't be read counts as none: it is written anew. */
static FALLIBLE pass_damaged(struct session *session, struct str file, struct error *error,
                             bool *ret_damaged)
{
    *ret_damaged = false;
    if (error && error->code == ERROR_PROJECT &&
        path_name(file).len <= (size_t)LIMIT_PATH_PART_BYTES)
        TRY(pointers_is_damaged(session->arena, &session->workspace, file, ret_damaged));
    if (!*ret_damaged)
        return error;
    error_drop(error);
    return NULL;
}

static FALLIBLE find_pointer(struct session *session, struct str path, struct pointer **ret)
{
    bool is_damaged = false;
    struct error *error = pointers_find(session->arena, &session->workspace, path, ret);
    TRY(pass_damaged(session, pointer_file_of(session->arena, path), error, &is_damaged));
    return is_damaged
               ? pointers_find(session->arena, &session->workspace, path_directory(path), ret)
               : NULL;
}

static FALLIBLE load_pointer(struct session *session, struct str file, struct pointer **ret)
{
    bool is_damaged = false;
    struct error *error = pointers_load(session->arena, &session->workspace, file, ret);
    TRY(pass_damaged(session, file, error, &is_damaged));
    if (!is_damaged)
        return NULL;
    *ret = NULL;
    struct event event = {
        .kind = EVENT_WARNING,
        .text =
            str_print(session->arena, "'%.*s' can't be read: it is written anew", STR_FMT(file))};
    observer_tell(session->observer, &event);
    return NULL;
}

static FALLIBLE add_wish(struct adding *adding, struct str path)
{
    struct session *session = adding->session;
    struct pointer *tracks = NULL;
    struct error *error = NULL;
    if (map_has(&adding->known, path))
        return NULL;
    map_put(session->arena, &adding->known, path, adding);
    TRY(find_pointer(session, path, &tracks));
    bool is_inside = tracks && !str_equal(tracks->artifact.path, path);
    if (is_inside && tracks->artifact.kind != ARTIFACT_TREE)
        return error_new(ERROR_PROJECT, "'%.*s' tracks '%.*s' as a file", STR_FMT(tracks->file),
                         STR_FMT(tracks->artifact.path));
    error = data_check_path(session, path, true);
    if (error)
        return error;
    *vec_push(session->arena, &adding->wishes) =
        (struct wish){path, tracks ? tracks->artifact.path : path};
    return NULL;
}

/* What a shell would leave out of a glob, too, and pointers. */
static bool is_passed_over(struct str pattern, struct str path)
{
    struct str name = path_name(path);
    return pointer_is_name(name) ||
           (str_starts(name, STR(".")) && !str_starts(path_name(pattern), STR(".")));
}

static FALLIBLE add_matches(struct adding *adding, struct str word, struct str pattern)
{
    struct session *session = adding->session;
    struct str *paths = NULL;
    size_t count = 0, taken = 0;
    TRY(worktree_glob(session->worktree, session->arena, pattern, &paths, &count));
    for (size_t i = 0; i < count; i++) {
        if (is_passed_over(pattern, paths[i]))
            continue;
        taken++;
        error_list_add(&adding->errors, add_wish(adding, paths[i]));
    }
    if (taken)
        return NULL;
    return error_hint(error_new(ERROR_PROJECT, "no file matches '%.*s'", STR_FMT(word)),
                      "a directory is added by its name");
}

static FALLIBLE nothing_there(struct session *session, struct str path)
{
    struct pointer *pointer = NULL;
    bool is_recorded = false, is_known = false;
    TRY(pointers_find(session->arena, &session->workspace, path, &pointer));
    struct str shown = workspace_show(session->arena, &session->workspace, path);
    if (pointer) {
        struct data_record record = {.artifact = pointer->artifact}, part;
        TRY(data_part(session, &record, path, &part, &is_recorded, &is_known));
    }
    struct str near = is_recorded ? STR("") : data_near(session, path, false);
    struct error *error =
        error_new(ERROR_PROJECT, "there is no '%.*s'%.*s", STR_FMT(shown), STR_FMT(near));
    if (is_recorded)
        return error_hint(error,
                          "'mlops checkout %.*s' brings it back, 'mlops remove %.*s' forgets it",
                          STR_FMT(shown), STR_FMT(shown));
    return error_hint(error, "check the name");
}

/* `data/` followed by a star that the shell has spread names the pointers beside the data, too. */
static void name_words(struct adding *adding, const struct data_add_options *options)
{
    struct session *session = adding->session;
    for (size_t i = 0; i < options->count; i++) {
        struct str path = {0};
        struct error *error =
            workspace_path(session->arena, &session->workspace, options->words[i], &path);
        if (!error)
            map_put(session->arena, &adding->named, path, adding);
        error_drop(error); /* told when it is its turn */
    }
}

static bool is_beside_its_data(const struct adding *adding, struct str path)
{
    return pointer_is_name(path_name(path)) &&
           map_has(&adding->named, str_slice(path, 0, path.len - strlen(POINTER_SUFFIX)));
}

static FALLIBLE take_word(struct adding *adding, struct str word)
{
    struct session *session = adding->session;
    struct file_stat stat;
    struct str path = {0};
    bool found = false;
    struct error *error = workspace_path(session->arena, &session->workspace, word, &path);
    if (error && path_text_fault(word))
        return error_hint(error, "rename it, or add the directory that holds it");
    TRY(error);
    TRY(stat_path(session, path, &stat, &found));
    if (found)
        return is_beside_its_data(adding, path) ? NULL : add_wish(adding, path);
    return glob_is_pattern(word) ? add_matches(adding, word, path) : nothing_there(session, path);
}

/* What lies in a directory that is added, too, comes with it. */
static void drop_nested(struct adding *adding)
{
    size_t kept = 0;
    vec_each (const struct wish, wish, &adding->wishes) {
        struct str above = path_directory(wish->path);
        while (above.len && !map_has(&adding->known, above))
            above = path_directory(above);
        if (!above.len)
            adding->wishes.at[kept++] = *wish;
    }
    adding->wishes.len = kept;
}

/* --- capturing --- */

static FALLIBLE capture(struct adding *adding)
{
    struct session *session = adding->session;
    struct path_vec paths = {0};
    vec_each (const struct wish, wish, &adding->wishes)
        *vec_push(session->arena, &paths) = wish->path;
    TRY(worktree_capture_all(session->worktree, paths.at, paths.len, true, session->observer));
    worktree_tell_held(session->worktree, session->observer);
    return NULL;
}

/* Of a directory that was fetched in part the rest would be gone without a word. */
static void tell_dropped(struct session *session, const struct artifact *before,
                         const struct artifact *after)
{
    struct arena *arena = session->arena;
    struct str path = after->path;
    struct event event = {.kind = EVENT_WARNING};
    if (before->kind != ARTIFACT_TREE || after->file_count >= before->file_count)
        return;
    event.text = str_print(
        arena,
        "'%.*s' named %.*s files, some of which were never fetched: now it names %.*s, and the "
        "rest counts as removed; 'git checkout %.*s" POINTER_SUFFIX "' takes that back",
        STR_FMT(path), STR_FMT(count_print(arena, before->file_count)),
        STR_FMT(count_print(arena, after->file_count)), STR_FMT(path));
    observer_tell(session->observer, &event);
}

static FALLIBLE note_changes(struct adding *adding, const struct artifact *before,
                             const struct artifact *after, struct data_changes *ret)
{
    AUTO(arena_drop) struct arena scratch = {0};
    struct worktree_files old, new;
    bool knows_both = false;
    TRY(tree_list_differing(adding->session->cas, &scratch, before, after, &old, &new,
                            &knows_both));
    if (knows_both)
        data_compare_files(adding->session->arena, old.files, old.count, new.files, new.count, ret);
    else
        tell_dropped(adding->session, before, after);
    ret->is_unknown = !knows_both;
    return NULL;
}

/* Files that .mlopsignore names are left out on purpose; of these the user may not know. */
static void tell_left_out(struct session *session, const struct artifact *found)
{
    struct str first = {0};
    size_t count = 0;
    for (size_t i = 0; i < found->ignored_count; i++) {
        struct str name = path_name(found->ignored[i]);
        if (!str_is(name, ".git") && !str_is(name, ".mlops"))
            continue;
        first = count++ ? first : path_join(session->arena, found->path, found->ignored[i]);
    }
    struct event event = {.kind = EVENT_WARNING};
    event.text = str_print(session->arena, "'%.*s' is left out: no .git or .mlops is ever stored%s",
                           STR_FMT(first), count > 1 ? ", and it is not the only one" : "");
    if (count)
        observer_tell(session->observer, &event);
}

static FALLIBLE look(struct session *session, struct str path, struct artifact *ret)
{
    TRY(worktree_look(session->worktree, path, LOOK_OUT, ret));
    tell_left_out(session, ret);
    return ret->kind != ARTIFACT_ABSENT
               ? NULL
               : error_new(ERROR_MACHINE, "'%.*s' went while it was read", STR_FMT(path));
}

/* What another command added meanwhile may hold a new path, or lie in it. */
static FALLIBLE check_new(struct session *session, struct str path)
{
    struct pointer *other = NULL;
    TRY(find_pointer(session, path, &other));
    if (other)
        return error_hint(error_new(ERROR_PROJECT, "another command has just added '%.*s'",
                                    STR_FMT(other->artifact.path)),
                          "'%.*s' is a part of that now: mlops add %.*s", STR_FMT(path),
                          STR_FMT(path));
    return data_check_path(session, path, true);
}

/* As its pointer is now: another command may have written it while we read the data. */
static FALLIBLE open_group(struct adding *adding, const struct wish *wish, struct group **ret)
{
    struct arena *arena = adding->session->arena;
    struct group *group = *ret = map_get(&adding->group_of, wish->top);
    if (group)
        return NULL;
    *ret = group = arena_new(arena, struct group);
    group->top = wish->top;
    TRY(load_pointer(adding->session, pointer_file_of(arena, wish->top), &group->before));
    if (!group->before && !str_equal(wish->top, wish->path))
        return error_hint(error_new(ERROR_MACHINE, "another command has just removed '%.*s'",
                                    STR_FMT(pointer_file_of(arena, wish->top))),
                          "add it again, or the whole of it");
    if (!group->before)
        TRY(check_new(adding->session, wish->top));
    map_put(arena, &adding->group_of, group->top, group);
    *vec_push(arena, &adding->groups) = group;
    return NULL;
}

static FALLIBLE group_wishes(struct adding *adding)
{
    vec_each (const struct wish, wish, &adding->wishes) {
        struct group *group = NULL;
        TRY(open_group(adding, wish, &group));
        TRY(look(adding->session, wish->path, vec_push(adding->session->arena, &group->parts)));
    }
    return NULL;
}

/* What the pointer will say: all of the path, or the directory that holds it with parts new. */
static FALLIBLE whole_of(struct adding *adding, const struct group *group, struct artifact *ret)
{
    const struct artifact *first = &group->parts.at[0];
    bool is_known = false;
    *ret = *first;
    if (str_equal(first->path, group->top))
        return NULL;
    TRY(data_graft(adding->session, &group->before->artifact, group->parts.at, group->parts.len,
                   ret, &is_known));
    if (is_known)
        return NULL;
    return error_hint(error_new(ERROR_STORED,
                                "the store lacks what '%.*s' names, so '%.*s' can't be added to it",
                                STR_FMT(group->before->file), STR_FMT(first->path)),
                      "mlops pull %.*s", STR_FMT(group->top));
}

static FALLIBLE make_pointer(struct adding *adding, const struct group *group)
{
    struct arena *arena = adding->session->arena;
    const struct pointer *before = group->before;
    struct pointer *pointer = arena_new(arena, struct pointer);
    struct artifact whole = {0};
    TRY(whole_of(adding, group, &whole));
    struct data_added *added = vec_push(arena, &adding->added);
    if (before)
        *pointer = *before;
    pointer->file = pointer_file_of(arena, group->top);
    pointer->artifact = whole;
    pointer->artifact.path = group->top;
    pointer->artifact.is_stored = true;
    if (adding->options->desc.len)
        pointer->desc = adding->options->desc;
    added->pointer = pointer;
    added->status = !before                                     ? DATA_ADDED
                    : artifact_equal(&whole, &before->artifact) ? DATA_SAME
                                                                : DATA_UPDATED;
    return added->status == DATA_UPDATED
               ? note_changes(adding, &before->artifact, &pointer->artifact, &added->changes)
               : NULL;
}

/* --- names --- */

static int by_directory(const void *a, const void *b)
{
    const struct str *left = a, *right = b;
    int order = str_compare(path_directory(*left), path_directory(*right));
    return order ? order : str_compare(*left, *right);
}

static FALLIBLE ignore_all(struct adding *adding)
{
    struct session *session = adding->session;
    struct path_vec paths = {0};
    struct vcs *vcs = NULL;
    TRY(session_vcs(session, &vcs));
    if (!vcs)
        return NULL;
    vec_each (const struct data_added, added, &adding->added)
        *vec_push(session->arena, &paths) = added->pointer->artifact.path;
    vec_sort(&paths, by_directory);
    for (size_t first = 0, end; first < paths.len; first = end) {
        struct str directory = path_directory(paths.at[first]);
        for (end = first + 1;
             end < paths.len && str_equal(path_directory(paths.at[end]), directory); end++)
            ;
        TRY(gitignore_add(&session->workspace, &paths.at[first], end - first, true));
    }
    return NULL;
}

static FALLIBLE publish(struct adding *adding)
{
    struct arena *arena = adding->session->arena;
    struct pointer_vec pointers = {0};
    vec_each (const struct data_added, added, &adding->added)
        *vec_push(arena, &pointers) = added->pointer;
    bool *changed = arena_new_array(arena, bool, pointers.len);
    TRY(pointers_save_all(&adding->session->workspace, pointers.at, pointers.len, changed));
    for (size_t i = 0; i < pointers.len; i++)
        if (changed[i] && adding->added.at[i].status == DATA_SAME)
            adding->added.at[i].status = DATA_UPDATED;
    return ignore_all(adding);
}

FALLIBLE data_add(struct session *session, const struct data_add_options *options,
                  struct data_added_vec *ret)
{
    struct adding adding = {.session = session, .options = options};
    if (options->count > 1)
        name_words(&adding, options);
    for (size_t i = 0; i < options->count; i++) {
        struct error *error = take_word(&adding, options->words[i]);
        if (error && error->code >= ERROR_SIGNAL)
            return error;
        error_list_add(&adding.errors, error);
    }
    TRY(error_list_take(&adding.errors));
    drop_nested(&adding);
    TRY(capture(&adding));
    AUTO(data_lock_drop) struct data_lock lock = {0};
    TRY(data_lock(session, &lock));
    TRY(group_wishes(&adding));
    for (size_t i = 0; i < adding.groups.len; i++)
        TRY(make_pointer(&adding, adding.groups.at[i]));
    TRY(cas_flush(session->cas));
    TRY(publish(&adding));
    *ret = adding.added;
    return NULL;
}
