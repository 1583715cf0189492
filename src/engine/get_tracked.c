/* What a project tracks, to where the user wants it. */
#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/host/signal.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get_private.h"

struct getting {
    struct session *session;
    struct landing *landing;
    struct get_report report;
};

static FALLIBLE lacking(const struct data_record *record)
{
    return error_hint(
        error_new(ERROR_ANSWER, "the store lacks what '%.*s' names", STR_FMT(record->named_by)),
        "'mlops pull' in that project fetches it; '--rev HEAD' takes what is committed from its "
        "remotes");
}

/* --- what is meant --- */

static FALLIBLE find_record(struct session *session, const struct data_record_vec *records,
                            struct str path, struct data_record *ret, bool *ret_found)
{
    bool is_known = true;
    *ret_found = false;
    vec_each (const struct data_record, record, records) {
        if (!path_is_within(path, record->artifact.path))
            continue;
        TRY(data_part(session, record, path, ret, ret_found, &is_known));
        if (!is_known)
            return lacking(record);
        if (*ret_found)
            return NULL;
    }
    return NULL;
}

/* --- writing --- */

/* Not by a hard link: the user may write to it. */
static FALLIBLE put_file(struct getting *getting, const struct worktree_file *file, struct str name,
                         bool *ret_found)
{
    struct cas *cas = getting->session->cas;
    int temp = fd_number(getting->landing->temp.fd);
    struct file_stat stat = {0};
    TRY(signal_check());
    getting->report.files++;
    getting->report.bytes += file->size_bytes;
    if (file->kind != TREE_SYMLINK)
        return cas_checkout(cas, file->digest, file->kind == TREE_EXECUTABLE, temp, name.at, &stat,
                            ret_found);
    AUTO(arena_drop) struct arena scratch = {0};
    struct str target = {0};
    TRY(cas_get_bytes(cas, &scratch, file->digest, LIMIT_PATH_BYTES, &target, ret_found));
    if (*ret_found && symlinkat(str_terminate(&scratch, target), temp, name.at) != 0)
        return error_os(errno, "cannot make a link");
    return NULL;
}

static FALLIBLE put_directory(struct getting *getting, const struct data_record *record,
                              bool *ret_found)
{
    struct arena *arena = getting->session->arena;
    const struct artifact *artifact = &record->artifact;
    struct worktree_file *files = NULL;
    struct str name = {0};
    size_t count = 0, skip = artifact->path.len + 1;
    TRY(tree_list_files(getting->session->cas, arena, artifact, SIZE_MAX, &files, &count,
                        ret_found));
    TRY(directory_make(fd_number(getting->landing->temp.fd), GET_CONTENT, false));
    for (size_t i = 0; i < count && *ret_found; i++) {
        AUTO(arena_drop) struct arena scratch = {0};
        struct str below = str_slice(files[i].path, skip, files[i].path.len);
        TRY(landing_name(getting->landing, &scratch, below, &name));
        TRY(put_file(getting, &files[i], name, ret_found));
    }
    for (size_t i = 0; i < artifact->empty_dir_count && *ret_found; i++) {
        TRY(landing_name(getting->landing, arena, artifact->empty_dirs[i], &name));
        TRY(directory_make(fd_number(getting->landing->temp.fd), name.at, false));
    }
    return NULL;
}

static FALLIBLE put_record(struct getting *getting, const struct data_record *record)
{
    const struct artifact *artifact = &record->artifact;
    bool found = getting->session->cas != NULL;
    getting->report.is_directory = artifact->kind == ARTIFACT_TREE;
    struct worktree_file file = {.path = artifact->path,
                                 .digest = artifact->digest,
                                 .size_bytes = artifact->size_bytes,
                                 .kind = record->kind == TREE_SYMLINK ? TREE_SYMLINK
                                         : artifact->is_executable    ? TREE_EXECUTABLE
                                                                      : TREE_FILE};
    if (found && getting->report.is_directory)
        TRY(put_directory(getting, record, &found));
    else if (found)
        TRY(put_file(getting, &file, STR(GET_CONTENT), &found));
    return found ? NULL : lacking(record);
}

/* --- what git keeps --- */

static FALLIBLE put_of_git(struct getting *getting, struct str commit, struct str path,
                           bool *ret_found)
{
    struct session *session = getting->session;
    struct vcs *vcs = NULL;
    struct str bytes = {0};
    *ret_found = false;
    TRY(session_vcs(session, &vcs));
    if (!vcs || !commit.len)
        return NULL;
    TRY(vcs_read(vcs, session->arena, commit, session_vcs_path(session, session->arena, path),
                 LIMIT_GET_GIT_BYTES, &bytes, ret_found));
    if (!*ret_found)
        return NULL;
    getting->report = (struct get_report){.files = 1, .bytes = (int64_t)bytes.len};
    return file_publish(fd_number(getting->landing->temp.fd), GET_CONTENT, bytes, 0644, false);
}

static FALLIBLE unknown(struct session *session, struct str commit, struct str path)
{
    const char *where = commit.len ? " at " : "";
    if (!commit.len && fd_number(session->workspace.state_fd) < 0)
        return error_hint(error_new(ERROR_PROJECT, "'%.*s' is no project of mlops",
                                    STR_FMT(session->workspace.root)),
                          "of two words the first is a project's directory: mlops get PROJECT "
                          "PATH");
    return error_hint(error_new(ERROR_PROJECT,
                                "no pointer or lock file of '%.*s'%s%.*s names '%.*s'",
                                STR_FMT(session->workspace.root), where,
                                STR_FMT(str_slice(commit, 0, 7)), STR_FMT(path)),
                      "'mlops ls' there lists what is tracked; of what git keeps say --rev, too");
}

struct error *get_tracked(struct session *session, const struct get_target *target,
                          struct str commit, struct str path, struct get_report *ret)
{
    AUTO(landing_drop) struct landing landing = {0};
    struct getting getting = {.session = session, .landing = &landing};
    struct data_record_vec records = {0};
    struct data_record record = {0};
    bool found = false;
    TRY(landing_open(session->arena, target, &landing));
    TRY(data_records(session, commit, &records));
    TRY(find_record(session, &records, path, &record, &found));
    if (found) {
        TRY(landing_check(&landing, record.artifact.kind == ARTIFACT_TREE));
        TRY(put_record(&getting, &record));
    } else {
        TRY(put_of_git(&getting, commit, path, &found));
        if (!found)
            return unknown(session, commit, path);
        TRY(landing_check(&landing, false));
    }
    TRY(landing_finish(&landing, getting.report.is_directory));
    *ret = getting.report;
    return NULL;
}

struct error *get_stored(struct session *session, const struct get_target *target,
                         const struct artifact *artifact, struct get_report *ret)
{
    AUTO(landing_drop) struct landing landing = {0};
    struct getting getting = {.session = session, .landing = &landing};
    struct data_record record = {.artifact = *artifact, .named_by = artifact->path};
    bool is_directory = artifact->kind == ARTIFACT_TREE;
    TRY(landing_open(session->arena, target, &landing));
    TRY(landing_check(&landing, is_directory));
    TRY(put_record(&getting, &record));
    TRY(landing_finish(&landing, is_directory));
    *ret = getting.report;
    return NULL;
}
