/**
 * @file plugin_test.h  A plugin's table with one worker instance and no host around it.
 *
 * What a plugin calls of the host and of the script machine, the test brings itself as small fakes.
 */
#pragma once

#include "core/host/plugin.h"
#include "tests/unit/sip_test.h"

struct plugin_test {
	struct ph_worker worker;
	struct ph_plugin_ctx ctx;
	void *conf;
	void *self;
	struct ph_msg msg;
	struct arena *arena;
};

static inline void plugin_test_start(struct plugin_test *t, const struct ph_plugin *p)
{
	memset(t, 0, sizeof(*t));
	counter_reset_all();
	assert_int_equal(counter_register(p->counters, &t->ctx.first_counter), 0);
	assert_int_equal(counter_array_new(&t->worker.t.counters), 0);
	t->conf = calloc(1, p->conf_size);
	assert_non_null(t->conf);
	assert_int_equal(conf_defaults(p->params, t->conf), 0);
	t->ctx.conf = t->conf;
	t->ctx.log = log_source_get(p->name);
	assert_int_equal(p->worker_start(&t->worker, &t->ctx, &t->self), 0);
	t->arena = arena_new(16384, 1 << 20);
	assert_non_null(t->arena);
}

static inline void plugin_test_stop(struct plugin_test *t, const struct ph_plugin *p)
{
	p->worker_stop(t->self);
	conf_values_free(p->params, t->conf);
	free(t->conf);
	counter_array_destroy(&t->worker.t.counters);
	counter_reset_all();
	arena_put(t->arena);
}

/** A message in the worker's hands that came from ip:port over UDP. text must outlive it. */
static inline void plugin_test_message(
	struct plugin_test *t, const char *text, const char *ip, uint16_t port)
{
	struct sip_error why = {0};

	memset(&t->msg, 0, sizeof(t->msg));
	t->msg.arena = t->arena;
	t->msg.worker = &t->worker;
	t->msg.rx.src = ph_test_addr(ip, port);
	t->msg.rx.transport = SIP_TR_UDP;
	if (sip_parse(&t->msg.sip, t->arena, slice_str(text), NULL, &why) != 0)
		fail_msg("refused: %s", why.text);
}

static inline const struct ph_script_fn *plugin_test_fn(
	const struct ph_plugin *p, const char *name)
{
	const struct ph_script_fn *fn;

	for (fn = p->functions; fn->name; fn++)
		if (strcmp(fn->name, name) == 0)
			return fn;
	fail_msg("no function %s", name);
	abort(); /* fail_msg() does not come back */
}

/** The function's verdict on the message; args has PH_MAX_ARGS entries. */
static inline int plugin_test_call(struct plugin_test *t, const struct ph_plugin *p,
	const char *name, const struct ph_arg *args)
{
	return plugin_test_fn(p, name)->call(t->self, &t->msg, args);
}

static inline int64_t plugin_test_counter(const char *name)
{
	return counter_read((unsigned)counter_find(name));
}
