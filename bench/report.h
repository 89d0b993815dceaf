/**
 * @file report.h  What a run has found, as key=value lines or one flat JSON object.
 */
#pragma once

#include "bench/load.h"
#include "bench/watch.h"

struct report {
	double seconds; /**< of the measured phase */
	uint64_t done;  /**< units that ended in it */
	struct watch_cpu server;
	unsigned processes; /**< of the server; 0: not watched */
	uint64_t self_us;
	uint64_t sent, received; /**< messages in the measured phase */
	double sustained;        /**< units a second found by --search; 0: none, or not searched */
	uint64_t memory_units;   /**< contacts or calls that were added between two looks at the memory */
	uint64_t memory_kb;      /**< what they took */
};

void report_print(const struct load *load, const struct report *report);
