/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "doctor/air.h"
#include "doctor/doctor.h"
#include "doctor/verdict.h"

static uint16_t method_of(const struct client_refusal *r)
{
	if (strcmp(r->method, "certificate") == 0)
		return r->xauth ? METHOD_XAUTH_INIT_RSA : METHOD_RSA;
	if (strcmp(r->method, "hybrid") == 0)
		return METHOD_HYBRID_INIT_RSA;
	return r->xauth ? METHOD_XAUTH_INIT_PSK : METHOD_PSK;
}

static unsigned parse_suites(const char *text, struct ike_suite *out)
{
	char copy[1024], why[IKE_WHY_MAX], *at = copy, *word;
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&at, ",")) && n < IKE_SUITES_MAX) {
		word += strspn(word, " ");
		if (ike_suite_parse(word, &out[n], why) == 0)
			n++;
	}
	return n;
}

static bool is_own(const struct doctor_config *c, const struct ike_choice *choice)
{
	for (unsigned i = 0; i < c->nown; i++)
		if (suite_same(&choice->suite, &c->own[i]) && choice->method == c->own_method)
			return true;
	return false;
}

static const struct ike_choice *nearest(const struct doctor_config *c, const struct doctor_found *f)
{
	const struct ike_choice *best = f->group.accepted ? &f->group.choice : NULL;

	for (unsigned i = 0; i < f->ike1.naccepted; i++) {
		const struct ike_choice *a = &f->ike1.accepted[i];

		if (!best ||
		    choice_distance(a, c->own, c->nown) < choice_distance(best, c->own, c->nown))
			best = a;
	}
	return best && !is_own(c, best) ? best : NULL;
}

static const char *lines_for(uint16_t method)
{
	switch ((enum auth_method)method) {
	case METHOD_RSA:
		return "method = certificate in [auth]";
	case METHOD_XAUTH_INIT_RSA:
	case METHOD_XAUTH_RESP_RSA:
		return "method = certificate and xauth = yes in [auth]";
	case METHOD_HYBRID_INIT_RSA:
	case METHOD_HYBRID_RESP_RSA:
		return "method = hybrid in [auth]";
	case METHOD_XAUTH_INIT_PSK:
	case METHOD_XAUTH_RESP_PSK:
		return "method = psk and xauth = yes in [auth]";
	case METHOD_PSK:
		break;
	}
	return "method = psk and xauth = no in [auth]";
}

static void say(const struct doctor_config *c, const struct ike_choice *choice, char *buf,
		size_t size)
{
	char name[48], weak[IKE_WEAK_MAX];

	ike_suite_name(&choice->suite, name);
	if (choice->method != c->own_method)
		snprintf(buf, size, "it would accept %s with %s: write %s", name,
			 verdict_method_text(choice->method), lines_for(choice->method));
	else if (ike_suite_weak(&choice->suite, weak)[0])
		snprintf(buf, size,
			 "it would accept %s, which is weak: write it in [ike] proposals, with "
			 "allow-weak = yes, or ask for better",
			 name);
	else
		snprintf(buf, size, "it would accept %s: write it in [ike] proposals", name);
}

bool doctor_nearest(const struct client_refusal *r, char *buf, size_t size)
{
	struct ike_suite own[IKE_SUITES_MAX];
	struct doctor_config c = { .ntargets = 1, .own = own, .group = r->group };
	const struct ike_choice *choice;
	struct doctor *d;
	struct air air;

	c.own_method = method_of(r);
	c.nown = parse_suites(r->proposals, own);
	if (!addr_parse(r->address, &c.targets[0].addr) || c.nown == 0 || air_open(&air, true) != 0)
		return false;
	for (unsigned port = 0; port < DOCTOR_PORTS; port++)
		c.port[port] = air.socket[port].port;
	d = doctor_new(&c, crypto_rng());
	air_run(&air, d, NULL);
	air_close(&air);
	choice = nearest(&c, doctor_found(d, 0));
	if (choice)
		say(&c, choice, buf, size);
	doctor_free(d);
	return choice != NULL;
}
