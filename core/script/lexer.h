/**
 * @file lexer.h  The generated scanner, behind three calls.
 */
#pragma once

#include "core/script/parse.h"

/** lf->buf and lf->text are set. 0; -1 without memory. */
int lexer_open(struct lex_file *lf);
void lexer_close(struct lex_file *lf);
/** A token's code; LEX_END; LEX_AGAIN: another text lies on top now. */
int lexer_token(struct lex_file *lf, struct token *tok);
