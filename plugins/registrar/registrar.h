/**
 * @file registrar.h  What the files of this plugin share: parameters, the instance of a
 * worker, counters.
 */
#pragma once

#include "core/host/plugin.h"
#include "plugins/registrar/register_parse.h"

struct registrar_conf {
	int64_t default_expires, min_expires, max_expires; /* s */
	int64_t max_contacts;
	int64_t nat_bflag;   /* -1: none */
	int64_t retry_after; /* s */
	int64_t path_mode;
	char *received_avp;
	bool use_domain, case_sensitive;
	bool use_path, path_use_received, trust_received;
};

/** Indexes of the counters. */
enum registrar_count {
	REGISTRAR_C_ACCEPTED,
	REGISTRAR_C_UNCHANGED,
	REGISTRAR_C_QUERIES,
	REGISTRAR_C_REJECTED,
	REGISTRAR_C_STORE_FAILED,
	REGISTRAR_C_FOUND,
	REGISTRAR_C_NOT_FOUND,
	REGISTRAR_C_LOOKUP_FAILED,
};

/** One per worker, touched by its thread alone. */
struct registrar {
	struct ph_worker *worker;
	const struct registrar_conf *conf;
	struct log_source *log;
	unsigned first_counter;
	struct script_pv *received; /**< owned */
	struct register_rules rules;
	struct log_gate complaints; /**< lines about the store */
	struct log_gate refusals;
};

static inline void registrar_count(struct registrar *r, enum registrar_count which)
{
	counter_inc(r->worker->t.counters, r->first_counter + (unsigned)which);
}

/* Rows of the table of functions */
int registrar_save(void *self, struct ph_msg *msg, const struct ph_arg *args);
int registrar_lookup(void *self, struct ph_msg *msg, const struct ph_arg *args);
