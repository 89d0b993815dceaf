#include "core/script/lex_global.h"

static const char *const words[] = {"loadmodule", "loadmodulex", "loadpath", "modparam",
	"modparamx", "mpath", "listen", "alias", "flags", "avpflags", "socket", "port",
	"disable_core_dump", NULL};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static size_t skip_blanks(struct slice t, size_t i, bool lines)
{
	while (i < t.len && (is_blank(t.p[i]) || (lines && t.p[i] == '\n')))
		i++;
	return i;
}

static bool is_known(struct slice word)
{
	for (unsigned i = 0; words[i] != NULL; i++)
		if (slice_eq(word, slice_str(words[i])))
			return true;
	return false;
}

static bool begins(struct slice t, size_t i, struct slice word)
{
	char c, d;

	i = skip_blanks(t, i, false);
	c = i < t.len ? t.p[i] : '\n';
	d = i + 1 < t.len ? t.p[i + 1] : '\n';
	if (c == '=')
		return d != '=' && d != '~';
	return is_known(word) && c != '{' && c != '[';
}

/* Past a string that begins at i. */
static size_t skip_string(struct slice t, size_t i)
{
	char quote = t.p[i++];

	while (i < t.len && t.p[i] != quote)
		i += quote == '"' && t.p[i] == '\\' && i + 1 < t.len ? 2 : 1;
	return i < t.len ? i + 1 : t.len;
}

static bool is_comment(struct slice t, size_t i)
{
	return t.p[i] == '#' ||
		(t.p[i] == '/' && i + 1 < t.len &&
			(t.p[i + 1] == '/' || t.p[i + 1] == '*') &&
			(i == 0 || t.p[i - 1] != ':'));
}

/* Does the statement go on after the line end at i? */
static bool goes_on(struct slice t, size_t begin, size_t i, int depth, bool list)
{
	size_t last = i;

	while (last > begin && is_blank(t.p[last - 1]))
		last--;
	if (depth > 0)
		return true;
	return last > begin &&
		(t.p[last - 1] == '=' || t.p[last - 1] == '\\' ||
			(list && t.p[last - 1] == ','));
}

size_t lex_global_length(struct slice text, size_t off, size_t word)
{
	struct slice name = slice_sub(text, off, word);
	bool list = slice_eq(name, SLICE("flags")) || slice_eq(name, SLICE("avpflags"));
	size_t i = off + word;
	int depth = 0;

	if (!begins(text, i, name))
		return 0;
	while (i < text.len) {
		char c = text.p[i];

		if (c == '"' || c == '\'') {
			i = skip_string(text, i);
			continue;
		}
		if (c == ';' || is_comment(text, i) ||
			(c == '\n' && !goes_on(text, off, i, depth, list)))
			break;
		depth += c == '(' ? 1 : c == ')' ? -1 : 0;
		i++;
	}
	while (i > off + word && is_blank(text.p[i - 1]))
		i--;
	return i - off;
}
