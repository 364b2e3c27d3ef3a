/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/support/ike_user.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* End 0 is the user, end 1 his gateway. */
static struct pair pair;
static struct pair *const p = &pair;
static struct pair_end *const u = &pair.end[0];
static struct pair_end *const g = &pair.end[1];

#define BOTH (1 << XAUTH_USERNAME | 1 << XAUTH_PASSWORD)

/* Nothing of a password is in any line of any test. */
static void watch(void *ctx, const struct log_event *ev)
{
	char line[2000];

	log_format(ev, line, sizeof(line));
	assert_null(strstr(line, "hunter2"));
	assert_null(strstr(line, "48372"));
}

static int setup(void **state)
{
	assert_int_equal(crypto_init(), 0);
	user_init(p, 1);
	p->log.sink = watch;
	return 0;
}

static int teardown(void **state)
{
	pair_free(p);
	return secret_pool_used() == 0 ? 0 : -1;
}

static void again(uint64_t seed)
{
	pair_free(p);
	user_init(p, seed);
	p->log.sink = watch;
}

static void expect_state(enum ike_state user, enum ike_state gateway)
{
	assert_int_equal(pair_sa(p, 0)->state, user);
	assert_int_equal(pair_sa(p, 1)->state, gateway);
}

static void expect_dead(int err, const char *words)
{
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, err);
	assert_non_null(strstr(u->dead.why.text, words));
	assert_int_equal(u->nestablished, 0);
}

static void expect_address(const char *text)
{
	char buf[ADDR_TEXT_MAX];

	assert_non_null(u->assigned);
	assert_string_equal(addr_text(&u->assigned->ip4, buf), text);
}

/* ---- the whole of it ---- */

static void user_and_configuration(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	expect_state(IKE_STATE_CONFIGURING, IKE_STATE_CONFIGURING);
	assert_int_equal(u->nauthenticated, 1);
	assert_int_equal(g->nauthenticated, 1);
	assert_int_equal(u->nestablished + g->nestablished, 0);
	user_demand(p, BOTH, "Who are you?");
	assert_int_equal(u->nasked, 1);
	assert_int_equal(u->asked.ask.fields, BOTH);
	assert_int_equal(u->asked.ask.round, 1);
	assert_string_equal(u->message, "Who are you?");
	user_answer(p, NULL);
	assert_int_equal(g->nreplies, 1);
	assert_false(g->replied.reply.failed);
	assert_string_equal(g->values[XAUTH_USERNAME], USER_NAME);
	assert_string_equal(g->values[XAUTH_PASSWORD], USER_PASSWORD);
	assert_null(g->replied.reply.value[XAUTH_PASSCODE].p);
	assert_int_equal(g->nwanted, 0);
	user_status(p, true, NULL);
	expect_state(IKE_STATE_CONFIGURING, IKE_STATE_ESTABLISHED);
	assert_int_equal(g->nwanted, 1);
	assert_int_equal(g->wanted.wanted.held[0].family, FAMILY_NONE);
	user_give(p, user_settings());
	assert_true(pair_is_up(p));
	assert_int_equal(u->nconfigs, 1);
	expect_address("10.91.0.7");
	assert_int_equal(u->assigned->ndns, 1);
	assert_int_equal(u->nestablished, 1);
	assert_int_equal(u->nresent + g->nresent, 0);
	pair_child(p, 0);
	assert_int_equal(u->nup, 1);
	assert_int_equal(g->nup, 1);
}

static void neither_is_wanted(void **state)
{
	u->config.xauth = g->config.xauth = false;
	u->config.wish.pull = false;
	user_phase1(p, IKE_EVENT_START);
	assert_true(pair_is_up(p));
	assert_int_equal(u->nauthenticated, 1);
	assert_int_equal(u->nestablished, 1);
	assert_int_equal(p->nsent, 6);
}

static void configuration_without_a_user(void **state)
{
	u->config.xauth = g->config.xauth = false;
	user_phase1(p, IKE_EVENT_START);
	assert_int_equal(g->nwanted, 1);
	user_give(p, user_settings());
	assert_true(pair_is_up(p));
	expect_address("10.91.0.7");
}

static void two_rounds(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	assert_string_equal(u->message, "");
	user_answer(p, NULL);
	/* A PIN may be in it: it is not for the log either. */
	user_demand(p, 1 << XAUTH_ANSWER, "Your new PIN is 48372: repeat it");
	assert_int_equal(u->nasked, 2);
	assert_int_equal(u->asked.ask.round, 2);
	assert_int_equal(u->asked.ask.fields, 1 << XAUTH_ANSWER);
	assert_string_equal(u->message, "Your new PIN is 48372: repeat it");
	user_answer(p, "48372");
	assert_string_equal(g->values[XAUTH_ANSWER], "48372");
	assert_string_equal(g->values[XAUTH_PASSWORD], "");
	user_status(p, true, "Welcome");
	user_give(p, user_settings());
	assert_true(pair_is_up(p));
}

static void every_field(void **state)
{
	for (unsigned f = 0; f < XAUTH_FIELDS; f++) {
		again(f);
		user_phase1(p, IKE_EVENT_START);
		user_demand(p, 1u << f, NULL);
		assert_int_equal(u->asked.ask.fields, 1u << f);
		user_answer(p, "48372");
		for (unsigned k = 0; k < XAUTH_FIELDS; k++)
			assert_int_equal(g->values[k][0] != '\0', k == f);
	}
}

/* ---- refusals ---- */

static void user_is_refused(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	user_answer(p, NULL);
	user_status(p, false, "Wrong\npassword\033[1m");
	expect_dead(ERR_AUTH, "does not accept the user");
	assert_string_equal(u->dead.why.said, "Wrong password?[1m");
	assert_true(u->dead.why.authentic);
	assert_int_equal(g->ndead, 1);
	/* The ACK, and a Delete. */
	assert_int_equal(g->dead.why.err, ERR_AUTH);
	assert_int_equal(ike_deadline(pair_sa(p, 0)), VTIME_NEVER);
}

static void nobody_to_answer(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	user_refuse(p);
	expect_dead(ERR_AUTH, "nobody to answer");
	assert_int_equal(g->nreplies, 1);
	assert_true(g->replied.reply.failed);
	assert_int_equal(g->ndead, 1);
}

/* The draft has no word for it in part: what cannot be given is empty. */
static void what_cannot_be_given(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH | 1 << XAUTH_DOMAIN, NULL);
	user_answer(p, NULL);
	assert_false(g->replied.reply.failed);
	assert_string_equal(g->values[XAUTH_USERNAME], USER_NAME);
	assert_string_equal(g->values[XAUTH_DOMAIN], "");
	user_demand(p, 1 << XAUTH_PASSCODE, NULL);
	user_answer(p, NULL);
	assert_true(g->replied.reply.failed);
	expect_dead(ERR_AUTH, "nobody to answer");
}

static void five_minutes(void **state)
{
	vtime asked;

	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	asked = p->now;
	pair_run(p, asked + 299 * VTIME_S);
	assert_int_equal(u->nasked, 1);
	assert_int_equal(u->ndead, 0);
	assert_int_equal(u->nsent, 3);
	assert_true(g->nresent < 50);
	pair_run(p, asked + 301 * VTIME_S);
	expect_dead(ERR_TIMEOUT, "nobody has answered");
	assert_true(g->replied.reply.failed);
	/* Too late. */
	user_answer(p, NULL);
	assert_int_equal(u->ndead, 1);
}

static void late_but_in_time(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	pair_run(p, p->now + 250 * VTIME_S);
	user_answer(p, NULL);
	assert_int_equal(g->nreplies, 1);
	user_status(p, true, NULL);
	user_give(p, user_settings());
	assert_true(pair_is_up(p));
}

static void no_user_is_asked_for(void **state)
{
	vtime began = p->now;

	user_phase1(p, IKE_EVENT_START);
	pair_run(p, began + 31 * VTIME_S);
	expect_dead(ERR_TIMEOUT, "does not ask for a user");
	assert_true(u->dead_at == began + 30 * VTIME_S);
	assert_int_equal(g->ndead, 1);
}

static void no_verdict(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	user_answer(p, NULL);
	pair_run(p, p->now + 121 * VTIME_S);
	expect_dead(ERR_TIMEOUT, "does not say");
}

static void closed_in_place_of_a_verdict(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	pair_event(p, 1, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
	pair_pump(p);
	expect_dead(ERR_PEER_REFUSED, "closed the connection");
	again(2);
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	user_answer(p, NULL);
	pair_event(p, 1, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
	pair_pump(p);
	expect_dead(ERR_AUTH, "password or code is probably wrong");
}

static void closed_by_us(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	pair_event(p, 0, &(struct ike_event){ .type = IKE_EVENT_CLOSE });
	pair_pump(p);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(g->ndead, 1);
}

/* ---- Mode Config ---- */

static void up_to_pull(void)
{
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	assert_int_equal(g->nwanted, 1);
}

static void pool_is_empty(void **state)
{
	static const struct ike_assigned nothing = { .ndns = 1, .save_password = -1 };

	up_to_pull();
	user_give(p, NULL);
	expect_dead(ERR_PEER_REFUSED, "no address");
	assert_int_equal(g->ndead, 1);
	again(2);
	up_to_pull();
	user_give(p, &nothing);
	expect_dead(ERR_PEER_REFUSED, "no address");
}

static void pull_is_not_answered(void **state)
{
	vtime began;

	up_to_pull();
	began = p->now;
	pair_run(p, began + 31 * VTIME_S);
	expect_dead(ERR_TIMEOUT, "Mode Config");
	assert_true(u->dead_at == began + 30 * VTIME_S);
	assert_true(u->nresent > 10);
}

static void held_addresses(void **state)
{
	addr_parse("10.91.0.9", &u->config.wish.held[0]);
	addr_parse("fd00::9", &u->config.wish.held[1]);
	u->config.wish.ip6 = true;
	strcpy(u->config.wish.application_version, "godwit 1");
	up_to_pull();
	assert_true(addr_eq(&g->wanted.wanted.held[0], &u->config.wish.held[0]));
	assert_true(addr_eq(&g->wanted.wanted.held[1], &u->config.wish.held[1]));
	assert_true(g->wanted.wanted.ip6);
	assert_string_equal(g->wanted.wanted.application_version, "godwit 1");
}

static void an_ip6_address_is_enough(void **state)
{
	struct ike_assigned give = *user_settings();

	give.ip4.family = FAMILY_NONE;
	addr_parse("fd00::7", &give.ip6);
	give.ip6_len = 64;
	u->config.wish.ip6 = true;
	up_to_pull();
	user_give(p, &give);
	assert_true(pair_is_up(p));
	assert_int_equal(u->assigned->ip6.family, FAMILY_IP6);
}

static void pushed_later(void **state)
{
	struct ike_assigned give;

	user_up(p);
	give = *user_settings();
	addr_parse("10.91.0.8", &give.ip4);
	user_give(p, &give);
	assert_int_equal(u->nconfigs, 2);
	expect_address("10.91.0.8");
	assert_true(pair_is_up(p));
	assert_int_equal(u->nestablished, 1);
	assert_int_equal(g->nresent, 0);
}

/* As NetScreen does: the settings come before the verdict, and nothing is left to ask for. */
static void pushed_before_the_verdict(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	user_give(p, user_settings());
	assert_int_equal(u->nestablished, 0);
	user_demand(p, BOTH, NULL);
	user_give(p, user_settings());
	assert_int_equal(u->nestablished, 0);
	user_answer(p, NULL);
	assert_string_equal(g->values[XAUTH_PASSWORD], USER_PASSWORD);
	user_status(p, true, NULL);
	assert_true(pair_is_up(p));
	assert_int_equal(g->nwanted, 0);
	expect_address("10.91.0.7");
}

static void pushed_without_a_question(void **state)
{
	u->config.wish.pull = false;
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	assert_true(pair_is_up(p));
	assert_int_equal(u->nconfigs, 0);
	user_give(p, user_settings());
	expect_address("10.91.0.7");
}

/* ---- with an older SA ---- */

/* The gateway's vendor ids are those of a Cisco client's; with strongSwan's they are not taken so. */
static bool not_cisco(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 1)
		pair_sa(pp, 0)->vendors |= VENDOR_BIT(VENDOR_SWAN);
	return true;
}

static void rekeyed_with_cisco(void **state)
{
	unsigned wanted;
	vtime began;

	user_up(p);
	wanted = g->nwanted;
	began = p->now;
	user_phase1(p, IKE_EVENT_REKEY);
	pair_run(p, began + VTIME_S - 1);
	assert_int_equal(u->nestablished, 1);
	pair_run(p, began + VTIME_S);
	assert_int_equal(pair_sa(p, 0)->state, IKE_STATE_ESTABLISHED);
	assert_true(u->established.established.cisco);
	assert_int_equal(g->nwanted, wanted);
	assert_int_equal(u->nestablished, 2);
}

/* It cannot be told from Cisco's, and asks: no SA to begin quick modes with before that is over. */
static void rekeyed_with_what_looks_like_cisco(void **state)
{
	user_up(p);
	user_phase1(p, IKE_EVENT_REKEY);
	user_demand(p, BOTH, NULL);
	pair_run(p, p->now + 3 * VTIME_S);
	assert_int_equal(u->nasked, 2);
	assert_int_equal(u->nestablished, 1);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	assert_int_equal(g->nwanted, 2);
	assert_int_equal(u->nestablished, 1);
	user_give(p, user_settings());
	assert_int_equal(u->nestablished, 2);
	assert_int_equal(u->ndead, 0);
}

static void rekeyed_with_everything(void **state)
{
	p->passes = not_cisco;
	user_up(p);
	addr_parse("10.91.0.7", &u->config.wish.held[0]);
	user_phase1(p, IKE_EVENT_REKEY);
	expect_state(IKE_STATE_CONFIGURING, IKE_STATE_CONFIGURING);
	user_demand(p, BOTH, NULL);
	assert_int_equal(u->nasked, 2);
	assert_int_equal(u->asked.ask.round, 1);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	assert_true(addr_eq(&g->wanted.wanted.held[0], &u->config.wish.held[0]));
	user_give(p, user_settings());
	assert_true(pair_is_up(p));
	assert_int_equal(u->nconfigs, 2);
}

/* Nobody asks, nobody answers: 2 s and 5 s later it is as good as the one before. */
static void rekeyed_with_silence(void **state)
{
	vtime began;

	p->passes = not_cisco;
	user_up(p);
	began = p->now;
	user_phase1(p, IKE_EVENT_REKEY);
	pair_run(p, began + 2 * VTIME_S - 1);
	assert_int_equal(g->nwanted, 1);
	pair_run(p, began + 7 * VTIME_S - 1);
	assert_int_equal(u->nestablished, 1);
	pair_run(p, began + 7 * VTIME_S);
	assert_int_equal(u->nestablished, 2);
	assert_int_equal(pair_sa(p, 0)->state, IKE_STATE_ESTABLISHED);
	assert_int_equal(u->ndead, 0);
	/* The question comes all the same. */
	user_demand(p, BOTH, NULL);
	assert_int_equal(u->nasked, 2);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	assert_true(pair_is_up(p));
	assert_int_equal(u->nestablished, 2);
}

static void rekeyed_where_the_user_is_known(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_STATUS };

	p->passes = not_cisco;
	user_up(p);
	user_phase1(p, IKE_EVENT_REKEY);
	ev.status.ok = ev.status.known = true;
	pair_event(p, 1, &ev);
	assert_int_equal(g->nestablished, 2);
	pair_run(p, p->now + 2 * VTIME_S);
	assert_int_equal(g->nwanted, 2);
	user_give(p, NULL);
	assert_true(pair_is_up(p));
	assert_int_equal(u->nconfigs, 1);
}

static void begun_by_the_gateway(void **state)
{
	p->passes = not_cisco;
	user_up(p);
	pair_start(p, 1, IKE_EVENT_REKEY);
	pair_pump(p);
	expect_state(IKE_STATE_CONFIGURING, IKE_STATE_CONFIGURING);
	assert_true(pair_sa(p, 0)->responder);
	user_demand(p, BOTH, NULL);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	user_give(p, user_settings());
	assert_true(pair_is_up(p));
	assert_int_equal(u->nestablished, 2);
}

static void begun_by_the_gateway_in_silence(void **state)
{
	vtime began;

	p->passes = not_cisco;
	user_up(p);
	began = p->now;
	pair_start(p, 1, IKE_EVENT_REKEY);
	pair_run(p, began + 7 * VTIME_S);
	assert_int_equal(u->nestablished, 2);
	assert_int_equal(pair_sa(p, 0)->state, IKE_STATE_ESTABLISHED);
}

static void asked_once_more(void **state)
{
	user_up(p);
	user_demand(p, BOTH, NULL);
	assert_int_equal(u->asked.ask.round, 2);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	assert_true(pair_is_up(p));
	assert_int_equal(u->nestablished, 1);
	assert_int_equal(g->nestablished, 1);
	assert_int_equal(g->nwanted, 1);
	user_demand(p, BOTH, NULL);
	user_answer(p, NULL);
	user_status(p, false, NULL);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, ERR_AUTH);
}

/* Somebody has written xauth = no. */
static void asked_without_being_told(void **state)
{
	u->config.xauth = u->config.wish.pull = g->config.xauth = false;
	user_phase1(p, IKE_EVENT_START);
	assert_true(pair_is_up(p));
	user_demand(p, BOTH, NULL);
	assert_int_equal(u->nasked, 1);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	assert_true(pair_is_up(p));
}

/* A pull that was too early is made again behind the verdict. */
static void asked_during_a_pull(void **state)
{
	u->config.xauth = g->config.xauth = false;
	user_phase1(p, IKE_EVENT_START);
	assert_int_equal(g->nwanted, 1);
	user_demand(p, BOTH, NULL);
	assert_int_equal(u->nasked, 1);
	user_give(p, user_settings());
	assert_int_equal(u->nestablished, 0);
	user_answer(p, NULL);
	user_status(p, true, NULL);
	assert_int_equal(g->nwanted, 2);
	user_give(p, user_settings());
	assert_true(pair_is_up(p));
}

/* ---- what goes on beside it ---- */

static void offers_wait(void **state)
{
	up_to_pull();
	pair_child(p, 1);
	assert_int_equal(u->noffers, 0);
	assert_true(pair_drops(p, 0, DROP_IKE_UNEXPECTED) > 0);
	user_give(p, user_settings());
	pair_run(p, p->now + 2 * VTIME_S);
	assert_int_equal(u->noffers, 1);
	assert_int_equal(u->nup, 1);
	assert_int_equal(g->nup, 1);
}

static void children_need_more(void **state)
{
	up_to_pull();
	pair_child(p, 0);
	assert_int_equal(u->nfailed, 1);
	assert_int_equal(u->failed.child_failed.why.err, ERR_UNEXPECTED);
}

static void dead_peer_detection(void **state)
{
	up_to_pull();
	g->nalive = u->nalive = 0;
	pair_event(p, 1, &(struct ike_event){ .type = IKE_EVENT_PROBE });
	pair_pump(p);
	pair_run(p, p->now + VTIME_S);
	assert_true(g->nalive > 0);
	u->nalive = 0;
	pair_event(p, 0, &(struct ike_event){ .type = IKE_EVENT_PROBE });
	pair_pump(p);
	pair_run(p, p->now + 16 * VTIME_S);
	assert_int_equal(u->nsilent, 0);
}

/* Its probes would push the REQUEST out of a peer's memory of IVs. */
static void no_probes_while_a_person_is_asked(void **state)
{
	unsigned sent;

	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	sent = u->nsent;
	for (unsigned k = 0; k < 10; k++) {
		pair_event(p, 0, &(struct ike_event){ .type = IKE_EVENT_PROBE });
		pair_run(p, p->now + 20 * VTIME_S);
	}
	assert_int_equal(u->nsent, sent);
	assert_int_equal(u->nsilent, 0);
}

static void lifetime_goes_on(void **state)
{
	u->config.lifetime_s = 100;
	user_phase1(p, IKE_EVENT_START);
	user_demand(p, BOTH, NULL);
	pair_run(p, p->now + 101 * VTIME_S);
	assert_int_equal(u->ndead, 1);
	assert_int_equal(u->dead.why.err, ERR_EXHAUSTED);
}

/* ---- as a gateway ---- */

static void decisions_out_of_turn(void **state)
{
	struct ike_event ev = { .type = IKE_EVENT_XAUTH_DEMAND };
	unsigned sent;

	ev.demand.fields = BOTH;
	user_phase1(p, IKE_EVENT_START);
	/* A client demands nothing. */
	sent = u->nsent;
	pair_event(p, 0, &ev);
	user_demand(p, BOTH, NULL);
	user_demand(p, BOTH, NULL);
	user_status(p, true, NULL);
	assert_int_equal(u->nsent, sent);
	assert_int_equal(u->nasked, 1);
	assert_int_equal(u->nestablished, 0);
	user_answer(p, NULL);
	user_answer(p, NULL);
	assert_int_equal(g->nreplies, 1);
	user_status(p, true, NULL);
	assert_int_equal(g->nestablished, 1);
}

static void a_client_that_says_nothing(void **state)
{
	user_phase1(p, IKE_EVENT_START);
	p->passes = NULL;
	ike_sa_free(u->sa[0]);
	u->nsa = 0;
	user_demand(p, BOTH, NULL);
	pair_run(p, p->now + 331 * VTIME_S);
	assert_int_equal(g->ndead, 1);
	assert_int_equal(g->dead.why.err, ERR_TIMEOUT);
}

static bool user_forgets(struct pair *pp, struct pair_datagram *d, unsigned n)
{
	if (d->source == 1 && n == 2)
		u->config.xauth = false;
	return true;
}

/* No configuration before the user is known; the request comes again. */
static void configuration_waits_for_the_user(void **state)
{
	p->passes = user_forgets;
	user_phase1(p, IKE_EVENT_START);
	pair_run(p, p->now + 5 * VTIME_S);
	assert_true(u->nresent > 2);
	assert_int_equal(g->nwanted, 0);
	user_status(p, true, NULL);
	pair_run(p, p->now + 2 * VTIME_S);
	assert_int_equal(g->nwanted, 1);
	user_give(p, user_settings());
	assert_true(pair_is_up(p));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(user_and_configuration),
		T(neither_is_wanted),
		T(configuration_without_a_user),
		T(two_rounds),
		T(every_field),
		T(user_is_refused),
		T(nobody_to_answer),
		T(what_cannot_be_given),
		T(five_minutes),
		T(late_but_in_time),
		T(no_user_is_asked_for),
		T(no_verdict),
		T(closed_in_place_of_a_verdict),
		T(closed_by_us),
		T(pool_is_empty),
		T(pull_is_not_answered),
		T(held_addresses),
		T(an_ip6_address_is_enough),
		T(pushed_later),
		T(pushed_before_the_verdict),
		T(pushed_without_a_question),
		T(rekeyed_with_cisco),
		T(rekeyed_with_what_looks_like_cisco),
		T(rekeyed_with_everything),
		T(rekeyed_with_silence),
		T(rekeyed_where_the_user_is_known),
		T(begun_by_the_gateway),
		T(begun_by_the_gateway_in_silence),
		T(asked_once_more),
		T(asked_without_being_told),
		T(asked_during_a_pull),
		T(offers_wait),
		T(children_need_more),
		T(dead_peer_detection),
		T(no_probes_while_a_person_is_asked),
		T(lifetime_goes_on),
		T(decisions_out_of_turn),
		T(a_client_that_says_nothing),
		T(configuration_waits_for_the_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
