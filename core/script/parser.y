/* The grammar of route scripts: docs/script.md. Actions only build the tree (ast.c); feed.c repairs and recovers. */
%require "3.8"
%define api.pure full
%define api.prefix {script_yy}
%define api.location.type {struct script_loc}
%define parse.error custom
%define parse.lac full
%locations
%param {struct parse *p}
%expect 2 /* a fault inside a case belongs to its statements, not to the switch */

%code requires {
#include "core/script/parse.h"
}
%code top {
#define YYLLOC_DEFAULT(cur, rhs, n)                                                       \
	((cur) = (n) > 0 ? YYRHSLOC(rhs, 1) : YYRHSLOC(rhs, 0))
}
%code {
#include "core/script/parse_report.h"

static int script_yylex(SCRIPT_YYSTYPE *val, struct script_loc *loc, struct parse *p);
static void script_yyerror(struct script_loc *loc, struct parse *p, const char *msg);
}

%union {
	struct token tok;
	struct node *node;
	struct node_list list;
	enum node_op op;
}

%token <tok> T_IDENT "a name" T_INT "a number" T_STRING "a string" T_PV "a variable"
%token <tok> T_IP "an address" T_HOST "a host" T_SELECT "a select" T_BOOL "a boolean"
%token <tok> T_COND "a condition keyword" T_MYSELF "'myself'" T_NULL "'NULL'" T_CAST "a cast"
%token <tok> T_NAME "a block name" T_BLOCK "a route block" T_ROUTE "'route'" T_GLOBAL "a setting"
%token <tok> T_IF "'if'" T_ELSE "'else'" T_WHILE "'while'" T_FOR "'for'" T_IN "'in'"
%token <tok> T_SWITCH "'switch'" T_CASE "'case'" T_DEFAULT "'default'"
%token <tok> T_RETURN "'return'" T_EXIT "'exit'" T_DROP "'drop'" T_BREAK "'break'"
%token <tok> T_SET "an assignment" T_WORDOP "a comparison"
%token <tok> T_EQ "'=='" T_NE "'!='" T_MATCH "'=~'" T_NMATCH "'!~'" T_LE "'<='" T_GE "'>='"
%token <tok> T_SHL "'<<'" T_SHR "'>>'" T_AND "'&&'" T_OR "'||'" T_DEFINED "'defined'"
%token <tok> '(' "'('" ')' "')'" '{' "'{'" '}' "'}'" ';' "';'" ',' "','" '=' "'='" ':' "':'"
%token <tok> '[' "'['" ']' "']'" '<' '>' '+' '-' '*' '/' '%' '&' '|' '^' '~' '!'

%precedence THEN
%precedence T_ELSE
%precedence '=' T_SET
%left T_OR
%left T_AND
%left '|'
%left '&'
%left '^'
%left T_SHL T_SHR
%left T_EQ T_NE T_MATCH T_NMATCH T_WORDOP
%left '<' '>' T_LE T_GE
%left '+' '-'
%left '*' '/' '%'
%precedence UNARY '!' '~' T_DEFINED T_CAST

%type <tok> opt_name block_kw
%type <node> stmt compound simple assign call expr ret case const string operand arg bool_int
%type <list> stmts cases args
%type <op> cond_op set_op

%%

script: %empty
	| script item
	;
item: block
	| T_GLOBAL { parse_global(p, &$1); }
	| ';'
	| error ';' { yyerrok; }
	;
block: block_kw opt_name '{' stmts '}' {
		struct node *body = node_new(p, S_BLOCK, $3.loc);

		body->a = $4.first;
		parse_block(p, &$1, &$2, body);
	}
	;
block_kw: T_BLOCK
	| T_ROUTE
	;
opt_name: %empty { memset(&$$, 0, sizeof($$)); }
	| T_NAME
	;

stmts: %empty { $$ = (struct node_list){0}; }
	| stmts stmt { $$ = $1; list_add(&$$, $2); }
	;
stmt: ';' { $$ = node_new(p, S_EMPTY, @1); }
	| compound
	| simple ';'
	| error ';' { $$ = node_new(p, S_EMPTY, @2); yyerrok; }
	;
compound: T_IF expr stmt %prec THEN { $$ = node_tree(p, S_IF, 0, @1, $2, $3, NULL); }
	| T_IF expr stmt T_ELSE stmt { $$ = node_tree(p, S_IF, 0, @1, $2, $3, $5); }
	| T_WHILE expr stmt { $$ = node_tree(p, S_WHILE, 0, @1, $2, $3, NULL); }
	| T_FOR '(' T_PV T_IN T_PV ')' stmt {
		$$ = node_tree(p, S_FOR, 0, @1, parse_pv(p, &$3), parse_pv(p, &$5), $7);
	}
	| T_SWITCH '(' expr ')' '{' cases '}' {
		$$ = node_tree(p, S_SWITCH, 0, @1, $3, $6.first, NULL);
	}
	| '{' stmts '}' { $$ = node_tree(p, S_BLOCK, 0, @1, $2.first, NULL, NULL); }
	;
cases: %empty { $$ = (struct node_list){0}; }
	| cases case { $$ = $1; list_add(&$$, $2); }
	| cases error ';' { $$ = $1; yyerrok; }
	;
case: T_CASE const ':' stmts { $$ = node_tree(p, S_CASE, 0, @1, $2, $4.first, NULL); }
	| T_DEFAULT ':' stmts { $$ = node_tree(p, S_CASE, 0, @1, NULL, $3.first, NULL); }
	;
const: T_INT { $$ = node_int(p, @1, $1.n); }
	| '-' T_INT { $$ = node_int(p, @1, -$2.n); }
	| bool_int
	| string
	;

simple: assign { $$ = node_tree(p, S_EXPR, 0, @1, $1, NULL, NULL); }
	| call { $$ = node_tree(p, S_EXPR, 0, @1, $1, NULL, NULL); }
	| T_RETURN ret { $$ = node_tree(p, S_RETURN, 0, @1, $2, NULL, NULL); }
	| T_EXIT ret { $$ = node_tree(p, S_EXIT, 0, @1, $2, NULL, NULL); }
	| T_DROP ret { $$ = node_tree(p, S_DROP, 0, @1, $2, NULL, NULL); }
	| T_BREAK { $$ = node_new(p, S_BREAK, @1); }
	;
ret: %empty { $$ = NULL; }
	| '(' ')' { $$ = NULL; }
	| expr
	;
assign: T_PV set_op expr %prec '=' { $$ = node_tree(p, N_ASSIGN, $2, @1, parse_pv(p, &$1), $3, NULL); }
	;
set_op: '=' { $$ = O_SET; }
	| T_SET { $$ = (enum node_op)$1.n; }
	;
call: T_IDENT '(' args ')' { $$ = parse_call(p, N_CALL, &$1, $3); }
	| T_ROUTE '(' args ')' { $$ = parse_call(p, N_ROUTE, &$1, $3); }
	| T_IDENT { $$ = parse_call(p, N_CALL, &$1, (struct node_list){0}); $$->bare = true; }
	;
args: arg { $$ = (struct node_list){0}; list_add(&$$, $1); }
	| args ',' arg { $$ = $1; list_add(&$$, $3); }
	;
arg: %empty { $$ = node_new(p, N_NONE, p->last.loc); }
	| expr
	;

expr: T_INT { $$ = node_int(p, @1, $1.n); }
	| bool_int
	| string
	| T_NULL { $$ = node_new(p, N_NULL, @1); }
	| T_PV { $$ = parse_pv(p, &$1); }
	| T_IP { $$ = node_text(p, N_IP, @1, $1.text); }
	| T_HOST { $$ = node_text(p, N_HOST, @1, $1.text); }
	| T_SELECT { $$ = node_text(p, N_SELECT, @1, $1.text); }
	| call
	| assign
	| '(' expr ')' { $$ = $2; $$->paren = true; }
	| '[' expr ']' { $$ = $2; $$->paren = true; }
	| T_COND cond_op operand { $$ = node_text(p, N_COND, @1, $1.text); $$->op = $2; $$->a = $3; }
	| T_MYSELF T_EQ T_COND { $$ = parse_myself(p, @1, O_EQ, &$3); }
	| T_MYSELF T_NE T_COND { $$ = parse_myself(p, @1, O_NE, &$3); }
	| expr T_EQ T_MYSELF %prec T_EQ { $$ = node_binary(p, O_EQ, @1, $1, node_new(p, N_MYSELF, @3)); }
	| expr T_NE T_MYSELF %prec T_EQ { $$ = node_binary(p, O_NE, @1, $1, node_new(p, N_MYSELF, @3)); }
	| expr T_OR expr { $$ = node_logic(p, N_OR, @2, $1, $3); }
	| expr T_AND expr { $$ = node_logic(p, N_AND, @2, $1, $3); }
	| expr '|' expr { $$ = node_binary(p, O_BOR, @2, $1, $3); }
	| expr '&' expr { $$ = node_binary(p, O_BAND, @2, $1, $3); }
	| expr '^' expr { $$ = node_binary(p, O_BXOR, @2, $1, $3); }
	| expr T_SHL expr { $$ = node_binary(p, O_SHL, @2, $1, $3); }
	| expr T_SHR expr { $$ = node_binary(p, O_SHR, @2, $1, $3); }
	| expr T_EQ expr { $$ = node_binary(p, O_EQ, @2, $1, $3); }
	| expr T_NE expr { $$ = node_binary(p, O_NE, @2, $1, $3); }
	| expr T_MATCH expr { $$ = node_binary(p, O_MATCH, @2, $1, $3); }
	| expr T_NMATCH expr { $$ = node_binary(p, O_NMATCH, @2, $1, $3); }
	| expr T_WORDOP expr { $$ = node_binary(p, (enum node_op)$2.n, @2, $1, $3); }
	| expr '<' expr { $$ = node_binary(p, O_LT, @2, $1, $3); }
	| expr '>' expr { $$ = node_binary(p, O_GT, @2, $1, $3); }
	| expr T_LE expr { $$ = node_binary(p, O_LE, @2, $1, $3); }
	| expr T_GE expr { $$ = node_binary(p, O_GE, @2, $1, $3); }
	| expr '+' expr { $$ = node_binary(p, O_ADD, @2, $1, $3); }
	| expr '-' expr { $$ = node_binary(p, O_SUB, @2, $1, $3); }
	| expr '*' expr { $$ = node_binary(p, O_MUL, @2, $1, $3); }
	| expr '/' expr { $$ = node_binary(p, O_DIV, @2, $1, $3); }
	| expr '%' expr { $$ = node_binary(p, O_MOD, @2, $1, $3); }
	| '!' expr { $$ = node_unary(p, O_NOT, @1, $2); }
	| '~' expr { $$ = node_unary(p, O_BNOT, @1, $2); }
	| '-' expr %prec UNARY { $$ = node_unary(p, O_NEG, @1, $2); }
	| T_DEFINED expr { $$ = node_unary(p, O_DEFINED, @1, $2); }
	| T_CAST expr { $$ = node_unary(p, (enum node_op)$1.n, @1, $2); }
	;
bool_int: T_BOOL { $$ = node_int(p, @1, $1.n); $$->text = $1.text; }
	;
string: T_STRING { $$ = node_text(p, N_STR, @1, $1.text); }
	| string T_STRING { $$ = node_join(p, $1, $2.text); }
	;
cond_op: T_EQ { $$ = O_EQ; }
	| T_NE { $$ = O_NE; }
	| T_MATCH { $$ = O_MATCH; }
	| T_NMATCH { $$ = O_NMATCH; }
	| '<' { $$ = O_LT; }
	| '>' { $$ = O_GT; }
	| T_LE { $$ = O_LE; }
	| T_GE { $$ = O_GE; }
	;
operand: T_INT { $$ = node_int(p, @1, $1.n); }
	| string
	| T_NULL { $$ = node_new(p, N_NULL, @1); }
	| T_PV { $$ = parse_pv(p, &$1); }
	| T_IP { $$ = node_text(p, N_IP, @1, $1.text); }
	| T_HOST { $$ = node_text(p, N_HOST, @1, $1.text); }
	| T_IDENT { $$ = node_text(p, N_HOST, @1, $1.text); $$->bare = true; }
	| T_MYSELF { $$ = node_new(p, N_MYSELF, @1); }
	| '(' expr ')' { $$ = $2; $$->paren = true; }
	;

%%

static int script_yylex(SCRIPT_YYSTYPE *val, struct script_loc *loc, struct parse *p)
{
	int code = feed_token(p, &val->tok);

	*loc = val->tok.loc;
	return code;
}

static void script_yyerror(struct script_loc *loc, struct parse *p, const char *msg)
{
	diag_error(p->diags, *loc, "%s", msg);
}

static int yyreport_syntax_error(const yypcontext_t *ctx, struct parse *p)
{
	yysymbol_kind_t wanted[YYNTOKENS];
	struct parse_wanted w = {0};
	int n = yypcontext_expected_tokens(ctx, wanted, YYNTOKENS);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		if (w.count < PARSE_WANTED)
			w.names[w.count++] = yysymbol_name(wanted[i]);
		w.any_statement |= wanted[i] == YYSYMBOL_T_IF;
		w.any_value |= wanted[i] == YYSYMBOL_T_NULL;
		w.any_block |= wanted[i] == YYSYMBOL_T_BLOCK;
		w.semicolon |= wanted[i] == YYTRANSLATE(';');
		w.open |= wanted[i] == YYTRANSLATE('(');
		w.close |= wanted[i] == YYTRANSLATE(')');
		w.assign |= wanted[i] == YYSYMBOL_T_SET;
	}
	parse_report(p, &w, yypcontext_token(ctx) == YYSYMBOL_YYEOF);
	return 0;
}

void parse_run(struct parse *p)
{
	(void)script_yyparse(p);
}
