/* The lock files of a run, shared by record.c and record_lock.c. */
#pragma once

#include "mlops/engine/record.h"

/* What one lock file lacks of this run. */
struct lock_change {
    struct map changed; /* name in the file -> struct lock_entry * */
    bool is_stale;
    bool is_ours;          /* this recorder has written it */
    struct file_stat stat; /* ... and left it so */
    int64_t written_ns;    /* monotonic */
    struct buf text;       /* what it becomes with the group that is being recorded */
};

struct lock_book {
    struct session *session;
    struct lock_change *files; /* parallel to the pipeline's */
    size_t count;
    struct map *names; /* of the stages of each file; NULL until needed */
};

void locks_open(struct session *session, struct lock_book *ret);

/* Notes what the lock will say of the stage, if that is something new. */
void locks_note(struct lock_book *book, const struct outcome *outcome);

/* Notes that entries of stages that are no longer in the pipeline go, of files that are complete,
 * and takes them out once the files were read (locks_merge). */
void locks_note_extras(struct lock_book *book, const bool *complete);
void locks_prune(struct lock_book *book, const bool *complete);

/* Another process may have written the locks since they were read: its entries stay, and what the
 * files lack of ours is laid over them. */
FALLIBLE locks_merge(struct lock_book *book);

/* Texts of those that are to be written now; locks_clear gives them back. */
void locks_print(struct lock_book *book, struct arena *arena, bool is_last,
                 struct ledger_group *group);
void locks_clear(struct lock_book **book);

/* Digest of all files as they are once the group is written. */
struct digest locks_digest(const struct lock_book *book);

/* The group is recorded: its lock files go to the disk. */
FALLIBLE locks_publish(struct lock_book *book);
