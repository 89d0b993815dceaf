#include "plugins/natping/ping_out.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "plugins/natping/ping_raw.h"
#include "plugins/natping/ping_request.h"

enum { BATCH = 64, TEXT = 8 * PING_REQUEST_MAX };

/* What goes out together. Those before `sent` have left. */
struct batch {
	unsigned count, sent;
	unsigned used; /* bytes of text */
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	struct addr to[BATCH];
	enum natping_counter kind[BATCH];
	char text[TEXT];
};

struct line {
	int fd;
	struct batch *batch; /* made when first needed */
};

struct ping_out {
	struct natping_tally tally;
	struct addr raw_from;
	char zeros[4];
	struct buf text;     /* a request being written */
	struct batch *begun; /* whose it is */
	unsigned line_count; /* the last one is the raw socket's */
	struct line lines[];
};

int ping_out_new(struct ping_out **out, const struct ping_out_setup *setup)
{
	unsigned count = setup->fd_count + 1;
	struct ping_out *o = calloc(1, sizeof(*o) + count * sizeof(o->lines[0]));

	if (o == NULL)
		return -ENOMEM;
	o->tally = setup->tally;
	o->raw_from = setup->raw_from;
	o->line_count = count;
	for (unsigned i = 0; i < setup->fd_count; i++)
		o->lines[i].fd = setup->fds[i];
	o->lines[setup->fd_count].fd = setup->raw;
	*out = o;
	return 0;
}

void ping_out_destroy(struct ping_out **op)
{
	struct ping_out *o = *op;

	*op = NULL;
	if (o == NULL)
		return;
	for (unsigned i = 0; i < o->line_count; i++)
		free(o->lines[i].batch);
	free(o);
}

/* Hand over until all have left or the kernel takes no more. One that cannot be sent does not hold up the others. */
static void flush(struct ping_out *o, const struct line *line)
{
	struct batch *b = line->batch;

	while (b->sent < b->count) {
		int n = sendmmsg(line->fd, b->msgs + b->sent, b->count - b->sent,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
			return;
		if (n < 0) {
			natping_count(&o->tally, NATPING_C_SEND_ERRORS, 1);
			b->sent++;
			continue;
		}
		while (n-- > 0)
			natping_count(&o->tally, b->kind[b->sent++], 1);
	}
	b->count = b->sent = 0;
	b->used = 0;
}

/* The line's batch, with room for one more of at most size bytes; NULL, counted. */
static struct batch *batch_for(struct ping_out *o, unsigned index, size_t size)
{
	struct line *line = &o->lines[index];
	struct batch *b;

	if (line->batch == NULL && line->fd >= 0) {
		line->batch = malloc(sizeof(*line->batch));
		if (line->batch != NULL)
			line->batch->count = line->batch->sent = line->batch->used = 0;
	}
	b = line->batch;
	if (b != NULL && (b->count == BATCH || TEXT - b->used < size))
		flush(o, line);
	if (b != NULL && b->count < BATCH && TEXT - b->used >= size)
		return b;
	natping_count(&o->tally, NATPING_C_SEND_ERRORS, 1);
	return NULL;
}

static void add(struct batch *b, const struct addr *to, char *data, size_t len,
	enum natping_counter kind)
{
	unsigned i = b->count++;

	b->to[i] = *to;
	b->iov[i] = (struct iovec){.iov_base = data, .iov_len = len};
	b->kind[i] = kind;
	b->msgs[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &b->to[i],
					      .msg_namelen = addr_len(to),
					      .msg_iov = &b->iov[i],
					      .msg_iovlen = 1}};
}

void ping_out_zeros(struct ping_out *o, unsigned sock, const struct addr *to)
{
	struct batch *b = batch_for(o, sock, 0);

	if (b != NULL)
		add(b, to, o->zeros, sizeof(o->zeros), NATPING_C_SENT_UDP);
}

void ping_out_raw(struct ping_out *o, const struct addr *to)
{
	struct batch *b = batch_for(o, o->line_count - 1, PING_RAW_SIZE);
	struct addr host = *to;
	char *packet;

	if (b == NULL)
		return;
	packet = b->text + b->used;
	b->used += PING_RAW_SIZE;
	ping_raw_write((unsigned char *)packet, &o->raw_from, to);
	addr_set_port(&host, 0); /* it stands in the packet */
	add(b, &host, packet, PING_RAW_SIZE, NATPING_C_SENT_RAW);
}

struct buf *ping_out_begin(struct ping_out *o, unsigned sock)
{
	o->begun = batch_for(o, sock, PING_REQUEST_MAX);
	if (o->begun == NULL)
		return NULL;
	buf_fixed(&o->text, o->begun->text + o->begun->used, PING_REQUEST_MAX);
	return &o->text;
}

void ping_out_end(struct ping_out *o, const struct addr *to)
{
	struct batch *b = o->begun;

	if (o->text.err != 0) {
		natping_count(&o->tally, NATPING_C_SEND_ERRORS, 1);
		return;
	}
	b->used += (unsigned)o->text.len;
	add(b, to, o->text.p, o->text.len, NATPING_C_SENT_SIP);
}

bool ping_out_flush(struct ping_out *o)
{
	bool waiting = false;

	for (unsigned i = 0; i < o->line_count; i++) {
		if (o->lines[i].batch == NULL)
			continue;
		flush(o, &o->lines[i]);
		waiting = waiting || o->lines[i].batch->count > 0;
	}
	return waiting;
}
