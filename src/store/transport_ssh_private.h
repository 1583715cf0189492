/* Shared by the files of the SFTP transport. */
#pragma once

#include "mlops/base/arena.h"
#include "mlops/base/buf.h"
#include "mlops/host/sftp.h"

#include <pthread.h>
#include <stdatomic.h>

#include "transport_private.h"

enum { SSH_WORDS = 24, SSH_TEMP_BYTES = 32 };

/* Where a remote is, from its URL. */
struct ssh_place {
    struct str user, host, port; /* empty: as ssh's configuration has them */
    struct str root;             /* on the server, without '/' at the end but for "/" */
    const char *target;          /* for messages: "user@host" */
    const char *argv[SSH_WORDS];
    bool asks;
    pthread_mutex_t greeting; /* one connection after the other: servers refuse crowds, and one
                                 question at a time */
    atomic_bool is_swept;
};

/* Errors say what is wrong with the URL. */
FALLIBLE ssh_place_parse(struct arena *arena, struct str url, struct ssh_place *ret);

/* The command that leads there. */
void ssh_place_command(struct arena *arena, const struct remote *remote, struct ssh_place *place);

/* The conversation of a connection, made anew if it broke. */
FALLIBLE ssh_conversation(struct connection *connection, struct sftp **ret);

/* A name's path on the server. */
struct buf ssh_path(const struct connection *connection, struct str name);

FALLIBLE ssh_list(struct connection *connection, struct str prefix,
                  FALLIBLE (*visit)(void *context, const struct transport_item *item),
                  void *context);
FALLIBLE ssh_write(struct connection *connection, struct str name,
                   const struct transport_source *source, enum transport_write how,
                   bool *ret_existed);
FALLIBLE ssh_stat(struct connection *connection, struct str name, struct transport_item *ret,
                  bool *ret_found);
