#include "mlops/host/pool.h"

#include "mlops/base/arena.h"
#include "mlops/base/check.h"
#include "mlops/host/machine.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS_MOST = 256 };

/* One call of pool_run; lives on the caller's stack. */
struct job {
    size_t count;
    struct error *(*work)(void *context, size_t index);
    void *context;
    bool (*stops)(void);
    atomic_size_t next;
    atomic_bool is_over;   /* begin nothing more */
    pthread_mutex_t mutex; /* of the two below */
    struct error *error;
    size_t error_index;
};

struct pool {
    int threads; /* wanted; fewer if the system refuses them */
    bool is_started;
    int started;
    pthread_t *handles;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t wakes;
    pthread_cond_t is_done;
    struct job *job;
    uint64_t job_number;
    int workers; /* threads inside the job */
    bool is_closing;
};

static void keep_error(struct job *job, struct error *error, size_t index)
{
    atomic_store(&job->is_over, true);
    pthread_mutex_lock(&job->mutex);
    bool is_first = !job->error || index < job->error_index;
    struct error *dropped = is_first ? job->error : error;
    if (is_first) {
        job->error = error;
        job->error_index = index;
    }
    pthread_mutex_unlock(&job->mutex);
    error_drop(dropped);
}

static void job_work(struct job *job)
{
    while (!atomic_load(&job->is_over)) {
        if (job->stops && job->stops())
            return;
        size_t index = atomic_fetch_add(&job->next, 1);
        if (index >= job->count)
            return;
        struct error *error = job->work(job->context, index);
        if (error)
            keep_error(job, error, index);
    }
}

/* A thread works once on each job it sees. */
static void *pool_thread(void *context)
{
    struct pool *pool = context;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->is_closing) {
        if (!pool->job || pool->job_number == seen) {
            pthread_cond_wait(&pool->wakes, &pool->mutex);
            continue;
        }
        struct job *job = pool->job;
        seen = pool->job_number;
        pool->workers++;
        pthread_mutex_unlock(&pool->mutex);
        job_work(job);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->workers == 0)
            pthread_cond_signal(&pool->is_done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Signals are for the main thread. Where no thread can be had, the caller does the work. */
static void pool_start(struct pool *pool)
{
    sigset_t all, before;
    pool->is_started = true;
    pool->handles = memory_grow(NULL, (size_t)pool->threads * sizeof *pool->handles);
    sigfillset(&all);
    check(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    while (pool->started < pool->threads &&
           pthread_create(&pool->handles[pool->started], NULL, pool_thread, pool) == 0)
        pool->started++;
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

static int threads_wanted(int threads)
{
    const char *text = getenv("MLOPS_POOL");
    char *end = NULL;
    long given = text ? strtol(text, &end, 10) : -1;
    if (text && end != text && *end == '\0' && given >= 0)
        return (int)MIN_OF(given, (long)THREADS_MOST);
    return MIN_OF(threads < 0 ? machine_cpus() : threads, THREADS_MOST);
}

int pool_default_threads(void)
{
    return threads_wanted(-1);
}

struct pool *pool_open(int threads)
{
    struct pool *pool = memory_grow(NULL, sizeof *pool);
    *pool = (struct pool){.threads = threads_wanted(threads)};
    check(pthread_mutex_init(&pool->mutex, NULL) == 0);
    check(pthread_cond_init(&pool->wakes, NULL) == 0);
    check(pthread_cond_init(&pool->is_done, NULL) == 0);
    return pool;
}

void pool_drop(struct pool **place)
{
    struct pool *pool = *place;
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    check(!pool->job);
    pool->is_closing = true;
    pthread_cond_broadcast(&pool->wakes);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->started; i++)
        check(pthread_join(pool->handles[i], NULL) == 0);
    pthread_cond_destroy(&pool->is_done);
    pthread_cond_destroy(&pool->wakes);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->handles);
    free(pool);
    *place = NULL;
}

int pool_threads(const struct pool *pool)
{
    return pool->threads;
}

/* Shows the job to the threads; false if they are busy with another: a work item that calls
 * pool_run itself does its items alone, also when the job it belongs to is shown no more and only
 * waited for. Else it would wait for itself. */
static bool pool_begin(struct pool *pool, struct job *job)
{
    if (pool->threads == 0 || job->count < 2)
        return false;
    pthread_mutex_lock(&pool->mutex);
    bool is_ours = !pool->job && !pool->workers;
    if (is_ours) {
        if (!pool->is_started)
            pool_start(pool);
        pool->job = job;
        pool->job_number++;
        pthread_cond_broadcast(&pool->wakes);
    }
    pthread_mutex_unlock(&pool->mutex);
    return is_ours;
}

/* Hides the job, so that no thread enters it late, and waits for those inside. */
static void pool_end(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->job = NULL;
    while (pool->workers)
        pthread_cond_wait(&pool->is_done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

struct error *pool_run(struct pool *pool, size_t count,
                       struct error *(*work)(void *context, size_t index), void *context,
                       bool (*stops)(void))
{
    struct job job = {.count = count, .work = work, .context = context, .stops = stops};
    check(pthread_mutex_init(&job.mutex, NULL) == 0);
    bool is_shared = pool_begin(pool, &job);
    job_work(&job);
    if (is_shared)
        pool_end(pool);
    pthread_mutex_destroy(&job.mutex);
    return job.error;
}
