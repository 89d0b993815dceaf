/**
 * @file parse.h  Text to tree: preprocessor, scanner and parser share this state.
 *
 * Load time only. scan.c feeds the parser: it stacks scanners (the file, includes, expanded defines), counts braces and
 * parentheses, repairs a missing ')' and skips to the end of a statement after a syntax error.
 */
#pragma once

#include "core/base/addr.h"
#include "core/base/arena.h"
#include "core/script/ast.h"
#include "core/script/pp.h"
#include "core/script/source.h"

/** What the scanner found. */
struct token {
	int code;
	struct script_loc loc;
	struct slice raw;  /**< as written, for messages */
	struct slice text; /**< of strings after their escapes, of names */
	int64_t n;
	struct script_pv *pv;
	const char *why;
};

/** A text being scanned. */
struct lex_file {
	struct parse *parse;
	void *scanner;
	char *buf;               /**< the scanner's own copy, it writes into it */
	struct slice text;       /**< the pristine text; same offsets */
	struct script_loc loc;   /**< of the next byte */
	struct script_loc begin; /**< of the token at hand */
	bool fixed; /**< an expanded define: everything stands where its name stood */
	struct pp_define *define;
	unsigned conds; /**< open conditionals when it began */
	unsigned comment_depth;
	struct script_loc comment;
	struct lex_file *outer;
};

#define SCAN_MAX_NESTING 200
#define SCAN_QUEUE       4
#define SCAN_MAX_FILES   40 /**< includes and defines inside each other */

/** An open '(' or '{'. */
struct scan_open {
	struct script_loc loc;
	int after; /**< token before it */
};

struct parse {
	struct arena *arena;
	struct diags *diags;
	struct sources *sources;
	struct pp pp;
	bool kamailio;
	bool skip_globals;
	struct script_program *prog; /**< owns the variables */

	struct lex_file *top;
	unsigned files, includes;
	int lex_depth; /**< braces open for the scanner */
	struct token queue[SCAN_QUEUE];
	unsigned queued;
	struct token last, prev; /**< given to the parser, and the one before */
	struct scan_open braces[SCAN_MAX_NESTING], parens[SCAN_MAX_NESTING];
	unsigned brace_depth, paren_depth;
	bool recovering;
	bool stale_parens; /**< the statement is over: open ones no longer count */
	bool closing;      /**< blocks left open are being closed */
	bool reported;     /**< the parser's next complaint has been made already */
	bool last_closed;  /**< last was a '}' that closed something */
	bool ended;
	bool fatal; /**< the text is cut short: what the parser says of its end is noise */

	struct block *blocks, **blocks_end;
	struct node oom; /**< stands for nodes that memory did not allow */
	bool too_deep;
};

/** Begin with a source already added. 0, -ENOMEM. */
int parse_open(struct parse *p, unsigned source);
/** Everything to its end; faults go to diags. */
void parse_run(struct parse *p);
void parse_close(struct parse *p);

/* scan.c, for the scanner */
enum { LEX_END = 0, LEX_AGAIN = -1 };
int scan_push_define(struct parse *p, struct pp_define *d, struct script_loc loc);
/** An include; path as written. */
void scan_include(struct parse *p, struct lex_file *lf, struct slice path, bool optional,
	struct script_loc loc);

/* lex.c: what the scanner's rules do */
void lex_begin(struct lex_file *lf, struct token *tok, const char *text, size_t len);
void lex_advance(struct lex_file *lf, const char *text, size_t len);
void lex_rewind(struct lex_file *lf);
int lex_directive(struct lex_file *lf, struct token *tok);
int lex_include(struct lex_file *lf, struct token *tok);
int lex_word(struct lex_file *lf, struct token *tok, size_t *more);
int lex_host(struct lex_file *lf, struct token *tok, size_t *more);
int lex_string(struct lex_file *lf, struct token *tok);
int lex_raw_string(struct lex_file *lf, struct token *tok);
int lex_unterminated(struct lex_file *lf, struct token *tok, const char *what);
int lex_number(struct lex_file *lf, struct token *tok);
int lex_ip(struct lex_file *lf, struct token *tok);
bool lex_is_ip6(struct slice text);
/** An address or network as scripts write it, brackets or not. */
bool lex_net(struct slice text, struct addr_net *out);
/** A variable from its '$' on; *more: bytes beyond the '$'. */
int lex_pv(struct lex_file *lf, struct token *tok, size_t *more);
int lex_bad(struct lex_file *lf, struct token *tok);

void scan_raw(struct parse *p, struct token *t);

/* feed.c: the parser's diet. A token after repairs and recovery; the parser met a token it cannot use */
int feed_token(struct parse *p, struct token *t);
void feed_error(struct parse *p);

/* parse_top.c: what the grammar found at the top level */
void parse_global(struct parse *p, const struct token *t);
void parse_block(struct parse *p, const struct token *kw, const struct token *name,
	struct node *body);
