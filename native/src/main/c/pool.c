// A small team of threads. Workers spin for the next job, since a step is hundreds of short ones, then park: an idle
// server burns nothing. A caller never waits for a worker to wake: it takes items too, and whoever comes late finds
// none left.
#define _GNU_SOURCE
#include "sluice.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS_MAX = 256 };

// Between two jobs lie microseconds, between two steps some hundred. A worker first watches closely, then lets others
// have its processor between looks, then parks.
enum { SPINS_BEFORE_YIELD = 1000, YIELDS_BEFORE_PARK = 2000 };

// A few microseconds of one thread: what handing work over costs.
enum { SHARED_WORK_MIN = 60 * 1000 };

struct sluice_pool {
    // Items not yet taken. A taken item keeps its job alive, so a worker reads task and context only after taking.
    _Alignas(64) atomic_llong untaken;
    _Alignas(64) atomic_llong unfinished;
    _Alignas(64) sluice_task task;
    const void *context;
    int64_t items;
    _Alignas(64) atomic_int parked;
    atomic_int closing;
    pthread_mutex_t mutex;
    pthread_cond_t work;
    int workerCount;
    pthread_t workers[THREADS_MAX];
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Takes and runs items, in order, until none is left. Runs of them at first, ever shorter towards the end: few meetings of
// the threads, and nobody is left with much when the others are done.
static void take_items(sluice_pool *pool) {
    const long long share = 2 * (pool->workerCount + 1);
    long long left = atomic_load(&pool->untaken);
    while (left > 0) {
        long long taken = (left + share - 1) / share;
        if (!atomic_compare_exchange_weak(&pool->untaken, &left, left - taken)) continue;
        int64_t first = pool->items - left;
        pool->task(pool->context, first, first + taken);
        atomic_fetch_sub(&pool->unfinished, taken);
        left = atomic_load(&pool->untaken);
    }
}

static void park(sluice_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->parked, 1);
    while (atomic_load(&pool->untaken) <= 0 && !atomic_load(&pool->closing)) {
        pthread_cond_wait(&pool->work, &pool->mutex);
    }
    atomic_fetch_sub(&pool->parked, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static int has_work(sluice_pool *pool) { return atomic_load_explicit(&pool->untaken, memory_order_relaxed) > 0; }

static void *work(void *argument) {
    sluice_pool *pool = argument;
    while (!atomic_load(&pool->closing)) {
        for (int spins = 0; !has_work(pool) && spins < SPINS_BEFORE_YIELD; spins++) pause_briefly();
        for (int yields = 0; !has_work(pool) && yields < YIELDS_BEFORE_PARK; yields++) sched_yield();
        if (!has_work(pool)) park(pool);
        take_items(pool);
    }
    return NULL;
}

void sluice_pool_run(sluice_pool *pool, sluice_task task, const void *context, int64_t items, int64_t work) {
    if (items <= 0) return;
    if (items == 1 || work < SHARED_WORK_MIN || pool->workerCount == 0) {
        task(context, 0, items);
        return;
    }
    pool->task = task;
    pool->context = context;
    pool->items = items;
    atomic_store(&pool->unfinished, items);
    atomic_store(&pool->untaken, items); // publishes the job
    if (atomic_load(&pool->parked) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->work);
        pthread_mutex_unlock(&pool->mutex);
    }
    take_items(pool);
    for (int spins = 0; atomic_load(&pool->unfinished) > 0; spins++) {
        if (spins < SPINS_BEFORE_YIELD) pause_briefly();
        else sched_yield();
    }
}

sluice_pool *sluice_pool_open(int threads) {
    if (threads < 1 || threads > THREADS_MAX) return NULL;
    sluice_pool *pool = aligned_alloc(64, (sizeof(sluice_pool) + 63) / 64 * 64);
    if (pool == NULL) return NULL;
    atomic_init(&pool->untaken, 0);
    atomic_init(&pool->unfinished, 0);
    atomic_init(&pool->parked, 0);
    atomic_init(&pool->closing, 0);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->workerCount = 0;
    for (int i = 0; i < threads - 1; i++) {
        // Fewer threads than asked for compute the same, slower.
        if (pthread_create(&pool->workers[i], NULL, work, pool) != 0) break;
        pool->workerCount++;
    }
    return pool;
}

int sluice_pool_close(sluice_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->closing, 1);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->workerCount; i++) pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    return 0;
}
