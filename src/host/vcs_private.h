/* Shared by the files of module vcs: libgit2 as a table of pointers, since it is not linked. */
#pragma once

#include "mlops/host/vcs.h"

#include <git2.h>

/* Every function of libgit2 that is used, without its prefix "git_". */
#define GIT2_FUNCTIONS(F)                                                                          \
    F(commit_free)                                                                                 \
    F(commit_id)                                                                                   \
    F(commit_lookup)                                                                               \
    F(commit_parent_id)                                                                            \
    F(commit_parentcount)                                                                          \
    F(commit_summary)                                                                              \
    F(commit_tree)                                                                                 \
    F(config_free)                                                                                 \
    F(config_get_multivar_foreach)                                                                 \
    F(config_get_string)                                                                           \
    F(diff_free)                                                                                   \
    F(diff_get_delta)                                                                              \
    F(diff_num_deltas)                                                                             \
    F(diff_print)                                                                                  \
    F(diff_tree_to_tree)                                                                           \
    F(diff_tree_to_workdir_with_index)                                                             \
    F(error_last)                                                                                  \
    F(index_get_bypath)                                                                            \
    F(index_conflict_iterator_free)                                                                \
    F(index_conflict_iterator_new)                                                                 \
    F(index_conflict_next)                                                                         \
    F(index_entrycount)                                                                            \
    F(index_find)                                                                                  \
    F(index_find_prefix)                                                                           \
    F(ignore_path_is_ignored)                                                                      \
    F(index_get_byindex)                                                                           \
    F(index_free)                                                                                  \
    F(index_open)                                                                                  \
    F(index_read)                                                                                  \
    F(libgit2_init)                                                                                \
    F(libgit2_opts)                                                                                \
    F(blob_free)                                                                                   \
    F(blob_lookup)                                                                                 \
    F(blob_rawcontent)                                                                             \
    F(blob_rawsize)                                                                                \
    F(object_free)                                                                                 \
    F(object_id)                                                                                   \
    F(object_peel)                                                                                 \
    F(odb_free)                                                                                    \
    F(odb_exists)                                                                                  \
    F(odb_hash)                                                                                    \
    F(odb_read_header)                                                                             \
    F(oid_fmt)                                                                                     \
    F(oid_fromstrn)                                                                                \
    F(reference_free)                                                                              \
    F(reference_iterator_free)                                                                     \
    F(reference_iterator_new)                                                                      \
    F(reference_lookup)                                                                            \
    F(reference_name)                                                                              \
    F(reference_next)                                                                              \
    F(reference_peel)                                                                              \
    F(reference_symbolic_target)                                                                   \
    F(reference_target)                                                                            \
    F(repository_free)                                                                             \
    F(repository_head)                                                                             \
    F(repository_commondir)                                                                        \
    F(repository_config_snapshot)                                                                  \
    F(repository_index)                                                                            \
    F(repository_is_shallow)                                                                       \
    F(repository_odb)                                                                              \
    F(repository_open_ext)                                                                         \
    F(repository_workdir)                                                                          \
    F(revparse_single)                                                                             \
    F(revwalk_free)                                                                                \
    F(revwalk_hide)                                                                                \
    F(revwalk_new)                                                                                 \
    F(revwalk_next)                                                                                \
    F(revwalk_push)                                                                                \
    F(revwalk_sorting)                                                                             \
    F(status_byindex)                                                                              \
    F(status_list_entrycount)                                                                      \
    F(status_list_free)                                                                            \
    F(status_list_new)                                                                             \
    F(strarray_dispose)                                                                            \
    F(tree_entry_bypath)                                                                           \
    F(tree_entry_filemode)                                                                         \
    F(tree_entry_free)                                                                             \
    F(tree_entry_id)                                                                               \
    F(tree_entry_name)                                                                             \
    F(tree_entry_type)                                                                             \
    F(tree_free)                                                                                   \
    F(tree_walk)                                                                                   \
    F(worktree_list)

struct git2 {
#define GIT2_MEMBER(name) __typeof__(git_##name) *name;
    GIT2_FUNCTIONS(GIT2_MEMBER)
#undef GIT2_MEMBER
};

/* The table, loaded and initialised once by whoever asks first; NULL: libgit2 is not there. */
const struct git2 *git2(void);

struct vcs {
    git_repository *repository;
    char *top;
    size_t top_len;
};

/* Drops for AUTO locals: AUTO(git2_drop_tree) git_tree *tree = NULL; */
#define GIT2_DROP(type)                                                                            \
    static inline void git2_drop_##type(git_##type **dropped)                                      \
    {                                                                                              \
        if (*dropped)                                                                              \
            git2()->type##_free(*dropped);                                                         \
        *dropped = NULL;                                                                           \
    }
GIT2_DROP(blob)
GIT2_DROP(commit)
GIT2_DROP(config)
GIT2_DROP(diff)
GIT2_DROP(index)
GIT2_DROP(index_conflict_iterator)
GIT2_DROP(object)
GIT2_DROP(odb)
GIT2_DROP(reference)
GIT2_DROP(reference_iterator)
GIT2_DROP(revwalk)
GIT2_DROP(status_list)
GIT2_DROP(tree)
GIT2_DROP(tree_entry)
#undef GIT2_DROP

/* The error for an answer below 0 of libgit2: what we were doing, with its message as cause. */
FALLIBLE vcs_fault(int status, const char *format, ...) PRINTF_LIKE(2, 3);

/* TRY for a call of libgit2; the rest is the text of the error. */
#define TRY_GIT(call, ...)                                                                         \
    do {                                                                                           \
        int try_status_ = (call);                                                                  \
        if (try_status_ < 0)                                                                       \
            return vcs_fault(try_status_, __VA_ARGS__);                                            \
    } while (0)

/* 40 hex digits in the arena. */
struct str vcs_hex(struct arena *arena, const git_oid *id);

/* First line of a small file, without libgit2; empty if it is not there or holds a NUL. */
FALLIBLE vcs_read_line(struct arena *arena, struct str path, struct str *ret);

/* The content of a blob; `path` is for messages. */
FALLIBLE vcs_blob(struct vcs *vcs, struct arena *arena, const git_oid *id, const char *path,
                  int64_t bytes_most, struct str *ret);

/* The tree of a commit named by its 40 hex digits. */
FALLIBLE vcs_tree_of(struct vcs *vcs, struct str commit, git_tree **ret);

/* The directories of git of all work trees, with a slash behind: that of the repository, then those
 * of its further work trees. */
FALLIBLE vcs_directories(struct vcs *vcs, struct arena *arena, struct vcs_path_vec *ret);

/* Adds a file if it is a regular one that is wanted and has not been listed. */
void vcs_list_add(struct arena *arena, const struct vcs_listing *wanted, struct str path,
                  uint32_t mode, const git_oid *id, struct vcs_entry_vec *ret);

/* The text of a diff, cut at LIMIT_PATCH_BYTES on a line border; *ret_cut says so. */
FALLIBLE vcs_print_diff(struct vcs *vcs, struct arena *arena, git_diff *diff, struct str *ret,
                        bool *ret_cut);
