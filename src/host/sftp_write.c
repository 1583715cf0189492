/* Writing a file: as reading, pieces are sent ahead of the answers. */
#include "mlops/base/check.h"

#include "sftp_private.h"

struct writer {
    struct sftp_file *file;
    const struct sftp_writing *writing;
    struct {
        uint32_t id;
        size_t len; /* 0: free */
    } pieces[SFTP_IN_FLIGHT];
    size_t count;
    int64_t sent;
    enum sftp_answer answer;
};

/* The bytes are read straight into what is sent. */
static FALLIBLE send_piece(struct writer *writer, size_t slot)
{
    struct sftp *sftp = writer->file->sftp;
    size_t len = (size_t)MIN_OF(writer->writing->len - writer->sent, (int64_t)sftp->write_bytes);
    size_t before = sftp->out.len;
    size_t begin = sftp_begin(sftp, PACKET_WRITE, &writer->pieces[slot].id);
    wire_put_text(&sftp->out, (struct str){writer->file->handle, writer->file->handle_len});
    wire_put_u64(&sftp->out, (uint64_t)writer->sent);
    wire_put_u32(&sftp->out, (uint32_t)len);
    char *to = buf_reserve(&sftp->out, len);
    struct error *error = writer->writing->give(writer->writing->context, writer->sent, to, len);
    if (error) {
        sftp->out.len = before; /* as if nothing had been begun */
        return error;
    }
    sftp->out.len += len;
    sftp_end(sftp, begin);
    writer->pieces[slot].len = len;
    writer->count++;
    writer->sent += (int64_t)len;
    return NULL;
}

/* Bounded by the number of pieces, and by what the pipe has not taken yet. */
static FALLIBLE send_ahead(struct writer *writer)
{
    struct sftp *sftp = writer->file->sftp;
    for (size_t slot = 0; slot < SFTP_IN_FLIGHT; slot++) {
        if (writer->sent == writer->writing->len || writer->answer != SFTP_DONE)
            return NULL;
        if (!writer->pieces[slot].len)
            TRY(send_piece(writer, slot));
        TRY(sftp_flush_some(sftp));
    }
    return NULL;
}

static FALLIBLE take_answer(struct writer *writer)
{
    struct sftp *sftp = writer->file->sftp;
    struct sftp_reply reply;
    enum sftp_answer answer;
    TRY(sftp_receive(sftp, &reply));
    for (size_t slot = 0; slot < SFTP_IN_FLIGHT; slot++) {
        size_t len = writer->pieces[slot].len;
        if (!len || writer->pieces[slot].id != reply.id)
            continue;
        writer->pieces[slot].len = 0;
        writer->count--;
        TRY(sftp_take_status(sftp, &reply, &answer));
        if (answer == SFTP_DONE && writer->writing->tell)
            writer->writing->tell(writer->writing->context, (int64_t)len);
        if (answer != SFTP_DONE && writer->answer == SFTP_DONE)
            writer->answer = answer;
        return NULL;
    }
    return sftp_nonsense(sftp, "an answer to nothing that was asked");
}

/* After an error of who gives the bytes, the answers to what was sent are taken all the same. */
static FALLIBLE write_pieces(struct writer *writer)
{
    struct error *error = send_ahead(writer);
    while (writer->count) {
        struct error *lost = take_answer(writer);
        if (lost) {
            error_drop(error);
            return lost;
        }
        if (!error)
            error = send_ahead(writer);
    }
    return error;
}

struct error *sftp_file_write(struct sftp_file *file, const struct sftp_writing *writing,
                              enum sftp_answer *ret_answer)
{
    struct writer writer = {.file = file, .writing = writing};
    check(file->handle_len && writing->len >= 0);
    TRY(write_pieces(&writer));
    *ret_answer = writer.answer;
    if (writer.answer != SFTP_DONE)
        return NULL;
    enum sftp_answer synced = SFTP_DONE;
    TRY(sftp_file_sync(file, &synced));
    *ret_answer = synced == SFTP_UNSUPPORTED ? SFTP_DONE : synced;
    return NULL;
}
