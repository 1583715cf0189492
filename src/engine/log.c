#include "mlops/engine/log.h"

#include "mlops/base/arena.h"
#include "mlops/base/limits.h"
#include "mlops/model/name.h"

#include <errno.h>
#include <fcntl.h>

enum { TAIL_BYTES = 8192 };

void log_open(struct session *session, struct str path, struct redactor *redactor, struct log *ret)
{
    *ret = (struct log){.session = session, .path = path, .redactor = redactor};
}

static FALLIBLE spill(struct log *log)
{
    int state = fd_number(log->session->workspace.home_fd);
    AUTO(arena_drop) struct arena arena = {0};
    TRY(directory_make(state, str_terminate(&arena, path_directory(log->path)), false));
    log->file = fd_of(openat(state, log->path.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd_number(log->file) < 0)
        return error_os(errno, "cannot make the log '.mlops/%.*s'", STR_FMT(log->path));
    TRY(file_write(fd_number(log->file), log->text.at, log->text.len, log->path.at));
    log->written_bytes = (int64_t)log->text.len;
    buf_drop(&log->text);
    return NULL;
}

static FALLIBLE keep(struct log *log, struct str bytes)
{
    log->total_bytes += (int64_t)bytes.len;
    if (fd_number(log->file) < 0) {
        buf_add_str(&log->text, bytes);
        return log->text.len > (size_t)LIMIT_LOG_ROW_BYTES ? spill(log) : NULL;
    }
    int64_t room = LIMIT_LOG_FILE_BYTES - log->written_bytes;
    size_t taken = MIN_OF(bytes.len, (size_t)MAX_OF(room, 0));
    log->written_bytes += (int64_t)taken;
    return file_write(fd_number(log->file), bytes.at, taken, log->path.at);
}

static void keep_tail(struct log *log, struct str bytes)
{
    buf_add_str(&log->tail,
                str_slice(bytes, bytes.len > TAIL_BYTES ? bytes.len - TAIL_BYTES : 0, bytes.len));
    if (log->tail.len <= 2 * TAIL_BYTES)
        return;
    memmove(log->tail.at, log->tail.at + log->tail.len - TAIL_BYTES, TAIL_BYTES);
    log->tail.len = TAIL_BYTES;
}

static FALLIBLE take_fresh(struct log *log, struct str *ret_fresh)
{
    *ret_fresh = buf_str(&log->fresh);
    keep_tail(log, *ret_fresh);
    return keep(log, *ret_fresh);
}

struct error *log_add(struct log *log, struct str bytes, struct str *ret_fresh)
{
    buf_clear(&log->fresh);
    if (log->redactor)
        redactor_add(log->redactor, bytes, &log->fresh);
    else
        buf_add_str(&log->fresh, bytes);
    return take_fresh(log, ret_fresh);
}

struct error *log_finish(struct log *log, struct str *ret_fresh)
{
    buf_clear(&log->fresh);
    if (log->redactor)
        redactor_finish(log->redactor, &log->fresh);
    return take_fresh(log, ret_fresh);
}

/* The last LIMIT_LOG_TAIL_LINES lines. */
static struct str last_lines(struct str text)
{
    size_t at = text.len;
    int64_t lines = 0;
    while (at > 0 && lines <= LIMIT_LOG_TAIL_LINES) {
        at--;
        lines += text.at[at] == '\n' && at + 1 < text.len;
        if (lines == LIMIT_LOG_TAIL_LINES)
            return str_slice(text, at + 1, text.len);
    }
    return text;
}

void log_report(const struct log *log, struct arena *arena, struct outcome *outcome)
{
    outcome->log_bytes = log->total_bytes;
    outcome->log_text = outcome->log_path = (struct str){0}; /* of an earlier attempt */
    outcome->log_tail = str_copy(arena, last_lines(buf_str(&log->tail)));
    if (fd_number(log->file) >= 0)
        outcome->log_path = log->path;
    else
        outcome->log_text = str_copy(arena, buf_str(&log->text));
}

void log_drop(struct log *log)
{
    redactor_drop(&log->redactor);
    buf_drop(&log->text);
    buf_drop(&log->fresh);
    buf_drop(&log->tail);
    fd_drop(&log->file);
}
