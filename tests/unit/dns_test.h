/**
 * @file dns_test.h  Answers of a DNS server, put together octet by octet.
 */
#pragma once

#include "core/net/dns_cache.h"
#include "tests/unit/ph_test.h"

struct packet {
	uint8_t p[4096];
	size_t len;
	unsigned answers, authority;
};

static inline void put8(struct packet *k, unsigned v)
{
	assert_true(k->len < sizeof(k->p));
	k->p[k->len++] = (uint8_t)v;
}

static inline void put16(struct packet *k, unsigned v)
{
	put8(k, v >> 8);
	put8(k, v & 0xff);
}

static inline void put32(struct packet *k, uint32_t v)
{
	put16(k, v >> 16);
	put16(k, v & 0xffff);
}

static inline void put_name(struct packet *k, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		put8(k, (unsigned)len);
		for (size_t i = 0; i < len; i++)
			put8(k, (unsigned char)name[i]);
		name += len + (name[len] == '.');
	}
	put8(k, 0);
}

static inline void put_string(struct packet *k, const char *text)
{
	put8(k, (unsigned)strlen(text));
	for (; *text != '\0'; text++)
		put8(k, (unsigned char)*text);
}

/** An answer with that rcode; the question is at offset 12. */
static inline struct packet packet_new(unsigned rcode, const char *name, unsigned type)
{
	struct packet k = {0};

	put16(&k, 4711);
	put16(&k, 0x8180 | rcode);
	put16(&k, 1);
	for (unsigned i = 0; i < 3; i++)
		put16(&k, 0);
	put_name(&k, name);
	put16(&k, type);
	put16(&k, 1);
	return k;
}

/** A record's head; owner NULL: a pointer to the question's name. Returns where its length goes. */
static inline size_t rr_begin(
	struct packet *k, const char *owner, unsigned type, uint32_t ttl)
{
	if (owner != NULL)
		put_name(k, owner);
	else
		put16(k, 0xc00c);
	put16(k, type);
	put16(k, 1);
	put32(k, ttl);
	put16(k, 0);
	return k->len - 2;
}

static inline void rr_end(struct packet *k, size_t at)
{
	size_t len = k->len - at - 2;

	k->p[at] = (uint8_t)(len >> 8);
	k->p[at + 1] = (uint8_t)len;
	k->answers++;
	k->p[6] = (uint8_t)(k->answers >> 8);
	k->p[7] = (uint8_t)k->answers;
}

static inline void add_a(
	struct packet *k, const char *owner, uint32_t ttl, const char *ip)
{
	struct addr a = ph_test_ipv4(ip, 0);
	size_t at = rr_begin(k, owner, DNS_A, ttl);

	for (unsigned i = 0; i < 4; i++)
		put8(k, ((const uint8_t *)&a.in.sin_addr)[i]);
	rr_end(k, at);
}

static inline void add_srv(struct packet *k, const char *owner, uint32_t ttl,
	unsigned priority, unsigned weight, unsigned port, const char *target)
{
	size_t at = rr_begin(k, owner, DNS_SRV, ttl);

	put16(k, priority);
	put16(k, weight);
	put16(k, port);
	put_name(k, target);
	rr_end(k, at);
}

static inline void add_naptr(struct packet *k, unsigned order, unsigned preference,
	const char *flags, const char *service, const char *regexp,
	const char *replacement)
{
	size_t at = rr_begin(k, NULL, DNS_NAPTR, 300);

	put16(k, order);
	put16(k, preference);
	put_string(k, flags);
	put_string(k, service);
	put_string(k, regexp);
	put_name(k, replacement);
	rr_end(k, at);
}

static inline void add_cname(
	struct packet *k, const char *owner, uint32_t ttl, const char *target)
{
	size_t at = rr_begin(k, owner, 5, ttl);

	put_name(k, target);
	rr_end(k, at);
}

/** Behind all answers. */
static inline void add_soa(struct packet *k, uint32_t ttl, uint32_t minimum)
{
	size_t at = rr_begin(k, "test", 6, ttl);
	unsigned answers = k->answers;

	put_name(k, "ns.test");
	put_name(k, "root.test");
	for (unsigned i = 0; i < 4; i++)
		put32(k, 1);
	put32(k, minimum);
	rr_end(k, at);
	k->answers = answers;
	k->p[6] = (uint8_t)(answers >> 8);
	k->p[7] = (uint8_t)answers;
	k->p[9] = (uint8_t)++k->authority;
}
