/* SFTP (version 3, draft-ietf-secsh-filexfer-02) over the pipes of a program that leads to a
 * server: ssh, which brings the user's configuration, agent, known hosts and jump hosts.
 *
 * One conversation, used by one thread at a time. Requests are sent ahead of their answers, so that
 * distance costs little. What a server says about a file is an answer (enum sftp_answer); an error
 * is what broke the conversation (a passing one if the same may work later), after which
 * sftp_is_broken holds and only sftp_drop is left. Answers are hostile input: every length is
 * checked. Waiting answers stop signals within a second and ends after `timeout_ns` without a byte.
 * Paths are the server's: absolute, or relative to where it starts (the home directory). */
#pragma once

#include "mlops/base/error.h"

struct sftp;

struct sftp_spec {
    const char *const *argv; /* the program; speaks SFTP on stdin and stdout */
    const char *host;        /* for messages and hints */
    int64_t timeout_ns;
    bool asks; /* may ask for a password on the terminal: stays in our process group */
};

/* Starts the program and greets the server. */
FALLIBLE sftp_open(const struct sftp_spec *spec, struct sftp **ret);

/* NULL is accepted. Waits a moment for what was sent without waiting, ends the program. */
void sftp_drop(struct sftp **sftp);
bool sftp_is_broken(const struct sftp *sftp);

/* What a server answered. Its own words are kept until the next answer: sftp_error has them. */
enum sftp_answer {
    SFTP_DONE,
    SFTP_END,
    SFTP_ABSENT, /* no such file */
    SFTP_DENIED,
    SFTP_FAILED, /* anything else; servers say no more */
    SFTP_UNSUPPORTED,
};

/* ERROR_MACHINE: "cannot VERB 'PATH': what the server said". */
ERROR_MADE sftp_error(const struct sftp *sftp, enum sftp_answer answer, const char *verb,
                      const char *path);

struct sftp_stat {
    bool has_size, has_mode, has_time;
    int64_t size_bytes;
    uint32_t mode; /* st_mode */
    int64_t modified_ns;
};

/* Of the name itself: links are not followed. */
FALLIBLE sftp_stat(struct sftp *sftp, const char *path, struct sftp_stat *ret,
                   enum sftp_answer *ret_answer);
FALLIBLE sftp_make_directory(struct sftp *sftp, const char *path, enum sftp_answer *ret_answer);
FALLIBLE sftp_remove(struct sftp *sftp, const char *path, enum sftp_answer *ret_answer);

/* The same without waiting for the answer, which is of no interest. */
FALLIBLE sftp_remove_later(struct sftp *sftp, const char *path);

enum sftp_rename {
    SFTP_RENAME_NEW,     /* `to` is not replaced: hard link, else the protocol's own rename. `from`
                            may stay: remove it */
    SFTP_RENAME_REPLACE, /* atomic where the server has posix-rename */
};
FALLIBLE sftp_rename(struct sftp *sftp, const char *from, const char *to, enum sftp_rename how,
                     enum sftp_answer *ret_answer);

/* Bytes free for us below a path; -1: the server does not tell. */
FALLIBLE sftp_free_bytes(struct sftp *sftp, const char *path, int64_t *ret);

/* An open file. Zero is a closed one. */
enum { SFTP_HANDLE_BYTES = 256 };
struct sftp_file {
    struct sftp *sftp;
    size_t handle_len; /* 0: closed */
    char handle[SFTP_HANDLE_BYTES];
};

enum sftp_open_how {
    SFTP_READ,
    SFTP_CREATE, /* new, for writing; refused if it is there */
};
FALLIBLE sftp_file_open(struct sftp *sftp, const char *path, enum sftp_open_how how,
                        struct sftp_file *ret, enum sftp_answer *ret_answer);

/* Closes without waiting; for scopes: AUTO(sftp_file_drop). */
void sftp_file_drop(struct sftp_file *file);

/* Closes and waits: some servers tell only now that the disk is full. */
FALLIBLE sftp_file_close(struct sftp_file *file, enum sftp_answer *ret_answer);

FALLIBLE sftp_file_stat(struct sftp_file *file, struct sftp_stat *ret,
                        enum sftp_answer *ret_answer);

/* Whether the server has fsync, as OpenSSH's has. */
bool sftp_can_sync(const struct sftp *sftp);

/* fsync on the server; SFTP_UNSUPPORTED where it has none. */
FALLIBLE sftp_file_sync(struct sftp_file *file, enum sftp_answer *ret_answer);

/* `len` bytes from `offset` on, in order, to `take`, whose error ends it (without breaking the
 * conversation). SFTP_END: the file is shorter. */
struct sftp_reading {
    int64_t offset, len;
    FALLIBLE (*take)(void *context, const char *at, size_t len);
    void *context;
};
FALLIBLE sftp_file_read(struct sftp_file *file, const struct sftp_reading *reading,
                        enum sftp_answer *ret_answer);

/* `len` bytes of `give` (which fills a buffer with those at `at`) to the file's start; `tell` (may
 * be NULL) hears of what the server has. Synced on the server if it can. */
struct sftp_writing {
    int64_t len;
    FALLIBLE (*give)(void *context, int64_t at, char *buffer, size_t len);
    void (*tell)(void *context, int64_t bytes);
    void *context;
};
FALLIBLE sftp_file_write(struct sftp_file *file, const struct sftp_writing *writing,
                         enum sftp_answer *ret_answer);

/* Every entry below `root`, many directories at once, in no order. Directories are entered if
 * `enters` says so. The answer is that for the root; what can't be listed below it is an error. */
struct sftp_walk {
    const char *root;
    bool (*enters)(void *context, struct str path); /* path: relative to the root */
    FALLIBLE (*visit)(void *context, struct str path, const struct sftp_stat *stat);
    void *context;
};
FALLIBLE sftp_walk(struct sftp *sftp, const struct sftp_walk *walk, enum sftp_answer *ret_answer);
