/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an unprivileged process may tell the attendant: pieces of the input are laid over a struct
 * that is as it should be. What passes the check must make an environment of known variables, with
 * nothing in their values that a script has to fear.
 *
 * A piece is an offset and a length of two bytes each, and as many bytes.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/hooks.h"

static void fill(struct hooks_env *env)
{
	memset(env, 0, sizeof(*env));
	strcpy(env->device, "tun0");
	strcpy(env->domain, "example.com");
	strcpy(env->split_dns[0], "example.net");
	strcpy(env->banner, "one\ntwo");
	env->nsplit_dns = env->ndns = env->nnbns = env->ninclude = env->nexclude = 1;
	if (!addr_parse("192.0.2.1", &env->gateway) || !addr_parse("10.0.0.1", &env->ip4) ||
	    !addr_parse("fd00::1", &env->ip6) || !addr_parse("10.0.0.53", &env->dns[0]) ||
	    !addr_parse("10.0.0.54", &env->nbns[0]) ||
	    !prefix_parse("10.1.0.0/16", &env->include[0].prefix) ||
	    !prefix_parse("fd01::/32", &env->exclude[0].prefix))
		abort();
	env->ip4_len = 24;
	env->ip6_len = 64;
}

static void lay_over(struct hooks_env *env, struct slice input)
{
	while (input.n >= 4) {
		size_t at = get_be16(input.p) % sizeof(*env), n = get_be16(input.p + 2);

		input = slice(input.p + 4, input.n - 4);
		n = n < input.n ? n : input.n;
		n = n < sizeof(*env) - at ? n : sizeof(*env) - at;
		memcpy((uint8_t *)env + at, input.p, n);
		input = slice(input.p + n, input.n - n);
	}
}

static void check_variable(const char *var)
{
	static const char *const names[] = { "PATH=",	      "reason=",       "VPNPID=",
					     "LOG_LEVEL=",    "TUNDEV=",       "VPNGATEWAY=",
					     "INTERNAL_IP4_", "INTERNAL_IP6_", "CISCO_" };
	bool banner = strncmp(var, "CISCO_BANNER=", 13) == 0, known = false;
	const char *value = strchr(var, '=');

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		known |= strncmp(var, names[i], strlen(names[i])) == 0;
	if (!known || !value)
		abort();
	for (const char *p = var; p < value; p++)
		if (!isalnum((unsigned char)*p) && *p != '_')
			abort();
	for (value++; *value; value++)
		if (*value > '~' || strchr("\"$`\\", *value) ||
		    (*value < ' ' && !(banner && *value == '\n')))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hooks_env *env = malloc(sizeof(*env));
	struct hooks_vars vars;

	if (!env)
		abort();
	fill(env);
	lay_over(env, slice(data, size));
	if (hooks_env_check(env) == 0) {
		hooks_vars_make(env, HOOKS_CONNECT, 1, 1, &vars);
		for (size_t i = 0; i < vars.n; i++)
			check_variable(vars.vars[i]);
		if (vars.vars[vars.n])
			abort();
		hooks_vars_free(&vars);
	}
	free(env);
	return 0;
}
