/* Open files. */
#include "mlops/base/check.h"

#include "sftp_private.h"

enum open_flag { OPEN_READ = 1, OPEN_WRITE = 2, OPEN_CREATE = 8, OPEN_NEW = 32 };

struct error *sftp_take_refusal(struct sftp *sftp, struct sftp_reply *reply, enum sftp_answer *ret)
{
    TRY(sftp_take_status(sftp, reply, ret));
    return *ret == SFTP_DONE ? sftp_nonsense(sftp, "it says yes without an answer") : NULL;
}

struct error *sftp_take_handle(struct sftp *sftp, struct sftp_reply *reply, struct sftp_file *ret,
                               enum sftp_answer *ret_answer)
{
    if (reply->type != PACKET_HANDLE)
        return sftp_take_refusal(sftp, reply, ret_answer);
    struct str handle = wire_text(&reply->body);
    if (reply->body.is_bad || !handle.len || handle.len > SFTP_HANDLE_BYTES)
        return sftp_nonsense(sftp, "a handle of no length, or too long");
    ret->sftp = sftp;
    ret->handle_len = handle.len;
    memcpy(ret->handle, handle.at, handle.len);
    *ret_answer = SFTP_DONE;
    return NULL;
}

static struct str handle_of(const struct sftp_file *file)
{
    return (struct str){file->handle, file->handle_len};
}

struct error *sftp_file_open(struct sftp *sftp, const char *path, enum sftp_open_how how,
                             struct sftp_file *ret, enum sftp_answer *ret_answer)
{
    struct sftp_reply reply;
    uint32_t id;
    size_t begin = sftp_begin(sftp, PACKET_OPEN, &id);
    wire_put_text(&sftp->out, str_of(path));
    wire_put_u32(&sftp->out, how == SFTP_READ ? OPEN_READ : OPEN_WRITE | OPEN_CREATE | OPEN_NEW);
    wire_put_u32(&sftp->out, 0);
    sftp_end(sftp, begin);
    TRY(sftp_receive_of(sftp, id, &reply));
    return sftp_take_handle(sftp, &reply, ret, ret_answer);
}

void sftp_file_drop(struct sftp_file *file)
{
    struct sftp *sftp = file->sftp;
    if (file->handle_len && !sftp->is_broken)
        error_drop(sftp_forget(sftp, sftp_send_text(sftp, PACKET_CLOSE, handle_of(file))));
    file->handle_len = 0;
}

struct error *sftp_file_close(struct sftp_file *file, enum sftp_answer *ret_answer)
{
    struct sftp *sftp = file->sftp;
    uint32_t id = sftp_send_text(sftp, PACKET_CLOSE, handle_of(file));
    file->handle_len = 0;
    return sftp_await(sftp, id, ret_answer);
}

struct error *sftp_file_stat(struct sftp_file *file, struct sftp_stat *ret,
                             enum sftp_answer *ret_answer)
{
    struct sftp_reply reply;
    uint32_t id = sftp_send_text(file->sftp, PACKET_FSTAT, handle_of(file));
    TRY(sftp_receive_of(file->sftp, id, &reply));
    return sftp_take_stat(file->sftp, &reply, ret, ret_answer);
}

bool sftp_can_sync(const struct sftp *sftp)
{
    return sftp->extensions & EXTENSION_FSYNC;
}

struct error *sftp_file_sync(struct sftp_file *file, enum sftp_answer *ret_answer)
{
    struct sftp *sftp = file->sftp;
    uint32_t id;
    *ret_answer = SFTP_UNSUPPORTED;
    if (!(sftp->extensions & EXTENSION_FSYNC))
        return NULL;
    size_t begin = sftp_begin(sftp, PACKET_EXTENDED, &id);
    wire_put_text(&sftp->out, STR("fsync@openssh.com"));
    wire_put_text(&sftp->out, handle_of(file));
    sftp_end(sftp, begin);
    return sftp_await(sftp, id, ret_answer);
}
