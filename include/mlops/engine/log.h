/* A stage's output: redacted, kept in memory while small, in a file below .mlops/logs/RUN/ beyond
 * LIMIT_LOG_ROW_BYTES, counted only beyond LIMIT_LOG_FILE_BYTES. */
#pragma once

#include "mlops/engine/redact.h"
#include "mlops/engine/session.h"

struct log {
    struct session *session;
    struct str path; /* relative to .mlops, used if the log outgrows a row */
    struct redactor *redactor;
    struct buf text;
    struct buf fresh; /* what the last log_add made visible */
    struct fd file;
    int64_t written_bytes;
    int64_t total_bytes;
    struct buf tail; /* the last bytes, for a failure's message */
};

/* Takes over `redactor` (may be NULL). */
void log_open(struct session *session, struct str path, struct redactor *redactor, struct log *ret);

/* *ret_fresh: what became visible (borrowed until the next call). */
FALLIBLE log_add(struct log *log, struct str bytes, struct str *ret_fresh);
FALLIBLE log_finish(struct log *log, struct str *ret_fresh);

/* Fills log_text or log_path, log_tail and log_bytes of the outcome; the text is the arena's. */
void log_report(const struct log *log, struct arena *arena, struct outcome *outcome);
void log_drop(struct log *log);
