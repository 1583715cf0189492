/* Requests and answers. */
#include "mlops/base/check.h"

#include "sftp_private.h"

size_t sftp_begin(struct sftp *sftp, enum sftp_packet type, uint32_t *ret_id)
{
    size_t begin = sftp->out.len;
    *ret_id = sftp->next_id++;
    wire_put_u32(&sftp->out, 0);
    buf_add_char(&sftp->out, (char)type);
    wire_put_u32(&sftp->out, *ret_id);
    return begin;
}

void sftp_end(struct sftp *sftp, size_t begin)
{
    uint32_t len = (uint32_t)(sftp->out.len - begin - 4);
    for (size_t i = 0; i < 4; i++)
        sftp->out.at[begin + i] = (char)(len >> (24 - 8 * i));
}

uint32_t sftp_send_text(struct sftp *sftp, enum sftp_packet type, struct str text)
{
    uint32_t id;
    size_t begin = sftp_begin(sftp, type, &id);
    wire_put_text(&sftp->out, text);
    sftp_end(sftp, begin);
    return id;
}

static bool take_forgotten(struct sftp *sftp, uint32_t id)
{
    for (size_t i = 0; i < sftp->forgotten_count; i++) {
        if (sftp->forgotten[i] != id)
            continue;
        sftp->forgotten[i] = sftp->forgotten[--sftp->forgotten_count];
        return true;
    }
    return false;
}

struct error *sftp_receive(struct sftp *sftp, struct sftp_reply *ret)
{
    do {
        TRY(sftp_packet(sftp, &ret->type, &ret->body));
        ret->id = wire_u32(&ret->body);
        if (ret->body.is_bad)
            return sftp_nonsense(sftp, "an answer ends early");
    } while (take_forgotten(sftp, ret->id));
    return NULL;
}

struct error *sftp_receive_of(struct sftp *sftp, uint32_t id, struct sftp_reply *ret)
{
    TRY(sftp_receive(sftp, ret));
    return ret->id == id ? NULL : sftp_nonsense(sftp, "an answer to nothing that was asked");
}

struct error *sftp_forget(struct sftp *sftp, uint32_t id)
{
    while (sftp->forgotten_count == SFTP_FORGOTTEN) { /* so many that one must be here by now */
        struct sftp_reply reply;
        TRY(sftp_packet(sftp, &reply.type, &reply.body));
        if (!take_forgotten(sftp, wire_u32(&reply.body)))
            return sftp_nonsense(sftp, "an answer to nothing that was asked");
    }
    sftp->forgotten[sftp->forgotten_count++] = id;
    return sftp_flush_some(sftp);
}

static enum sftp_answer answer_of(uint32_t code)
{
    static const enum sftp_answer answers[] = {
        [0] = SFTP_DONE,   [1] = SFTP_END,    [2] = SFTP_ABSENT,
        [3] = SFTP_DENIED, [4] = SFTP_FAILED, [5] = SFTP_FAILED,
        [6] = SFTP_FAILED, [7] = SFTP_FAILED, [8] = SFTP_UNSUPPORTED};
    return code < COUNT_OF(answers) ? answers[code] : SFTP_FAILED;
}

struct error *sftp_take_status(struct sftp *sftp, struct sftp_reply *reply, enum sftp_answer *ret)
{
    if (reply->type != PACKET_STATUS)
        return sftp_nonsense(sftp, "an answer of the wrong kind");
    *ret = answer_of(wire_u32(&reply->body));
    if (reply->body.is_bad)
        return sftp_nonsense(sftp, "an answer ends early");
    struct str words = wire_text(&reply->body); /* old servers send none */
    buf_clear(&sftp->words);
    buf_add_escaped(&sftp->words, str_slice(words, 0, 200), false);
    return NULL;
}

struct error *sftp_await(struct sftp *sftp, uint32_t id, enum sftp_answer *ret)
{
    struct sftp_reply reply;
    TRY(sftp_receive_of(sftp, id, &reply));
    return sftp_take_status(sftp, &reply, ret);
}

struct error *sftp_error(const struct sftp *sftp, enum sftp_answer answer, const char *verb,
                         const char *path)
{
    static const char *const texts[] = {
        [SFTP_DONE] = "no error",       [SFTP_END] = "end of file",
        [SFTP_ABSENT] = "no such file", [SFTP_DENIED] = "permission denied",
        [SFTP_FAILED] = "failure",      [SFTP_UNSUPPORTED] = "the server can't do that",
    };
    struct error *error =
        error_new(ERROR_MACHINE, "cannot %s '%s' on '%s': %s", verb, path, sftp->host.at,
                  sftp->words.len ? sftp->words.at : texts[answer]);
    if (answer == SFTP_DENIED)
        return error_hint(error, "look at owner and mode of '%s' on '%s'", path, sftp->host.at);
    return error;
}
