/**
 * @file options.h  What the command line says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum mode { MODE_REGISTER, MODE_OPTIONS, MODE_CALL, MODE_DIALOG, MODE_ECHO, MODE_RELAY };

enum callee { CALLEE_REGISTERED, CALLEE_STATIC, CALLEE_REMOTE };

struct options {
	enum mode mode;
	bool tcp;
	struct sockaddr_storage target;
	socklen_t target_len;
	const char *target_text; /**< HOST:PORT as it stands in URIs */
	const char *domain;      /**< host part of the users */
	const char *local;
	uint32_t sockets;
	uint32_t phones;
	uint32_t window; /**< closed loop; 0: open loop by rate */
	double rate;
	double warmup, duration; /**< s */
	uint64_t count;
	uint32_t dialogs;
	bool sdp;
	const char *method; /**< inside a dialog */
	uint32_t hold;      /**< ms between ACK and BYE */
	uint32_t expires;
	enum callee callee;
	uint16_t static_port;
	uint32_t t1, t2, timeout; /**< ms */
	uint32_t max_units;
	double search_low, search_high, search_seconds;
	pid_t watch; /**< 0: nobody */
	bool json;
	bool quiet;
};

/** Fills options, or says what is wrong on stderr and returns false. --help ends the program. */
bool options_read(struct options *options, int argc, char **argv);
