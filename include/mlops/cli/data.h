/* What the commands about data share. */
#pragma once

#include "mlops/cli/progress.h"
#include "mlops/cli/report.h"
#include "mlops/engine/data.h"

/* A session without a pipeline, with signals answered and progress shown. Lives at one address. */
struct data_shell {
    struct progress progress;
    struct observer observer;
    struct session session;
};
FALLIBLE data_open(struct context *context, bool is_read_only, struct data_shell *ret);

/* Takes the progress line away and saves the stat cache. */
void data_close(struct data_shell *shell);

/* "+3 ~1 -2"; empty if nothing is known. */
struct str changes_print(struct arena *arena, const struct data_changes *changes);
void changes_json(struct json_writer *json, const struct data_changes *changes);

/* "files", "hashed_files", "stored_files", "restored_files" and their bytes: what was touched. */
void touched_json(struct json_writer *json, const struct session *session);

/* {"path", "pointer", "state", "kind", "digest", "size_bytes", "files", "changes"} of each. */
void data_status_json(struct json_writer *json, const struct data_status_vec *statuses);

/* Lines for people; the unchanged ones only with `all`. Answers how many are not as recorded. */
int data_status_print(struct context *context, const struct data_status_vec *statuses, bool all);
int data_status_count(const struct data_status_vec *statuses);

/* A word of the command line as a path of the project; of a pointer: of what it tracks. */
FALLIBLE data_word(struct data_shell *shell, struct str word, struct str *ret);
FALLIBLE data_word_in(struct session *session, struct str word, struct str *ret);

/* What a checkout moved out of the way, or would. */
void data_tell_displaced(struct context *context, const struct data_checkout *report, bool is_dry);
