/**
 * @file dialect.h  Which of the two families a text is written for.
 */
#pragma once

#include "core/base/slice.h"
#include "core/script/script.h"

/** What auto picks; reason[160] says why, with the line. */
enum script_dialect dialect_detect(struct slice text, char reason[160]);
