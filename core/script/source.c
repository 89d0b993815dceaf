#include "core/script/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int sources_add(struct sources *s, const char *name, struct slice text)
{
	struct source *src = &s->list[s->count];

	if (s->count == SOURCES_MAX)
		return -ENOSPC;
	if (text.len > SOURCE_BYTES)
		return -EFBIG;
	src->name = strdup(name);
	/* The scanner wants two zero bytes after the text. */
	src->text = calloc(1, text.len + 2);
	if (src->name == NULL || src->text == NULL) {
		free(src->name);
		free(src->text);
		return -ENOMEM;
	}
	if (text.len > 0)
		memcpy(src->text, text.p, text.len);
	src->len = text.len;
	return (int)s->count++;
}

static int read_all(FILE *f, char **out, size_t *len)
{
	char *text = malloc(SOURCE_BYTES + 1);
	size_t n;

	if (text == NULL)
		return -ENOMEM;
	n = fread(text, 1, SOURCE_BYTES + 1, f);
	if (ferror(f) || n > SOURCE_BYTES) {
		free(text);
		return n > SOURCE_BYTES ? -EFBIG : -EIO;
	}
	*out = text;
	*len = n;
	return 0;
}

int sources_read(struct sources *s, const char *name)
{
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	FILE *f;
	int err;

	f = fopen(name, "rbe");
	if (f == NULL)
		return -errno;
	if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode))
		err = -EISDIR;
	else
		err = read_all(f, &text, &len);
	fclose(f);
	if (err != 0)
		return err;
	err = sources_add(s, name, slice_make(text, len));
	free(text);
	return err;
}

void sources_free(struct sources *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		free(s->list[i].name);
		free(s->list[i].text);
	}
	s->count = 0;
}
