/* The git repository around a project, through libgit2, which is loaded on first use. No
 * repository, or no libgit2 on the machine, is not an error: `vcs_open` answers NULL. Another
 * owner (GIT_EOWNER) gets its own message with the git command that allows it. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/error.h"
#include "mlops/base/map.h"
#include "mlops/base/str.h"
#include "mlops/base/vec.h"

struct vcs;
VEC(vcs_path_vec, struct str);

/* True if libgit2 could be loaded (loads it; about 7 ms the first time). */
bool vcs_is_available(void);

/* Top of the work tree around `directory` (absolute) by its .git, without libgit2; empty: none. */
FALLIBLE vcs_find_top(struct arena *arena, struct str directory, struct str *ret);

/* Opens the repository that holds `directory` (absolute). *ret NULL: none. */
FALLIBLE vcs_open(struct str directory, struct vcs **ret);
void vcs_drop(struct vcs **vcs);

/* Top of the work tree, absolute, without a final '/'. */
struct str vcs_top(const struct vcs *vcs);

/* 40 hex or empty before the first commit; branch empty when detached. */
FALLIBLE vcs_head(struct vcs *vcs, struct arena *arena, struct str *ret_commit,
                  struct str *ret_branch);

/* URL of the remote "origin" as configured, without user, password and query; empty: none. */
FALLIBLE vcs_remote(struct vcs *vcs, struct arena *arena, struct str *ret_url);

/* What of the repository that was cloned is not here. */
struct vcs_extent {
    bool is_shallow;       /* history is cut */
    bool is_some_branches; /* there is an "origin", and fetching from it leaves branches out */
};
FALLIBLE vcs_extent_of(struct vcs *vcs, struct vcs_extent *ret);

/* Changed and untracked (not ignored) paths relative to the top, sorted, except those for which
 * `ignored` answers true. Submodules and what a sparse checkout leaves out are no changes. One
 * lstat a tracked file: some 3 ms per 1,000. Filters of .gitattributes (git-lfs) are never run, so
 * a file under one counts as changed once its time stamps differ from the index. */
FALLIBLE vcs_changes(struct vcs *vcs, struct arena *arena,
                     bool (*ignored)(void *context, struct str path), void *context,
                     struct vcs_path_vec *ret);

/* What belongs to the work tree in and below `directory` (relative to the top; empty: all of it):
 * paths that the index tracks, which may be gone from the disk, and untracked ones that are not
 * ignored; sorted. One that ends with '/' is a repository inside (a submodule): what it holds is
 * not listed. */
FALLIBLE vcs_files(struct vcs *vcs, struct arena *arena, struct str directory,
                   struct vcs_path_vec *ret);

/* The same of a commit (40 hex digits). */
FALLIBLE vcs_files_of_commit(struct vcs *vcs, struct arena *arena, struct str commit,
                             struct str directory, struct vcs_path_vec *ret);

/* Whether the rules say that a path (relative to the top) is ignored, unless it is tracked. */
FALLIBLE vcs_ignores(struct vcs *vcs, struct str path, bool is_directory, bool *ret);

/* Unified diff of the work tree (with untracked text files) against HEAD, of those paths; cut at
 * LIMIT_PATCH_BYTES on a line border, *ret_cut says so. Binary files, and those beyond the limit,
 * are mentioned only. Paths are taken literally. Otherwise `git apply` makes the work tree from it.
 */
FALLIBLE vcs_patch(struct vcs *vcs, struct arena *arena, const struct vcs_path_vec *paths,
                   struct str *ret_patch, bool *ret_cut);

/* Which of these paths (relative to the top) the index tracks (a directory: anything below it). */
FALLIBLE vcs_tracked(struct vcs *vcs, struct arena *arena, const struct str *paths, size_t count,
                     struct vcs_path_vec *ret);

/* Resolves a revision to a commit id; *ret_found false if it names nothing. */
FALLIBLE vcs_resolve(struct vcs *vcs, struct arena *arena, struct str revision,
                     struct str *ret_commit, bool *ret_found);

/* A regular file's content at a commit (40 hex digits), at most bytes_most (an error beyond, before
 * it is unpacked). Not found: no such file in that commit. A commit or object that is missing
 * from the repository is an error. */
FALLIBLE vcs_read(struct vcs *vcs, struct arena *arena, struct str commit, struct str path,
                  int64_t bytes_most, struct str *ret, bool *ret_found);

/* Whether the repository has a file of this content: committed, staged or stashed some time. */
FALLIBLE vcs_knows(struct vcs *vcs, struct str bytes, bool *ret);

/* Changed files between two commits: "M path", "A path", "D path", sorted by path; an empty id
 * means an empty tree. */
FALLIBLE vcs_diff_files(struct vcs *vcs, struct arena *arena, struct str from, struct str to,
                        struct vcs_path_vec *ret);

/* Unified diff of those paths (literally; directories with all below them) from a commit to another
 * one, or to the work tree if `to` is empty; cut as by vcs_patch. No paths: nothing. */
FALLIBLE vcs_diff_patch(struct vcs *vcs, struct arena *arena, struct str from, struct str to,
                        const struct vcs_path_vec *paths, struct str *ret, bool *ret_cut);

/* A file as a commit or a patch has it. */
struct vcs_file {
    struct str path;  /* relative to the top */
    uint32_t mode;    /* as git counts: 0100644, 0100755, 0120000 (bytes: the target); 0: none */
    struct str bytes; /* as git keeps them: filters of .gitattributes are not run */
};
VEC(vcs_file_vec, struct vcs_file);

/* A file or link of a commit, as vcs_read, with its mode. *ret_found false: nothing of that name.
 */
FALLIBLE vcs_file(struct vcs *vcs, struct arena *arena, struct str commit, struct str path,
                  int64_t bytes_most, struct vcs_file *ret, bool *ret_found);

/* What the files that a patch (as vcs_patch makes one) touches become: it is applied to the commit
 * that it was made against (40 hex digits; empty: before the first one), by path. *ret_lacks: paths
 * whose content the patch only mentions (binary ones, too large ones). Nothing is written to the
 * repository. A patch that does not fit the commit, or was cut, is an ERROR_STORED. */
FALLIBLE vcs_apply(struct vcs *vcs, struct arena *arena, struct str commit, struct str patch,
                   struct vcs_file_vec *ret, struct vcs_path_vec *ret_lacks);

/* A commit of a history. */
struct vcs_commit {
    struct str id;      /* 40 hex */
    struct str subject; /* first paragraph of its message, on one line */
};
VEC(vcs_commit_vec, struct vcs_commit);

/* Commits in the history of `to` and not in that of `from`, newest first: the first `most` of them,
 * and how many there are (no more than LIMIT_HISTORY_COMMITS are counted). */
FALLIBLE vcs_between(struct vcs *vcs, struct arena *arena, struct str from, struct str to,
                     size_t most, struct vcs_commit_vec *ret, int64_t *ret_count);

/* Every commit (once, sorted) that a branch, remote branch, tag, stash (with its index and
 * untracked files) or, in any work tree, HEAD points at, or what a merge, rebase or the like that
 * goes on needs to go on or to be undone (for gc). */
FALLIBLE vcs_tips(struct vcs *vcs, struct arena *arena, struct vcs_path_vec *ret_commits);

/* Every commit (once, sorted) that a local branch or a tag points at, or all of the history of what
 * vcs_tips gives, as far as it is here (shallow clones). */
enum vcs_which { VCS_BRANCHES = 1, VCS_TAGS = 2, VCS_HISTORY = 4 };
FALLIBLE vcs_commits(struct vcs *vcs, struct arena *arena, unsigned which,
                     struct vcs_path_vec *ret);

/* Paths of the regular files of a commit whose name ends with `suffix`, sorted. */
FALLIBLE vcs_list(struct vcs *vcs, struct arena *arena, struct str commit, struct str suffix,
                  struct vcs_path_vec *ret);

/* For reading what many commits name: a directory or file that was listed with the same content, of
 * whatever commit, and with the same suffix is left out. */
struct vcs_seen {
    struct arena memory;
    struct map ids; /* 20 bytes of an id, one of the suffix */
};
struct vcs_listing {
    const struct str *suffixes; /* any of them */
    size_t suffix_count;
    struct vcs_seen *seen; /* NULL: all of the commit */
};

/* A regular file as git keeps it. */
struct vcs_entry {
    struct str path; /* relative to the top */
    struct str blob; /* 40 hex */
};
VEC(vcs_entry_vec, struct vcs_entry);
FALLIBLE vcs_list_some(struct vcs *vcs, struct arena *arena, struct str commit,
                       const struct vcs_listing *wanted, struct vcs_entry_vec *ret);

/* The same of the indexes of all work trees: what is staged, with all sides of conflicts. */
FALLIBLE vcs_list_staged(struct vcs *vcs, struct arena *arena, const struct vcs_listing *wanted,
                         struct vcs_entry_vec *ret);

/* Its content. One that is larger than bytes_most or lost is an error. */
FALLIBLE vcs_read_entry(struct vcs *vcs, struct arena *arena, const struct vcs_entry *entry,
                        int64_t bytes_most, struct str *ret);
void vcs_seen_drop(struct vcs_seen *seen);

/* What a merge left for somebody to decide: a file's content in the common ancestor and on both
 * sides; `at` NULL: it was not there. */
struct vcs_conflict {
    struct str path; /* relative to the top */
    struct str base, ours, theirs;
};
VEC(vcs_conflict_vec, struct vcs_conflict);

/* Conflicts of the index whose path ends with `suffix`, by path; files of at most bytes_most. */
FALLIBLE vcs_conflicts(struct vcs *vcs, struct arena *arena, struct str suffix, int64_t bytes_most,
                       struct vcs_conflict_vec *ret);

/* A cheap fingerprint of HEAD, its ref, packed-refs and the index by stat only (no libgit2): equal
 * means commit and branch are the same as when it was taken. Empty: no repository found upwards. */
FALLIBLE vcs_fingerprint(struct arena *arena, struct str directory, struct str *ret);

/* Where vcs_open found nothing: an error if a repository is there all the same, which nobody can
 * read since libgit2 is not here. */
FALLIBLE vcs_check_none(struct str directory);
