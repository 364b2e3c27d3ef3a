/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/cmd.h"
#include "gateway/gateway.h"

#define GATEWAY_FILE "/etc/godwit/gateway.conf"

/* In the order of the command's options. */
enum {
	GIVEN_CHECK,
	GIVEN_EXAMPLE,
	GIVEN_HASH,
	GIVEN_VERBOSE,
};

int run_gateway(const struct command_args *args)
{
	const struct gateway_options options = {
		.file = args->word[0] ? args->word[0] : GATEWAY_FILE,
		.verbose = args->given[GIVEN_VERBOSE],
	};

	if (args->given[GIVEN_EXAMPLE]) {
		gateway_example(stdout);
		return EXIT_CODE_OK;
	}
	if (args->given[GIVEN_HASH])
		return gateway_hash(stdin, stdout, stderr);
	if (args->given[GIVEN_CHECK])
		return gateway_check(options.file, stdout, stderr);
	return gateway_run(&options);
}
