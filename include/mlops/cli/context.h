/* What a command gets: where the answer goes, how it should look, and the project's parts, each
 * opened by the first command that asks for it and never before (`version` opens nothing). */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/base/error.h"
#include "mlops/model/event.h"
#include "mlops/model/pipeline.h"

struct cas;
struct cli_command;
struct context_parts;
struct index;
struct ledger;
struct vcs;
struct workspace;

enum output_format {
    FORMAT_TABLE,
    FORMAT_JSON,
    FORMAT_CSV,
    FORMAT_MARKDOWN,
    FORMAT_JUNIT, /* only of commands with findings */
    FORMAT_SARIF,
};

/* Options that every command takes. */
struct common_options {
    bool help, json, quiet, verbose, no_colour;
    int format; /* enum output_format */
    struct str directory;
};

struct context {
    struct arena *arena; /* of the command */
    const struct cli_command *command;
    struct common_options common;
    enum output_format format;
    struct buf out;           /* the answer; main writes it to stdout and checks that it arrived */
    int status;               /* exit status of an expected answer: 1 for "no" */
    bool has_colour;          /* stdout may be coloured */
    int columns;              /* width to fit into; 0: stdout is no terminal, nothing is cut */
    struct str program;       /* how mlops was called, for messages and hooks */
    int dash_at;              /* 1 + how many words stand before `--`; 0: there is none */
    struct str arguments;     /* the command line behind it, for the record */
    struct observer observer; /* notices and warnings to stderr (unless --quiet: warnings only) */
    struct context_parts *parts;
};

/* Gives back all that was opened. */
void context_drop(struct context *context);

/* Writes what is in `out` now: for answers that are long (logs). */
FALLIBLE context_flush(struct context *context);

/* A line for the user on stderr: "mlops: warning: ..." ; notices are left out with --quiet. */
void context_notice(struct context *context, const char *format, ...) PRINTF_LIKE(2, 3);
void context_warn(struct context *context, const char *format, ...) PRINTF_LIKE(2, 3);

/* The project around the current directory; found once. Without a .mlops it still answers
 * (workspace->state_fd is empty). */
FALLIBLE context_workspace(struct context *context, struct workspace **ret);

/* The same, but a project that was never initialised is an error that says what to do. */
FALLIBLE context_project(struct context *context, struct workspace **ret);

/* The same, but one of DVC's will do. */
FALLIBLE context_data_project(struct context *context, struct workspace **ret);

/* The ledger for reading. */
FALLIBLE context_ledger(struct context *context, struct ledger **ret);

/* The ledger for writing, and the object store. Not both kinds of ledger in one command. */
FALLIBLE context_ledger_for_writing(struct context *context, struct ledger **ret);
FALLIBLE context_index(struct context *context, struct index **ret);
FALLIBLE context_cas(struct context *context, struct cas **ret);

/* The git repository, NULL if there is none. */
FALLIBLE context_vcs(struct context *context, struct vcs **ret);

/* The pipeline file `word` (as the user wrote it; empty: pipeline.yaml, then dvc.yaml, upwards from
 * the current directory to the project root): its path relative to the project. *ret_found false
 * only if `word` is empty and there is none. */
FALLIBLE context_find_pipeline(struct context *context, struct str word, struct str *ret_path,
                               bool *ret_found);

/* Reads, parses and binds it; ERROR_PROJECT if there is none. */
FALLIBLE context_pipeline(struct context *context, struct str word, struct pipeline **ret);

/* That of the current directory; NULL if there is none, or none that can be read: what runs it will
 * tell. */
FALLIBLE context_readable_pipeline(struct context *context, struct pipeline **ret);

/* Whether a word names a pipeline file (ends in .yaml or .yml). */
bool is_pipeline_word(struct str word);
