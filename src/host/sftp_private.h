/* Shared by the files of module sftp: the wire, and the conversation over it. */
#pragma once

#include "mlops/base/buf.h"
#include "mlops/host/process.h"
#include "mlops/host/sftp.h"

enum sftp_packet {
    PACKET_INIT = 1,
    PACKET_VERSION = 2,
    PACKET_OPEN = 3,
    PACKET_CLOSE = 4,
    PACKET_READ = 5,
    PACKET_WRITE = 6,
    PACKET_LSTAT = 7,
    PACKET_FSTAT = 8,
    PACKET_OPENDIR = 11,
    PACKET_READDIR = 12,
    PACKET_REMOVE = 13,
    PACKET_MKDIR = 14,
    PACKET_RENAME = 18,
    PACKET_STATUS = 101,
    PACKET_HANDLE = 102,
    PACKET_DATA = 103,
    PACKET_NAME = 104,
    PACKET_ATTRS = 105,
    PACKET_EXTENDED = 200,
    PACKET_EXTENDED_REPLY = 201,
};

enum sftp_extension {
    EXTENSION_POSIX_RENAME = 1,
    EXTENSION_HARDLINK = 2,
    EXTENSION_FSYNC = 4,
    EXTENSION_STATVFS = 8,
    EXTENSION_LIMITS = 16,
};

enum {
    SFTP_PACKET_MOST = 262144 + 1024, /* what OpenSSH takes and sends, and a header */
    SFTP_DATA_BYTES = 32768,          /* every server takes this much at once */
    SFTP_DATA_MOST = 65536,           /* more per request is no faster */
    SFTP_IN_FLIGHT = 64,              /* requests sent ahead of their answers */
    SFTP_FORGOTTEN = 128,
    SFTP_SAID_BYTES = 4096,
};

struct sftp {
    struct process process;
    struct fd to, from, errors;
    struct buf out; /* to be sent, from out_at on */
    size_t out_at;
    struct buf in; /* received, from in_at on not looked at */
    size_t in_at;
    struct buf said;  /* the end of what the program wrote to stderr */
    struct buf words; /* of the last status */
    struct buf host;
    int64_t timeout_ns;
    uint32_t next_id;
    uint32_t forgotten[SFTP_FORGOTTEN]; /* ids whose answers are of no interest */
    size_t forgotten_count;
    unsigned extensions;
    size_t read_bytes, write_bytes; /* of one request */
    bool is_broken;
};

/* --- the wire: big-endian numbers, texts with their length --- */

/* What is left of a packet. Reading beyond its end, or more than there may be, makes it bad and
 * gives zero. */
struct sftp_wire {
    struct str rest;
    bool is_bad;
};
uint8_t wire_byte(struct sftp_wire *wire);
uint32_t wire_u32(struct sftp_wire *wire);
uint64_t wire_u64(struct sftp_wire *wire);
struct str wire_text(struct sftp_wire *wire);
struct sftp_stat wire_stat(struct sftp_wire *wire);

void wire_put_u32(struct buf *out, uint32_t value);
void wire_put_u64(struct buf *out, uint64_t value);
void wire_put_text(struct buf *out, struct str text);

/* --- the conversation --- */

/* Begins a request in sftp->out, to be filled and ended; returns where it begins. */
size_t sftp_begin(struct sftp *sftp, enum sftp_packet type, uint32_t *ret_id);
void sftp_end(struct sftp *sftp, size_t begin);

/* A request that is one text (a path or a handle). */
uint32_t sftp_send_text(struct sftp *sftp, enum sftp_packet type, struct str text);

/* An answer; its body is valid until the next one is received. */
struct sftp_reply {
    uint8_t type;
    uint32_t id;
    struct sftp_wire body;
};

/* Sends what waits and receives one answer that is not to be forgotten. */
FALLIBLE sftp_receive(struct sftp *sftp, struct sftp_reply *ret);

/* The same; an error if it is not the answer to `id`. */
FALLIBLE sftp_receive_of(struct sftp *sftp, uint32_t id, struct sftp_reply *ret);

/* Does not wait for the answer to a request that was sent. */
FALLIBLE sftp_forget(struct sftp *sftp, uint32_t id);

/* Sends what waits as far as the pipe takes it. */
FALLIBLE sftp_flush_some(struct sftp *sftp);

/* The answer that a status is, its words kept; an error if the reply is none. */
FALLIBLE sftp_take_status(struct sftp *sftp, struct sftp_reply *reply, enum sftp_answer *ret);

/* The same where a yes would have been another answer. */
FALLIBLE sftp_take_refusal(struct sftp *sftp, struct sftp_reply *reply, enum sftp_answer *ret);

/* What LSTAT and FSTAT, OPEN and OPENDIR are answered. */
FALLIBLE sftp_take_stat(struct sftp *sftp, struct sftp_reply *reply, struct sftp_stat *ret,
                        enum sftp_answer *ret_answer);
FALLIBLE sftp_take_handle(struct sftp *sftp, struct sftp_reply *reply, struct sftp_file *ret,
                          enum sftp_answer *ret_answer);

/* Receives the status of a request. */
FALLIBLE sftp_await(struct sftp *sftp, uint32_t id, enum sftp_answer *ret);

/* A server that does not speak SFTP: breaks the conversation. */
ERROR_MADE sftp_nonsense(struct sftp *sftp, const char *what);

/* Reads one whole packet: its type and what follows. */
FALLIBLE sftp_packet(struct sftp *sftp, uint8_t *ret_type, struct sftp_wire *ret);

/* Why the program ended, from what it said (in sftp->said). */
ERROR_MADE sftp_ended(struct sftp *sftp);

/* Greets the server on pipes that are open already; sftp_open without the program. */
FALLIBLE sftp_greet(struct sftp *sftp);
