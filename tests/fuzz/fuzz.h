/**
 * @file fuzz.h  What the fuzz targets share.
 *
 * A target is one function that libFuzzer calls with bytes of its choice; main.c calls it
 * with the files of the corpus instead, so that each input that was once a fault is tried
 * again by `make check`. `tests/fuzz/run` builds and runs a target under libFuzzer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What must hold whatever the input is. */
#define FUZZ_CHECK(what)                                                                 \
	do {                                                                             \
		if (!(what)) {                                                           \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); \
			abort();                                                         \
		}                                                                        \
	} while (0)

/** A slice that was cut from whole lies in it; an empty one may be nowhere. */
static inline void fuzz_inside(struct slice whole, struct slice part)
{
	FUZZ_CHECK(part.len == 0 ||
		(part.p >= whole.p && part.len <= whole.len &&
			part.p + part.len <= whole.p + whole.len));
}

static inline struct slice fuzz_slice(const uint8_t *data, size_t size)
{
	return slice_make((const char *)data, size);
}
