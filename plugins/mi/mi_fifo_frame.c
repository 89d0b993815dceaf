#include "plugins/mi/mi_fifo_frame.h"

#define TAIL 512 /* kept of an endless line: more than the beginning of a request can be long */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_control(s.p[i]))
			return true;
	return false;
}

/* A name in the reply folder that leads nowhere else. */
static bool is_file_name(struct slice s)
{
	return s.len > 0 && s.len <= MI_FIFO_REPLY_MAX && !slice_eq(s, SLICE(".")) && !slice_eq(s, SLICE("..")) &&
		slice_chr(s, '/') < 0 && !has_control(s);
}

static bool is_command(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_word(s.p[i]))
			return false;
	return s.len > 0 && s.len <= MI_FIFO_COMMAND_MAX;
}

/* How many words' characters stand before end, at most max + 1. */
static size_t word_before(struct slice s, size_t end, size_t max)
{
	size_t n = 0;

	while (n <= max && n < end && is_word(s.p[end - n - 1]))
		n++;
	return n;
}

/* Where ":command:reply" of plain words begins that ends the line; -1: nowhere. A command's name begins with a letter, a port does not. */
static ptrdiff_t head_at(struct slice line)
{
	size_t reply = word_before(line, line.len, MI_FIFO_REPLY_MAX), end, command;
	char first;

	if (reply > MI_FIFO_REPLY_MAX || reply + 2 >= line.len || line.p[line.len - reply - 1] != ':')
		return -1;
	end = line.len - reply - 1;
	command = word_before(line, end, MI_FIFO_COMMAND_MAX);
	if (command == 0 || command > MI_FIFO_COMMAND_MAX || command == end || line.p[end - command - 1] != ':')
		return -1;
	first = line.p[end - command];
	if (first == '.' || first == '-' || (first >= '0' && first <= '9'))
		return -1;
	if (reply > 0 && !is_file_name(slice_from(line, line.len - reply)))
		return -1;
	return (ptrdiff_t)(end - command - 1);
}

static enum mi_fifo_event bad(struct mi_fifo_frame *f, const char *why)
{
	f->why = why;
	f->told = true;
	f->state = MI_FIFO_SKIP;
	return MI_FIFO_BAD;
}

/* A line that begins with ':' where a request may begin. */
static enum mi_fifo_event take_head(struct mi_fifo_frame *f, struct slice line)
{
	struct slice reply = {0};

	f->command = f->reply = (struct slice){0};
	f->arg_count = 0;
	if (!slice_cut(slice_from(line, 1), ':', &f->command, &reply))
		return bad(f, "a request begins with :command:reply_fifo, or :command: for no reply");
	if (reply.len > 0 && !is_file_name(reply))
		return bad(f, "the reply FIFO is named without folder: it is looked for in fifo_reply_dir");
	f->reply = reply;
	if (!is_command(f->command))
		return bad(f, "a command's name is 1 to 63 letters, digits and _ . -; the command help lists them");
	f->state = MI_FIFO_ARGS;
	f->line = f->len;
	return MI_FIFO_MORE;
}

static enum mi_fifo_event take_arg(struct mi_fifo_frame *f, struct slice line)
{
	if (head_at(line) == 0) {
		f->again = true;
		return bad(f, "no empty line at the end of the request");
	}
	if (has_control(line))
		return bad(f, "an argument has control characters");
	if (f->arg_count == MI_FIFO_ARGS_MAX)
		return bad(f, "more than 32 arguments");
	if (line.p[0] == '"') {
		if (line.len < 2 || line.p[line.len - 1] != '"')
			return bad(f, "a quoted argument has no closing quote in its line");
		line = slice_sub(line, 1, line.len - 2);
	}
	f->args[f->arg_count++] = line;
	f->line = f->len;
	return MI_FIFO_MORE;
}

/* A line outside of a request. */
static enum mi_fifo_event take_other(struct mi_fifo_frame *f, struct slice line)
{
	ptrdiff_t at = head_at(line);

	if (!f->cut && line.len == 0) {
		f->state = MI_FIFO_IDLE;
		f->len = 0;
		return MI_FIFO_MORE;
	}
	if (!f->cut && line.p[0] == ':' && (at == 0 || f->state == MI_FIFO_IDLE))
		return take_head(f, line);
	if (at >= 0) {
		f->skipped += f->line_len - line.len + (uint64_t)at;
		return take_head(f, slice_from(line, (size_t)at));
	}
	f->skipped += f->line_len + 1;
	f->len = 0;
	return MI_FIFO_MORE;
}

static enum mi_fifo_event line_end(struct mi_fifo_frame *f)
{
	struct slice line = slice_make(f->text + f->line, f->len - f->line);
	enum mi_fifo_event ev = MI_FIFO_MORE;

	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	if (f->state != MI_FIFO_ARGS) {
		ev = take_other(f, line);
	} else if (line.len > 0) {
		ev = take_arg(f, line);
	} else {
		f->state = MI_FIFO_IDLE;
		f->told = true;
		ev = MI_FIFO_REQUEST;
	}
	f->cut = false;
	f->line_len = 0;
	return ev;
}

/* More of the line in hand. False: it does not fit in a request. */
static bool line_add(struct mi_fifo_frame *f, struct slice more)
{
	size_t keep;

	if (more.len > sizeof(f->text) - f->len && f->state == MI_FIFO_ARGS)
		return false;
	f->line_len += more.len;
	if (more.len > sizeof(f->text) - f->len) {
		f->cut = true;
		more = slice_from(more, more.len > TAIL ? more.len - TAIL : 0);
		keep = TAIL - more.len < f->len ? TAIL - more.len : f->len;
		memmove(f->text, f->text + f->len - keep, keep);
		f->len = keep;
	}
	if (more.len > 0)
		memcpy(f->text + f->len, more.p, more.len);
	f->len += more.len;
	return true;
}

/* The text of the last event makes room, but for a line that begins the next request and the end of one that is too long. */
static void make_room(struct mi_fifo_frame *f)
{
	size_t keep = f->again || f->cut ? f->len - f->line : 0;

	if (f->cut && keep > TAIL)
		keep = TAIL;
	memmove(f->text, f->text + f->len - keep, keep);
	f->line = 0;
	f->len = keep;
	f->told = false;
	if (f->again) {
		f->again = false;
		f->state = MI_FIFO_IDLE;
		(void)line_end(f); /* it is a good beginning: there is nothing to tell */
	}
}

enum mi_fifo_event mi_fifo_parse(struct mi_fifo_frame *f, struct slice *input)
{
	enum mi_fifo_event ev = MI_FIFO_MORE;

	if (f->told)
		make_room(f);
	while (input->len > 0 && ev == MI_FIFO_MORE) {
		const char *nl = memchr(input->p, '\n', input->len);
		size_t len = nl ? (size_t)(nl - input->p) : input->len;

		if (!line_add(f, slice_sub(*input, 0, len))) {
			f->cut = true; /* the next calls skip this line */
			return bad(f, "a request is longer than 8192 bytes");
		}
		*input = slice_from(*input, nl ? len + 1 : len);
		if (nl)
			ev = line_end(f);
	}
	return ev;
}

bool mi_fifo_busy(const struct mi_fifo_frame *f)
{
	return f->state == MI_FIFO_ARGS || f->line_len > 0;
}

enum mi_fifo_event mi_fifo_expire(struct mi_fifo_frame *f)
{
	bool request;

	if (f->told)
		make_room(f);
	request = f->state == MI_FIFO_ARGS;
	f->skipped += f->line_len;
	f->line_len = 0;
	f->cut = false;
	if (request)
		return bad(f, "no empty line at the end of the request came in time");
	f->line = f->len = 0;
	return MI_FIFO_MORE;
}
