/* What an SFTP server sends: whatever the bytes, a conversation goes on or breaks; nothing is read
 * beyond a packet, no more is given on than was asked for, and no name leads out of a directory.
 * The first byte says what is asked. */
#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/base/moment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/host/sftp_private.h"
#include "replay.h"

enum { ASKED = 150000 };

static FALLIBLE take(void *context, const char *at, size_t len)
{
    size_t *taken = context;
    *taken += len;
    check(*taken <= ASKED && (!len || at[len - 1] == at[len - 1]));
    return NULL;
}

static FALLIBLE give(void *context, int64_t at, char *buffer, size_t len)
{
    (void)context;
    check(at >= 0 && at + (int64_t)len <= ASKED);
    memset(buffer, 'x', len);
    return NULL;
}

static bool enters(void *context, struct str path)
{
    (void)context;
    return path.len < 20;
}

static FALLIBLE visit(void *context, struct str path, const struct sftp_stat *stat)
{
    (void)context;
    check(path.len && path.at[0] != '/' && str_find(path, STR("..")) != 0 && stat->size_bytes >= 0);
    return NULL;
}

static FALLIBLE read_file(struct sftp *sftp)
{
    size_t taken = 0;
    struct sftp_file file = {0};
    struct sftp_stat stat;
    struct sftp_reading reading = {.offset = 3, .len = ASKED, .take = take, .context = &taken};
    enum sftp_answer answer;
    TRY(sftp_file_open(sftp, "file", SFTP_READ, &file, &answer));
    if (answer != SFTP_DONE)
        return NULL;
    TRY(sftp_file_stat(&file, &stat, &answer));
    TRY(sftp_file_read(&file, &reading, &answer));
    check(answer != SFTP_DONE || taken == ASKED);
    return sftp_file_close(&file, &answer);
}

static FALLIBLE write_file(struct sftp *sftp)
{
    struct sftp_file file = {0};
    struct sftp_writing writing = {.len = ASKED, .give = give};
    enum sftp_answer answer;
    TRY(sftp_file_open(sftp, "file", SFTP_CREATE, &file, &answer));
    if (answer != SFTP_DONE)
        return NULL;
    TRY(sftp_file_write(&file, &writing, &answer));
    TRY(sftp_rename(sftp, "file", "other", SFTP_RENAME_NEW, &answer));
    return sftp_file_close(&file, &answer);
}

static FALLIBLE change_names(struct sftp *sftp)
{
    struct sftp_stat stat;
    int64_t free_bytes;
    enum sftp_answer answer;
    TRY(sftp_stat(sftp, "file", &stat, &answer));
    TRY(sftp_make_directory(sftp, "dir", &answer));
    TRY(sftp_remove_later(sftp, "gone"));
    TRY(sftp_rename(sftp, "file", "other", SFTP_RENAME_REPLACE, &answer));
    TRY(sftp_free_bytes(sftp, "/", &free_bytes));
    check(free_bytes >= -1);
    return sftp_remove(sftp, "file", &answer);
}

static FALLIBLE talk(struct sftp *sftp, uint8_t what)
{
    struct sftp_walk walk = {.root = "/srv", .enters = enters, .visit = visit};
    enum sftp_answer answer;
    TRY(sftp_greet(sftp));
    switch (what % 4) {
    case 0:
        return read_file(sftp);
    case 1:
        return write_file(sftp);
    case 2:
        return change_names(sftp);
    default:
        return sftp_walk(sftp, &walk, &answer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    struct sftp *sftp = memory_grow(NULL, sizeof *sftp);
    if (!size) {
        free(sftp);
        return 0;
    }
    int said = memfd_create("said", MFD_CLOEXEC);
    check(said >= 0 && write(said, data + 1, size - 1) == (ssize_t)(size - 1));
    lseek(said, 0, SEEK_SET);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    *sftp = (struct sftp){.to = fd_of(ends[0]), .from = fd_of(said), .timeout_ns = NS_PER_S};
    buf_add_text(&sftp->host, "host");
    struct error *error = talk(sftp, data[0]);
    error_drop(error);
    sftp_drop(&sftp);
    close(ends[1]);
    return 0;
}
