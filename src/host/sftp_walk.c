/* Listing: many directories at once, so that a tree of small ones costs few round trips. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/limits.h"
#include "mlops/base/vec.h"

#include <sys/stat.h>

#include "sftp_private.h"

enum {
    WALK_OPEN = 16, /* directories; servers have a limit of open handles */
    WALK_AHEAD = 4, /* requests for entries of one: the second usually says that it was all */
};

/* A directory being listed. */
struct listed {
    bool is_used;
    struct buf path; /* relative to the root */
    struct sftp_file handle;
    bool is_at_end;
    uint32_t ids[WALK_AHEAD];
    size_t waiting; /* ids that are still to be answered */
};

VEC(path_vec, struct str);

struct walker {
    struct sftp *sftp;
    const struct sftp_walk *walk;
    struct arena arena; /* of paths that wait */
    struct path_vec waiting;
    int64_t seen;
    struct listed listed[WALK_OPEN];
    enum sftp_answer root_answer;
};

static void walker_drop(struct walker *walker)
{
    for (size_t i = 0; i < WALK_OPEN; i++) {
        sftp_file_drop(&walker->listed[i].handle);
        buf_drop(&walker->listed[i].path);
    }
    arena_drop(&walker->arena);
}

static void begin(struct walker *walker, struct listed *listed, struct str path)
{
    AUTO(buf_drop) struct buf full = {0};
    buf_add_text(&full, walker->walk->root);
    if (path.len)
        buf_print(&full, "/%.*s", STR_FMT(path));
    buf_clear(&listed->path);
    buf_add_text(&listed->path, "");
    buf_add_str(&listed->path, path);
    listed->is_used = true;
    listed->is_at_end = false;
    listed->ids[0] = sftp_send_text(walker->sftp, PACKET_OPENDIR, buf_str(&full));
    listed->waiting = 1;
}

/* Up to what is decent. True while something is to be waited for. */
static bool begin_more(struct walker *walker)
{
    bool is_busy = false;
    for (size_t i = 0; i < WALK_OPEN; i++) {
        struct listed *listed = &walker->listed[i];
        if (!listed->is_used && walker->waiting.len)
            begin(walker, listed, walker->waiting.at[--walker->waiting.len]);
        is_busy = is_busy || listed->is_used;
    }
    return is_busy;
}

static void ask_entries(struct walker *walker, struct listed *listed)
{
    struct str handle = {listed->handle.handle, listed->handle.handle_len};
    while (!listed->is_at_end && listed->waiting < WALK_AHEAD)
        listed->ids[listed->waiting++] = sftp_send_text(walker->sftp, PACKET_READDIR, handle);
}

/* A name that could lead elsewhere is none. */
static bool is_entry(struct str name)
{
    return name.len && !str_is(name, ".") && !str_is(name, "..") && str_find_char(name, '/') < 0 &&
           str_find_char(name, '\0') < 0;
}

static FALLIBLE take_entry(struct walker *walker, const struct listed *listed, struct str name,
                           const struct sftp_stat *stat)
{
    AUTO(buf_drop) struct buf path = {0};
    const struct sftp_walk *walk = walker->walk;
    if (!is_entry(name))
        return NULL;
    buf_add_str(&path, buf_str(&listed->path));
    buf_print(&path, "%s%.*s", path.len ? "/" : "", STR_FMT(name));
    if (path.len > (size_t)LIMIT_PATH_BYTES)
        return NULL;
    if (++walker->seen > LIMIT_REMOTE_NAMES)
        return error_new(ERROR_MACHINE, "'%s' lists more than %lld names", walker->sftp->host.at,
                         (long long)LIMIT_REMOTE_NAMES);
    if (!stat->has_mode || !S_ISDIR(stat->mode))
        return walk->visit(walk->context, buf_str(&path), stat);
    if (walk->enters(walk->context, buf_str(&path)))
        *vec_push(&walker->arena, &walker->waiting) = str_copy(&walker->arena, buf_str(&path));
    return NULL;
}

static FALLIBLE take_names(struct walker *walker, struct listed *listed, struct sftp_wire *body)
{
    struct error *error = NULL;
    for (uint32_t count = wire_u32(body); count && !body->is_bad && !error; count--) {
        struct str name = wire_text(body);
        wire_text(body); /* as ls -l would have it */
        struct sftp_stat stat = wire_stat(body);
        if (!body->is_bad)
            error = take_entry(walker, listed, name, &stat);
    }
    if (error)
        return error;
    return body->is_bad ? sftp_nonsense(walker->sftp, "a list of names ends early") : NULL;
}

/* A directory that went meanwhile is none; one that can't be read makes the list a wrong one. */
static FALLIBLE take_end(struct walker *walker, struct listed *listed, struct sftp_reply *reply)
{
    enum sftp_answer answer;
    TRY(sftp_take_refusal(walker->sftp, reply, &answer));
    listed->is_at_end = true;
    if (answer == SFTP_END)
        return NULL;
    if (!listed->path.len)
        walker->root_answer = answer;
    else if (answer != SFTP_ABSENT)
        return sftp_error(walker->sftp, answer, "list", listed->path.at);
    return NULL;
}

static FALLIBLE take_answer(struct walker *walker, struct listed *listed, struct sftp_reply *reply)
{
    enum sftp_answer answer;
    if (reply->type == PACKET_HANDLE && !listed->handle.handle_len)
        TRY(sftp_take_handle(walker->sftp, reply, &listed->handle, &answer));
    else if (reply->type == PACKET_NAME && listed->handle.handle_len)
        TRY(take_names(walker, listed, &reply->body));
    else
        TRY(take_end(walker, listed, reply));
    if (listed->handle.handle_len)
        ask_entries(walker, listed);
    if (!listed->waiting) {
        sftp_file_drop(&listed->handle);
        listed->is_used = false;
    }
    return NULL;
}

/* The directory that an answer is for; it waits for one less. */
static struct listed *listed_of(struct walker *walker, uint32_t id)
{
    for (size_t i = 0; i < WALK_OPEN; i++) {
        struct listed *listed = &walker->listed[i];
        for (size_t k = 0; listed->is_used && k < listed->waiting; k++) {
            if (listed->ids[k] != id)
                continue;
            listed->ids[k] = listed->ids[--listed->waiting];
            return listed;
        }
    }
    return NULL;
}

static FALLIBLE step(struct walker *walker)
{
    struct sftp_reply reply;
    TRY(sftp_receive(walker->sftp, &reply));
    struct listed *listed = listed_of(walker, reply.id);
    return listed ? take_answer(walker, listed, &reply)
                  : sftp_nonsense(walker->sftp, "an answer to nothing that was asked");
}

/* After an error of who is told: what is still to come is of no interest. */
static void forget_all(struct walker *walker)
{
    for (size_t i = 0; i < WALK_OPEN; i++)
        for (size_t k = 0; walker->listed[i].is_used && k < walker->listed[i].waiting; k++)
            if (!walker->sftp->is_broken)
                error_drop(sftp_forget(walker->sftp, walker->listed[i].ids[k]));
}

struct error *sftp_walk(struct sftp *sftp, const struct sftp_walk *walk,
                        enum sftp_answer *ret_answer)
{
    AUTO(walker_drop) struct walker walker = {.sftp = sftp, .walk = walk};
    *vec_push(&walker.arena, &walker.waiting) = (struct str){"", 0};
    struct error *error = NULL;
    while (!error && begin_more(&walker))
        error = step(&walker);
    if (error)
        forget_all(&walker);
    *ret_answer = walker.root_answer;
    return error;
}
