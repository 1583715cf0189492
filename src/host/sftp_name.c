/* Operations on names. */
#include "sftp_private.h"

struct error *sftp_stat(struct sftp *sftp, const char *path, struct sftp_stat *ret,
                        enum sftp_answer *ret_answer)
{
    struct sftp_reply reply;
    uint32_t id = sftp_send_text(sftp, PACKET_LSTAT, str_of(path));
    TRY(sftp_receive_of(sftp, id, &reply));
    return sftp_take_stat(sftp, &reply, ret, ret_answer);
}

struct error *sftp_take_stat(struct sftp *sftp, struct sftp_reply *reply, struct sftp_stat *ret,
                             enum sftp_answer *ret_answer)
{
    if (reply->type != PACKET_ATTRS)
        return sftp_take_refusal(sftp, reply, ret_answer);
    *ret = wire_stat(&reply->body);
    *ret_answer = SFTP_DONE;
    return reply->body.is_bad ? sftp_nonsense(sftp, "attributes end early") : NULL;
}

struct error *sftp_make_directory(struct sftp *sftp, const char *path, enum sftp_answer *ret_answer)
{
    uint32_t id;
    size_t begin = sftp_begin(sftp, PACKET_MKDIR, &id);
    wire_put_text(&sftp->out, str_of(path));
    wire_put_u32(&sftp->out, 0); /* no attributes: as the server's umask has it */
    sftp_end(sftp, begin);
    return sftp_await(sftp, id, ret_answer);
}

struct error *sftp_remove(struct sftp *sftp, const char *path, enum sftp_answer *ret_answer)
{
    return sftp_await(sftp, sftp_send_text(sftp, PACKET_REMOVE, str_of(path)), ret_answer);
}

struct error *sftp_remove_later(struct sftp *sftp, const char *path)
{
    return sftp_forget(sftp, sftp_send_text(sftp, PACKET_REMOVE, str_of(path)));
}

/* `extension` NULL: the protocol's own, which in version 3 does not replace (though some do). */
static FALLIBLE rename_by(struct sftp *sftp, const char *extension, const char *from,
                          const char *to, enum sftp_answer *ret_answer)
{
    uint32_t id;
    size_t begin = sftp_begin(sftp, extension ? PACKET_EXTENDED : PACKET_RENAME, &id);
    if (extension)
        wire_put_text(&sftp->out, str_of(extension));
    wire_put_text(&sftp->out, str_of(from));
    wire_put_text(&sftp->out, str_of(to));
    sftp_end(sftp, begin);
    return sftp_await(sftp, id, ret_answer);
}

static FALLIBLE is_there(struct sftp *sftp, const char *path, bool *ret)
{
    struct sftp_stat stat;
    enum sftp_answer answer;
    TRY(sftp_stat(sftp, path, &stat, &answer));
    *ret = answer == SFTP_DONE;
    return NULL;
}

/* Some servers (rclone's) say that they linked and did not: those that are not OpenSSH, which can
 * sync, are looked after. */
static FALLIBLE link_new(struct sftp *sftp, const char *from, const char *to,
                         enum sftp_answer *ret_answer)
{
    bool has_target = false;
    *ret_answer = SFTP_UNSUPPORTED;
    if (!(sftp->extensions & EXTENSION_HARDLINK))
        return NULL;
    TRY(rename_by(sftp, "hardlink@openssh.com", from, to, ret_answer));
    if (*ret_answer != SFTP_DONE || sftp_can_sync(sftp))
        return NULL;
    TRY(is_there(sftp, to, &has_target));
    *ret_answer = has_target ? SFTP_DONE : SFTP_UNSUPPORTED;
    return NULL;
}

/* A link of a name that is there fails, as one does on a file system without links: only the second
 * kind is tried otherwise. */
static FALLIBLE rename_new(struct sftp *sftp, const char *from, const char *to,
                           enum sftp_answer *ret_answer)
{
    TRY(link_new(sftp, from, to, ret_answer));
    if (*ret_answer != SFTP_UNSUPPORTED && *ret_answer != SFTP_FAILED)
        return NULL;
    bool has_target = false;
    TRY(is_there(sftp, to, &has_target));
    if (has_target) {
        *ret_answer = SFTP_FAILED;
        return NULL;
    }
    return rename_by(sftp, NULL, from, to, ret_answer);
}

/* Without posix-rename there is an instant without a file of that name: readers take it for absent.
 */
static FALLIBLE rename_over(struct sftp *sftp, const char *from, const char *to,
                            enum sftp_answer *ret_answer)
{
    if (sftp->extensions & EXTENSION_POSIX_RENAME)
        return rename_by(sftp, "posix-rename@openssh.com", from, to, ret_answer);
    TRY(rename_by(sftp, NULL, from, to, ret_answer));
    if (*ret_answer != SFTP_FAILED)
        return NULL;
    TRY(sftp_remove(sftp, to, ret_answer));
    return rename_by(sftp, NULL, from, to, ret_answer);
}

struct error *sftp_rename(struct sftp *sftp, const char *from, const char *to, enum sftp_rename how,
                          enum sftp_answer *ret_answer)
{
    return how == SFTP_RENAME_NEW ? rename_new(sftp, from, to, ret_answer)
                                  : rename_over(sftp, from, to, ret_answer);
}

struct error *sftp_free_bytes(struct sftp *sftp, const char *path, int64_t *ret)
{
    struct sftp_reply reply;
    uint32_t id;
    *ret = -1;
    if (!(sftp->extensions & EXTENSION_STATVFS))
        return NULL;
    size_t begin = sftp_begin(sftp, PACKET_EXTENDED, &id);
    wire_put_text(&sftp->out, STR("statvfs@openssh.com"));
    wire_put_text(&sftp->out, str_of(path));
    sftp_end(sftp, begin);
    TRY(sftp_receive_of(sftp, id, &reply));
    if (reply.type != PACKET_EXTENDED_REPLY)
        return NULL;
    wire_u64(&reply.body); /* size of blocks; that of fragments follows, which counts */
    uint64_t unit = wire_u64(&reply.body);
    wire_u64(&reply.body);
    wire_u64(&reply.body);
    uint64_t count = wire_u64(&reply.body);
    if (!reply.body.is_bad && (!unit || count <= INT64_MAX / unit))
        *ret = (int64_t)(unit * count);
    return NULL;
}
