/**
 * @file notify_mode.h  Mode of the UNIX socket. Pure; any thread.
 */
#pragma once

/** "0660": a mode in octal. NULL and *out (may be NULL), else what would be right. */
const char *notify_mode_parse(unsigned *out, const char *text);
