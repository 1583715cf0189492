#include "mlops/host/relay.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/host/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct relay {
    struct error *(*take)(void *context, const char *at, size_t len);
    void *context;
    size_t block_bytes, block_count;
    char *blocks;
    size_t *lens; /* of the blocks given away */
    pthread_t thread;
    pthread_mutex_t mutex;  /* of what follows */
    pthread_cond_t changes; /* both wait for it, never at the same time */
    size_t given, taken;    /* so far; block n lies at n modulo their count */
    bool is_over;
    struct error *error;
};

static char *block_at(const struct relay *relay, size_t number)
{
    return relay->blocks + number % relay->block_count * relay->block_bytes;
}

/* Called locked; `take` runs without the lock. */
static void take_block(struct relay *relay)
{
    size_t number = relay->taken, len = relay->lens[number % relay->block_count];
    check(pthread_mutex_unlock(&relay->mutex) == 0);
    struct error *error = relay->take(relay->context, block_at(relay, number), len);
    check(pthread_mutex_lock(&relay->mutex) == 0);
    relay->taken++;
    relay->error = error;
    relay->is_over = relay->is_over || error;
    check(pthread_cond_signal(&relay->changes) == 0);
}

static void *relay_thread(void *context)
{
    struct relay *relay = context;
    check(pthread_mutex_lock(&relay->mutex) == 0);
    while (!relay->is_over) {
        if (relay->taken == relay->given)
            check(pthread_cond_wait(&relay->changes, &relay->mutex) == 0);
        else
            take_block(relay);
    }
    check(pthread_mutex_unlock(&relay->mutex) == 0);
    return NULL;
}

static void relay_free(struct relay *relay)
{
    pthread_cond_destroy(&relay->changes);
    pthread_mutex_destroy(&relay->mutex);
    error_drop(relay->error);
    free(relay->blocks);
    free(relay->lens);
    free(relay);
}

/* Signals are for the main thread. */
static bool start(struct relay *relay)
{
    sigset_t all, before;
    sigfillset(&all);
    check(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    bool done = pthread_create(&relay->thread, NULL, relay_thread, relay) == 0;
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return done;
}

void relay_open(size_t block_bytes, size_t block_count,
                struct error *(*take)(void *context, const char *at, size_t len), void *context,
                struct relay **ret)
{
    *ret = NULL;
    if (pool_default_threads() < 2)
        return;
    struct relay *relay = memory_grow(NULL, sizeof *relay);
    *relay = (struct relay){.take = take,
                            .context = context,
                            .block_bytes = block_bytes,
                            .block_count = block_count,
                            .blocks = memory_grow(NULL, block_bytes * block_count),
                            .lens = memory_grow(NULL, block_count * sizeof *relay->lens)};
    check(pthread_mutex_init(&relay->mutex, NULL) == 0);
    check(pthread_cond_init(&relay->changes, NULL) == 0);
    if (start(relay))
        *ret = relay;
    else
        relay_free(relay);
}

void relay_drop(struct relay **place)
{
    struct relay *relay = *place;
    if (!relay)
        return;
    check(pthread_mutex_lock(&relay->mutex) == 0);
    relay->is_over = true;
    check(pthread_cond_signal(&relay->changes) == 0);
    check(pthread_mutex_unlock(&relay->mutex) == 0);
    check(pthread_join(relay->thread, NULL) == 0);
    relay_free(relay);
    *place = NULL;
}

char *relay_block(struct relay *relay)
{
    check(pthread_mutex_lock(&relay->mutex) == 0);
    while (!relay->is_over && relay->given - relay->taken == relay->block_count)
        check(pthread_cond_wait(&relay->changes, &relay->mutex) == 0);
    check(pthread_mutex_unlock(&relay->mutex) == 0);
    return block_at(relay, relay->given);
}

bool relay_give(struct relay *relay, size_t len)
{
    check(pthread_mutex_lock(&relay->mutex) == 0);
    relay->lens[relay->given++ % relay->block_count] = len;
    bool is_over = relay->is_over;
    check(pthread_cond_signal(&relay->changes) == 0);
    check(pthread_mutex_unlock(&relay->mutex) == 0);
    return !is_over;
}

FALLIBLE relay_finish(struct relay *relay)
{
    check(pthread_mutex_lock(&relay->mutex) == 0);
    while (!relay->is_over && relay->taken < relay->given)
        check(pthread_cond_wait(&relay->changes, &relay->mutex) == 0);
    struct error *error = relay->error;
    relay->error = NULL;
    check(pthread_mutex_unlock(&relay->mutex) == 0);
    return error;
}
