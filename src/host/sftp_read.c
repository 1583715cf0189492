/* Reading a file: requests are sent ahead, answers may come in any order and may be shorter than
 * asked for; bytes are given on in order. */
#include "mlops/base/check.h"

#include "sftp_private.h"

/* One request and what has come of it. */
struct piece {
    uint32_t id;
    int64_t offset;
    size_t len;
    bool is_asked;    /* an answer is still to come */
    struct buf early; /* what came before its turn */
};

struct reader {
    struct sftp_file *file;
    const struct sftp_reading *reading;
    struct piece pieces[SFTP_IN_FLIGHT]; /* a ring, in the order of the file */
    size_t first, count;
    int64_t asked;           /* bytes of the range that were asked for */
    enum sftp_answer answer; /* SFTP_DONE until something was refused */
};

static void reader_drop(struct reader *reader)
{
    for (size_t i = 0; i < SFTP_IN_FLIGHT; i++)
        buf_drop(&reader->pieces[i].early);
}

static struct piece *piece_at(struct reader *reader, size_t place)
{
    return &reader->pieces[(reader->first + place) % SFTP_IN_FLIGHT];
}

/* Asks for what is missing of a piece. */
static void ask(struct reader *reader, struct piece *piece)
{
    struct sftp *sftp = reader->file->sftp;
    size_t begin = sftp_begin(sftp, PACKET_READ, &piece->id);
    wire_put_text(&sftp->out, (struct str){reader->file->handle, reader->file->handle_len});
    wire_put_u64(&sftp->out, (uint64_t)piece->offset + piece->early.len);
    wire_put_u32(&sftp->out, (uint32_t)(piece->len - piece->early.len));
    sftp_end(sftp, begin);
    piece->is_asked = true;
}

static void ask_ahead(struct reader *reader)
{
    const struct sftp_reading *reading = reader->reading;
    while (reader->count < SFTP_IN_FLIGHT && reader->asked < reading->len &&
           reader->answer == SFTP_DONE) {
        struct piece *piece = piece_at(reader, reader->count++);
        piece->offset = reading->offset + reader->asked;
        piece->len =
            (size_t)MIN_OF(reading->len - reader->asked, (int64_t)reader->file->sftp->read_bytes);
        buf_clear(&piece->early);
        reader->asked += (int64_t)piece->len;
        ask(reader, piece);
    }
}

/* The piece that an answer is for, and its place in the ring. */
static struct piece *piece_of(struct reader *reader, uint32_t id, size_t *ret_place)
{
    for (size_t i = 0; i < reader->count; i++) {
        struct piece *piece = piece_at(reader, i);
        if (piece->is_asked && piece->id == id) {
            *ret_place = i;
            return piece;
        }
    }
    return NULL;
}

/* What is whole at the front is given on. */
static FALLIBLE give_whole(struct reader *reader)
{
    while (reader->count) {
        struct piece *piece = piece_at(reader, 0);
        if (piece->early.len < piece->len)
            return NULL;
        TRY(reader->reading->take(reader->reading->context, piece->early.at, piece->early.len));
        reader->first = (reader->first + 1) % SFTP_IN_FLIGHT;
        reader->count--;
    }
    return NULL;
}

/* The usual case, whole and in order, is given on from where it was received. */
static FALLIBLE take_bytes(struct reader *reader, struct piece *piece, size_t place,
                           struct str bytes)
{
    if (place == 0 && bytes.len == piece->len) {
        TRY(reader->reading->take(reader->reading->context, bytes.at, bytes.len));
        reader->first = (reader->first + 1) % SFTP_IN_FLIGHT;
        reader->count--;
        return give_whole(reader);
    }
    buf_add_str(&piece->early, bytes);
    if (piece->early.len < piece->len && reader->answer == SFTP_DONE)
        ask(reader, piece);
    return give_whole(reader);
}

static FALLIBLE take_answer(struct reader *reader, struct sftp_reply *reply)
{
    struct sftp *sftp = reader->file->sftp;
    size_t place = 0;
    struct piece *piece = piece_of(reader, reply->id, &place);
    if (!piece)
        return sftp_nonsense(sftp, "an answer to nothing that was asked");
    piece->is_asked = false;
    if (reply->type != PACKET_DATA) {
        enum sftp_answer answer;
        TRY(sftp_take_refusal(sftp, reply, &answer));
        reader->answer = reader->answer == SFTP_DONE ? answer : reader->answer;
        return NULL;
    }
    struct str bytes = wire_text(&reply->body);
    if (reply->body.is_bad || !bytes.len || bytes.len > piece->len - piece->early.len)
        return sftp_nonsense(sftp, "not the bytes that were asked for");
    return reader->answer == SFTP_DONE ? take_bytes(reader, piece, place, bytes) : NULL;
}

static bool is_waiting(struct reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        if (piece_at(reader, i)->is_asked)
            return true;
    return false;
}

/* After an error that is not the conversation's own, what is still to come is taken and dropped. */
static void give_up(struct reader *reader)
{
    struct sftp *sftp = reader->file->sftp;
    reader->answer = SFTP_FAILED;
    while (!sftp->is_broken && is_waiting(reader)) {
        struct sftp_reply reply;
        struct error *error = sftp_receive(sftp, &reply);
        error_drop(error ? error : take_answer(reader, &reply));
    }
}

struct error *sftp_file_read(struct sftp_file *file, const struct sftp_reading *reading,
                             enum sftp_answer *ret_answer)
{
    AUTO(reader_drop) struct reader reader = {.file = file, .reading = reading};
    check(file->handle_len && reading->offset >= 0 && reading->len >= 0);
    struct error *error = NULL;
    ask_ahead(&reader);
    while (!error && is_waiting(&reader)) {
        struct sftp_reply reply;
        error = sftp_receive(file->sftp, &reply);
        if (!error)
            error = take_answer(&reader, &reply);
        ask_ahead(&reader);
    }
    if (error)
        give_up(&reader);
    *ret_answer = reader.answer;
    return error;
}
