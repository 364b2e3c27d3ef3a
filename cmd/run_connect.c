/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "cmd/cmd.h"
#include "doctor/doctor.h"

bool command_config_file(const char *operand, char *buf, size_t size, FILE *err)
{
	bool name = !strchr(operand, '/');
	int n = snprintf(buf, size, "%s", operand);

	if (n > 0 && (size_t)n < size && access(buf, F_OK) == 0)
		return true;
	n = name ? snprintf(buf, size, COMMAND_CONFIG_DIRECTORY "/%s.conf", operand) : 0;
	if (n > 0 && (size_t)n < size && access(buf, F_OK) == 0)
		return true;
	if (name && errno == EACCES)
		fprintf(err,
			"godwit: there is no file %s, and what is in " COMMAND_CONFIG_DIRECTORY
			" is root's: use sudo\n",
			operand);
	else if (name)
		fprintf(err,
			"godwit: there is neither a file %s nor " COMMAND_CONFIG_DIRECTORY
			"/%s.conf; godwit check alone writes an example\n",
			operand, operand);
	else
		fprintf(err, "godwit: there is no file %s\n", operand);
	return false;
}

int run_connect(const struct command_args *args)
{
	char file[4096];
	struct client_settings settings = args->settings;
	struct client_options options = {
		.file = args->word[0] ? file : NULL,
		.settings = &settings,
		.detach = !args->given[0],
		.keylog = args->values[1],
		.verbose = args->given[2],
		.no_questions = args->given[3],
		.advise = doctor_nearest,
	};

	settings.name = args->values[4];
	if (args->word[0] && !command_config_file(args->word[0], file, sizeof(file), stderr))
		return EXIT_CODE_USAGE;
	return client_connect(&options);
}

int run_check(const struct command_args *args)
{
	char file[4096];
	struct client_settings settings = args->settings;

	if (!args->word[0] && !settings.n) {
		client_example(stdout);
		return EXIT_CODE_OK;
	}
	settings.name = args->values[0];
	if (args->word[0] && !command_config_file(args->word[0], file, sizeof(file), stderr))
		return EXIT_CODE_USAGE;
	return client_check(args->word[0] ? file : NULL, &settings, stdout, stderr);
}

int run_version(const struct command_args *args)
{
	(void)args;
	printf("godwit %s\nwolfSSL %s (package %s)\nAES-GCM on this machine: %s\n", GODWIT_VERSION,
	       client_crypto_version(), client_crypto_package(), client_crypto_gcm());
	return EXIT_CODE_OK;
}
