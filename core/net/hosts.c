#include "core/net/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/hash.h"

#define HOSTS_BYTES   (1u << 20) /* of the file; what is behind is not read */
#define HOSTS_LOOK_MS 1000
#define HOSTS_BUCKETS 256

struct host {
	struct host *next; /* of the bucket, in the file's order */
	struct addr addr;
	size_t len;
	char name[];
};

struct hosts {
	char *path;         /* NULL: no file */
	struct host *fixed; /* of the configuration: they come first */
	bool looked;
	uint64_t looked_ms;
	struct timespec changed;
	ino_t inode;
	off_t size;
	struct host *buckets[HOSTS_BUCKETS];
};

static struct host **bucket_of(struct hosts *h, struct slice name)
{
	char lower[256];
	size_t len = name.len < sizeof(lower) ? name.len : sizeof(lower);

	for (size_t i = 0; i < len; i++)
		lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20)
								: name.p[i];
	return &h->buckets[hash_fnv(slice_make(lower, len)) % HOSTS_BUCKETS];
}

/* At the end of the list that begins at *at. */
static void host_add(struct host **at, struct slice name, const struct addr *addr)
{
	struct host *e = malloc(sizeof(*e) + name.len);

	if (e == NULL)
		return; /* as if it were not there */
	e->addr = *addr;
	e->len = name.len;
	e->next = NULL;
	memcpy(e->name, name.p, name.len);
	while (*at != NULL)
		at = &(*at)->next;
	*at = e;
}

static void list_clear(struct host **list)
{
	while (*list != NULL) {
		struct host *e = *list;

		*list = e->next;
		free(e);
	}
}

static void hosts_clear(struct hosts *h)
{
	for (unsigned i = 0; i < HOSTS_BUCKETS; i++)
		list_clear(&h->buckets[i]);
}

/* The next word of *rest, empty at the end. */
static struct slice word_next(struct slice *rest)
{
	struct slice word;
	size_t end = 0;

	*rest = slice_trim(*rest);
	while (end < rest->len && rest->p[end] != ' ' && rest->p[end] != '\t')
		end++;
	word = slice_sub(*rest, 0, end);
	*rest = slice_from(*rest, end);
	return word;
}

/* "address name name ... # comment" */
static void line_read(struct hosts *h, struct slice line, bool fixed)
{
	struct slice comment, word;
	struct addr addr;

	slice_cut(line, '#', &line, &comment);
	if (addr_parse_ip(&addr, word_next(&line)) != 0)
		return;
	for (word = word_next(&line); !slice_empty(word); word = word_next(&line))
		host_add(fixed ? &h->fixed : bucket_of(h, word), word, &addr);
}

bool hosts_line_ok(struct slice line)
{
	struct addr addr;

	return slice_chr(line, '\n') < 0 && slice_chr(line, '#') < 0 &&
		addr_parse_ip(&addr, word_next(&line)) == 0 &&
		!slice_empty(word_next(&line));
}

static void text_read(struct hosts *h, struct slice text)
{
	struct slice line;

	while (slice_cut(text, '\n', &line, &text))
		line_read(h, line, false);
	line_read(h, text, false);
}

/* A regular file of the system's own: reading it does not wait for anybody. */
static void file_read(struct hosts *h, int fd)
{
	char *text = malloc(HOSTS_BYTES);
	size_t len = 0;
	ssize_t got = 1;

	while (text != NULL && got > 0 && len < HOSTS_BYTES) {
		got = read(fd, text + len, HOSTS_BYTES - len);
		if (got > 0)
			len += (size_t)got;
	}
	if (text != NULL)
		text_read(h, slice_make(text, len));
	free(text);
}

static bool has_changed(struct hosts *h, const struct stat *st)
{
	if (h->changed.tv_sec == st->st_mtim.tv_sec &&
		h->changed.tv_nsec == st->st_mtim.tv_nsec && h->inode == st->st_ino &&
		h->size == st->st_size)
		return false;
	h->changed = st->st_mtim;
	h->inode = st->st_ino;
	h->size = st->st_size;
	return true;
}

static void look(struct hosts *h, uint64_t now_ms)
{
	struct stat st = {0};
	int fd;

	if (h->path == NULL || (h->looked && now_ms - h->looked_ms < HOSTS_LOOK_MS))
		return;
	h->looked = true;
	h->looked_ms = now_ms;
	if (stat(h->path, &st) == 0 && !S_ISREG(st.st_mode))
		st = (struct stat){0};
	if (!has_changed(h, &st))
		return;
	hosts_clear(h);
	fd = S_ISREG(st.st_mode) ? open(h->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	if (fd < 0)
		return;
	file_read(h, fd);
	close(fd);
}

int hosts_new(struct hosts **out, const char *path)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	h->path = path != NULL ? strdup(path) : NULL;
	if (path != NULL && h->path == NULL) {
		free(h);
		return -ENOMEM;
	}
	*out = h;
	return 0;
}

void hosts_destroy(struct hosts **hp)
{
	struct hosts *h = *hp;

	*hp = NULL;
	if (h == NULL)
		return;
	hosts_clear(h);
	list_clear(&h->fixed);
	free(h->path);
	free(h);
}

void hosts_fix(struct hosts *h, struct slice line)
{
	line_read(h, line, true);
}

static unsigned list_find(
	const struct host *e, struct slice name, struct addr *out, unsigned max)
{
	unsigned count = 0;

	for (; e != NULL && count < max; e = e->next) {
		if (slice_ieq(slice_make(e->name, e->len), name))
			out[count++] = e->addr;
	}
	return count;
}

unsigned hosts_find(struct hosts *h, struct slice name, uint64_t now_ms, struct addr *out,
	unsigned max)
{
	unsigned count = list_find(h->fixed, name, out, max);

	if (count > 0)
		return count;
	look(h, now_ms);
	return list_find(*bucket_of(h, name), name, out, max);
}
