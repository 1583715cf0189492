/* What push, fetch, pull, status --remote and run --pull share: from words to roots, a remote that
 * is open, and the report. */
#pragma once

#include "mlops/cli/data.h"
#include "mlops/engine/dvcdata.h"
#include "mlops/engine/transfer.h"

struct transfer_command {
    struct str remote;
    int64_t jobs;
    bool all_branches, all_tags, all_commits, with_deps, dry_run;
    bool run_cache, recursive; /* DVC's: taken and without effect */
};

/* Rows into `type`'s member `transfer`. */
#define TRANSFER_ROWS(type)                                                                        \
    {.name = "remote",                                                                             \
     .letter = 'r',                                                                                \
     OPTION_STR_AT(type, transfer.remote),                                                         \
     .value = "NAME",                                                                              \
     .completes = COMPLETE_REMOTES,                                                                \
     .help = "The remote; the default one if not given"},                                          \
        {.name = "jobs",                                                                           \
         .letter = 'j',                                                                            \
         OPTION_INT_AT(type, transfer.jobs),                                                       \
         .value = "N",                                                                             \
         .least = 1,                                                                               \
         .most = 64,                                                                               \
         .help = "Transfers at once; as many as the remote's kind bears if not given"},            \
        {.name = "all-branches",                                                                   \
         .letter = 'a',                                                                            \
         OPTION_FLAG_AT(type, transfer.all_branches),                                              \
         .help = "Also what the branches of git name"},                                            \
        {.name = "all-tags",                                                                       \
         .letter = 'T',                                                                            \
         OPTION_FLAG_AT(type, transfer.all_tags),                                                  \
         .help = "Also what the tags of git name"},                                                \
        {.name = "all-commits",                                                                    \
         .letter = 'A',                                                                            \
         OPTION_FLAG_AT(type, transfer.all_commits),                                               \
         .help = "Also what any commit names"},                                                    \
        {.name = "with-deps",                                                                      \
         .letter = 'd',                                                                            \
         OPTION_FLAG_AT(type, transfer.with_deps),                                                 \
         .help = "Of named stages also what they were made from"},                                 \
        {.name = "run-cache", OPTION_FLAG_AT(type, transfer.run_cache), .is_hidden = true},        \
    {                                                                                              \
        .name = "recursive", .letter = 'R', OPTION_FLAG_AT(type, transfer.recursive),              \
        .is_hidden = true                                                                          \
    }

/* What the words name (of what both DVC and our lock file record, what the command's remotes can
 * give; ERROR_PROJECT if there is no remote at all), as the work tree (and with options git's
 * commits) has it. */
FALLIBLE transfer_choose(struct data_shell *shell, const struct transfer_command *command, int argc,
                         const struct str *argv, bool needs_pipelines,
                         struct transfer_root_vec *ret);

/* Which remotes a command means: by the name that it says, and by what there is. */
struct transfer_kinds {
    bool takes_ours, takes_dvc;
    int64_t left_out; /* roots that only ours could have, and there is none */
    int64_t newer;    /* outputs that dvc.lock records, too, as they were before */
};

/* Keeps the roots that they can have. What both DVC and our lock file record comes from ours, if
 * there is one at all. `has_tracked`: DVC tracks something, be it among the roots or not. */
FALLIBLE transfer_settle(struct data_shell *shell, struct str name, bool has_tracked,
                         struct transfer_root_vec *roots, struct transfer_kinds *ret);

/* Refuses words of which the trees in the store tell that they name nothing. */
FALLIBLE transfer_check_parts(struct data_shell *shell, const struct transfer_root_vec *roots);

/* The roots of one remote after the other: those whose output names a remote of its own go there,
 * unless the command names one. What DVC tracks is left out. */
struct transfer_part {
    struct remote *remote;
    struct transfer_root_vec roots;
};
VEC(transfer_part_vec, struct transfer_part);
FALLIBLE transfer_split(struct data_shell *shell, const struct transfer_command *command,
                        const struct transfer_root_vec *roots, struct transfer_part_vec *ret);

enum transfer_aim { AIM_READ, AIM_WRITE, AIM_LOOK };
FALLIBLE transfer_connect(struct data_shell *shell, const struct transfer_command *command,
                          const struct remote *remote, enum transfer_aim aim, struct depot **ret);

/* An error if no remote is configured and something of the roots could come from nowhere else. */
FALLIBLE transfer_check_remote(struct data_shell *shell, const struct transfer_command *command,
                               const struct transfer_root_vec *roots);

/* Fetches all parts; the reports added up. What was imported from another project and our remotes
 * do not have comes from there, unless the command names a
 * remote. What DVC tracks and is to be put in place is added to `ret_placed`. */
FALLIBLE transfer_fetch_parts(struct data_shell *shell, const struct transfer_command *command,
                              const struct transfer_root_vec *roots,
                              struct data_record_vec *ret_placed, struct transfer_report *ret);

/* With roots of ours beside it, DVC's remote need not be one that mlops can reach: that becomes a
 * warning, and what DVC tracks is left out (*ret_left_out). */
FALLIBLE transfer_bear(struct data_shell *shell, const struct transfer_root_vec *roots,
                       struct error *error, bool *ret_left_out);

/* The roots among them that DVC tracks. */
FALLIBLE transfer_fetch_dvc(struct data_shell *shell, const struct transfer_command *command,
                            const struct transfer_root_vec *roots,
                            struct data_record_vec *ret_placed, struct transfer_report *ret);

/* Those of them that DVC tracks. */
struct transfer_root_vec transfer_dvc_roots(struct arena *arena,
                                            const struct transfer_root_vec *roots);

/* Adds a report to a sum. */
void transfer_report_add(struct transfer_report *sum, struct arena *arena,
                         const struct transfer_report *report);

/* "pushed 3 objects, 1.2 GiB ..." and what is missing, or JSON {roots, results, counts, missing}.
 * Exit status 1 if something is missing. */
void transfer_report_print(struct context *context, const char *verb,
                           const struct transfer_report *report);
void transfer_report_json(struct json_writer *json, const struct transfer_report *report);
void transfer_tell_missing(struct context *context, const char *verb,
                           const struct transfer_report *report);

/* What a transfer would move, of each root. */
FALLIBLE transfer_print_states(struct data_shell *shell, const struct transfer_command *command,
                               const struct transfer_root_vec *roots);
