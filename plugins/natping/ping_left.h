/**
 * @file ping_left.h  Who has left our listeners by way of another node: events stay within a process, so the store is asked once a second.
 *
 * One thread's, one listener at a time. What the store says is old and may have been overtaken: each contact of the book that it names is read anew
 * (ping_read.h), and dropped if that shows it elsewhere or nowhere. While the store is away nothing happens.
 */
#pragma once

#include "core/base/loop.h"
#include "plugins/natping/ping_read.h"

struct ping_left;

struct ping_left_setup {
	struct loop *loop;
	struct store_handle *store;
	const struct net_socks *socks;
	const bool *mine; /**< by listener: those that are asked about */
	struct ping_book *book;
	struct ping_reads *reads;
};

/** 0, -ENOMEM. It asks for the first time a second later. */
int ping_left_new(struct ping_left **out, const struct ping_left_setup *setup);
/** After store_close(). */
void ping_left_destroy(struct ping_left **lp);
