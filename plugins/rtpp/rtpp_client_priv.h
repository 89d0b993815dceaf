/**
 * @file rtpp_client_priv.h  Between the parts of a client: rtpp_client.c, rtpp_udp.c, rtpp_conn.c.
 */
#pragma once

#include "plugins/rtpp/rtpp_client.h"

#define RTPP_COOKIE_MAX 64
#define RTPP_BUCKETS    1024u

struct rtpp_udp_socket {
	int fd; /* -1: not open */
	struct loop_io *io;
};

struct rtpp_client {
	struct rtpp_client_setup set;
	struct rtpp_udp_socket sockets[2]; /* IPv4, IPv6 */
	struct rtpp_udp_socket mailbox;    /* replies that came to the shared port */
	char prefix[RTPP_COOKIE_MAX];      /* "<random>_<worker>_" */
	size_t prefix_len;
	uint64_t number;
	struct rtpp_pending *buckets[RTPP_BUCKETS];
	struct rtpp_conn *conns;    /* all connections */
	struct rtpp_posted *posted; /* all of rtpp_client_post() */
};

/** The command has its reply, or none, and has been taken out: it is not under way any more when fn runs. */
void rtpp_pending_over(struct rtpp_pending *p, int err, struct slice reply);
/** It has been taken out: what is left of p belongs to nobody. */
static inline void rtpp_pending_clear(struct rtpp_pending *p)
{
	timer_stop(&p->timer);
	p->client = NULL;
	p->conn = NULL;
	p->next = p->prev = NULL;
}

int rtpp_udp_start(struct rtpp_client *c);
void rtpp_udp_stop(struct rtpp_client *c);
int rtpp_udp_send(struct rtpp_pending *p);
void rtpp_udp_take_out(struct rtpp_pending *p);

/** 0 or -ENOMEM; what goes wrong with the connection comes later. */
int rtpp_conn_send(struct rtpp_pending *p);
void rtpp_conn_take_out(struct rtpp_pending *p);
void rtpp_conn_close_all(struct rtpp_client *c);
