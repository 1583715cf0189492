/* Help, man pages and topics out of the tables. */
#pragma once

#include "mlops/cli/command.h"

/* The short list of commands by group. */
void help_overview(struct context *context);
void help_command(struct context *context, const struct cli_command *command);

/* roff (man(7)) of a command, or of mlops itself if NULL. */
void help_man(struct buf *out, const struct cli_command *command);

/* `exit-status`, `limits`, ...: false if there is no such topic. */
bool help_topic(struct context *context, struct str name);

struct help_topic {
    const char *name, *summary;
    void (*print)(struct context *context);
};
const struct help_topic *help_topics(size_t *ret_count);

/* Rows of exit statuses, for help and man. */
struct exit_status {
    const char *code, *meaning;
};
const struct exit_status *exit_statuses(size_t *ret_count);
