#include "core/host/gate.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void gate_init(struct gate *g, unsigned threads)
{
	memset(g, 0, sizeof(*g));
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->cond, NULL);
	g->threads = threads;
}

void gate_destroy(struct gate *g)
{
	pthread_cond_destroy(&g->cond);
	pthread_mutex_destroy(&g->lock);
}

bool gate_pass(struct gate *g, unsigned n, const char *why)
{
	bool go;

	pthread_mutex_lock(&g->lock);
	if (why && !g->why[0])
		snprintf(g->why, sizeof(g->why), "%s", why);
	g->arrived++;
	pthread_cond_broadcast(&g->cond);
	while (g->open < n && !g->stop)
		pthread_cond_wait(&g->cond, &g->lock);
	go = !g->stop;
	pthread_mutex_unlock(&g->lock);
	return go;
}

bool gate_wait(struct gate *g, unsigned timeout_ms)
{
	struct timespec until;
	bool ok = true;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&g->lock);
	while (g->arrived < g->threads && ok)
		ok = pthread_cond_timedwait(&g->cond, &g->lock, &until) == 0;
	if (!ok && !g->why[0])
		snprintf(g->why, sizeof(g->why), "a thread did not start in %u ms", timeout_ms);
	ok = ok && !g->why[0];
	pthread_mutex_unlock(&g->lock);
	return ok;
}

void gate_open(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->arrived = 0;
	g->open++;
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
}

void gate_abort(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->stop = true;
	pthread_cond_broadcast(&g->cond);
	pthread_mutex_unlock(&g->lock);
}
