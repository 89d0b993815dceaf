/* script_load_text() on any text; a program without calls is run as well. */
#include <errno.h>

#include "core/script/program.h"
#include "core/script/script.h"
#include "tests/fuzz/fuzz.h"

#include "core/sip/sip_msg.h"

static const char request[] = "OPTIONS sip:bob@example.org SIP/2.0\r\n"
			      "Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\n"
			      "From: <sip:a@example.com>;tag=1\r\n"
			      "To: <sip:bob@example.org>\r\n"
			      "Call-ID: 1\r\n"
			      "CSeq: 1 OPTIONS\r\n"
			      "Max-Forwards: 70\r\n"
			      "Content-Length: 0\r\n\r\n";

static bool nobody(void *arg, struct slice host, uint16_t port)
{
	(void)arg;
	(void)host;
	return port == 5060;
}

static void quiet(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void run(struct script_program *prog, int block)
{
	struct script_env env = {.is_myself = nobody, .max_loops = 20, .max_steps = 2000};
	struct arena *arena = arena_new(4096, (size_t)1 << 20);
	struct script_result result;
	struct ph_msg *msg;
	struct sip_error why;
	int err;

	FUZZ_CHECK(arena != NULL);
	msg = msg_new(arena);
	FUZZ_CHECK(msg != NULL &&
		sip_parse(&msg->sip, arena, SLICE(request), NULL, &why) == 0);
	err = script_start(&env, prog, block, PH_ROUTE_REQUEST, msg, &result, NULL, NULL);
	FUZZ_CHECK(err == SCRIPT_FINISHED || err == -ENOMEM);
	FUZZ_CHECK(msg->run == NULL);
	msg_unref(&msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script_options opt = {.skip_globals = true};
	struct script_program *prog = NULL;
	struct script_errors errors;
	int err;

	if (size == 0)
		return 0;
	log_capture(quiet, NULL);
	opt.dialect = (enum script_dialect)(data[0] % 3);
	err = script_load_text(&prog, &opt, "fuzz", fuzz_slice(data, size), &errors);
	FUZZ_CHECK((err == 0) == (prog != NULL));
	FUZZ_CHECK(err == -ENOMEM || (err != 0) == (errors.errors > 0));
	if (err == 0 && prog->sites.count == 0 && script_block(prog, SCRIPT_REQUEST) >= 0)
		run(prog, script_block(prog, SCRIPT_REQUEST));
	script_unref(&prog);
	script_errors_free(&errors);
	return 0;
}
