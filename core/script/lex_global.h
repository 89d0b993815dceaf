/**
 * @file lex_global.h  Lines of pasted configuration files at the top level of a script: loadmodule, listen=..., name = value.
 */
#pragma once

#include "core/base/slice.h"

/**
 * Length of the statement whose first word (of word bytes) stands at off; 0 when it is none of this kind. It ends
 * before a ';', a comment or the line end; parentheses and a list of flags may go over several lines.
 */
size_t lex_global_length(struct slice text, size_t off, size_t word);
