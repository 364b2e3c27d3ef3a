/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/cmd.h"
#include "doctor/doctor.h"

int run_doctor(const struct command_args *args)
{
	const struct doctor_options options = {
		.host = args->word[0],
		.json = args->given[0],
		.group = args->values[1],
		.listen = args->given[2],
	};

	return doctor_run(&options, stdout, stderr);
}
