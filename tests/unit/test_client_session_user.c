/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user: what is answered from memory, what a person is asked, and when. */
#include "tests/unit/session_parts.h"

#define LOGIN (HAS(USERNAME) | HAS(PASSWORD))

static void configure(struct bench *b, const char *name, const char *password)
{
	if (name)
		snprintf(b->config.username, sizeof(b->config.username), "%s", name);
	if (password)
		secret_set(&b->config.password, SLICE_STR(password));
}

/* Up to where the gateway asks. */
static void begin(struct bench *b)
{
	bench_connect(b);
	bench_authenticated(b, 1);
}

/* The rest of it. */
static void finish(struct bench *b, unsigned sa)
{
	bench_config(b, sa);
	bench_established(b, sa);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* ---- steps ---- */

static void each_step_is_shown(void **state)
{
	struct bench *b = *state;

	b->config.ike.mode = IKE_MODE_AGGRESSIVE;
	b->config.ike.auth = IKE_AUTH_HYBRID;
	begin(b);
	assert_non_null(strstr(b->steps, "\nphase 1: aggressive mode with vpn.example.com"));
	assert_non_null(strstr(b->steps, "\n+authentication: hybrid, gateway is "));
	assert_non_null(strstr(b->steps, "\nuser: "));
	bench_asked(b, 1, LOGIN, "");
	bench_answer_both(b, "alice", "secret");
	assert_null(strstr(b->steps, "+user"));
	bench_config(b, 1);
	assert_non_null(strstr(b->steps, "\n+user: done\nconfiguration: "));
	bench_established(b, 1);
	assert_non_null(strstr(b->steps, "\n+configuration: done\nSA: 1 tunnel\n"));
	assert_non_null(strstr(b->steps, "\n+up: "));
}

static void steps_without_a_user(void **state)
{
	struct bench *b = *state;

	b->config.ike.xauth = false;
	begin(b);
	assert_non_null(strstr(b->steps, "\n+authentication: pre-shared key, gateway is "));
	assert_null(strstr(b->steps, "user"));
	finish(b, 1);
	assert_non_null(strstr(b->steps, "\n+configuration: done\nSA"));
}

/* ---- answers ---- */

static void what_is_configured_is_answered_at_once(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", "secret");
	snprintf(b->config.user_domain, sizeof(b->config.user_domain), "EXAMPLE");
	begin(b);
	bench_asked(b, 1, LOGIN | HAS(DOMAIN), "");
	assert_int_equal(b->asks, 0);
	assert_string_equal(bench_given(XAUTH_USERNAME), "alice");
	assert_string_equal(bench_given(XAUTH_PASSWORD), "secret");
	assert_string_equal(bench_given(XAUTH_DOMAIN), "EXAMPLE");
	assert_string_equal(bench_given(XAUTH_ANSWER), "-");
	finish(b, 1);
}

static void what_is_missing_is_asked_for(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", NULL);
	begin(b);
	bench_asked(b, 1, LOGIN, "Welcome");
	assert_int_equal(b->asks, 1);
	assert_int_equal(b->ask.fields, HAS(PASSWORD));
	assert_string_equal(b->ask.username, "alice");
	assert_string_equal(b->ask.message, "Welcome");
	assert_false(b->ask.again);
	assert_false(b->ask.ahead);
	assert_true(b->ask.until == b->now + 300 * VTIME_S);
	assert_int_equal(bench_info(b).ask->id, b->ask.id);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_XAUTH_ANSWER), 0);
	bench_answer(b, XAUTH_PASSWORD, "secret");
	assert_string_equal(bench_given(XAUTH_USERNAME), "alice");
	assert_string_equal(bench_given(XAUTH_PASSWORD), "secret");
	assert_null(bench_info(b).ask);
	assert_int_equal(b->ends, 0);
	finish(b, 1);
}

/* What comes for a question that is over changes nothing. */
static void a_late_answer(void **state)
{
	struct bench *b = *state;

	begin(b);
	bench_asked(b, 1, LOGIN, "");
	b->ask.id++;
	bench_answer_both(b, "alice", "secret");
	assert_int_equal(fake_ike_count(0, IKE_EVENT_XAUTH_ANSWER), 0);
	b->ask.id--;
	bench_dead(b, 1, ERR_TIMEOUT, "");
	assert_int_equal(b->ended, b->ask.id);
	bench_answer_both(b, "alice", "secret");
	assert_int_equal(fake_ike_count(0, IKE_EVENT_XAUTH_ANSWER), 0);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_NO_ANSWER);
}

static void nobody_to_answer(void **state)
{
	struct bench *b = *state;

	begin(b);
	bench_asked(b, 1, LOGIN, "");
	bench_refuse(b);
	assert_true(fake_ike_last(IKE_EVENT_XAUTH_ANSWER)->refuse);
	bench_dead(b, 1, ERR_AUTH, "");
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_AUTH);
	assert_int_equal(fake_ike.nsas, 1);
}

/* A code is true for one moment, and a challenge is another one each time. */
static void codes_are_never_remembered(void **state)
{
	struct bench *b = *state;
	const unsigned fields[] = { HAS(PASSCODE), HAS(ANSWER), HAS(NEXT_PIN) };
	const enum xauth_field field[] = { XAUTH_PASSCODE, XAUTH_ANSWER, XAUTH_NEXT_PIN };

	configure(b, "alice", "secret");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	for (unsigned i = 0; i < 3; i++) {
		bench_asked(b, 1, fields[i], "now this");
		assert_int_equal(b->asks, i + 1);
		assert_int_equal(b->ask.fields, fields[i]);
		assert_false(b->ask.again);
		bench_answer(b, field[i], "123456");
		assert_string_equal(bench_given(field[i]), "123456");
		assert_string_equal(bench_given(XAUTH_PASSWORD), "-");
	}
	finish(b, 1);
	bench_recover(b);
	bench_authenticated(b, 2);
	bench_asked(b, 2, LOGIN, "");
	assert_int_equal(b->asks, 3);
	for (unsigned i = 0; i < 3; i++) {
		bench_asked(b, 2, fields[i], "now this");
		assert_int_equal(b->asks, i + 4);
		bench_answer(b, field[i], "234567");
	}
}

/* The same field for something else: what was the password is no answer to it. */
static void a_password_is_no_answer_to_a_second_question(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", "secret");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	bench_asked(b, 1, HAS(PASSWORD), "Enter the code of your token");
	assert_int_equal(b->asks, 1);
	assert_false(b->ask.again);
	bench_answer(b, XAUTH_PASSWORD, "123456");
	finish(b, 1);
	/* And the code has not taken the password's place. */
	bench_recover(b);
	bench_authenticated(b, 2);
	bench_asked(b, 2, LOGIN, "");
	assert_string_equal(bench_given(XAUTH_PASSWORD), "secret");
}

static void challenges_that_differ_are_no_refusals(void **state)
{
	struct bench *b = *state;

	begin(b);
	for (unsigned i = 0; i < 5; i++) {
		char message[20];

		snprintf(message, sizeof(message), "challenge %u", i);
		bench_asked(b, 1, HAS(ANSWER), message);
		assert_false(b->ask.again);
		bench_answer(b, XAUTH_ANSWER, "response");
	}
	finish(b, 1);
}

/* ---- memory ---- */

static void reconnect(struct bench *b)
{
	bench_recover(b);
	bench_authenticated(b, 2);
	bench_asked(b, 2, LOGIN, "");
}

static void typed(struct bench *b)
{
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	bench_answer_both(b, "alice", "secret");
}

static void what_was_typed_is_remembered(void **state)
{
	struct bench *b = *state;

	typed(b);
	finish(b, 1);
	reconnect(b);
	assert_int_equal(b->asks, 1);
	assert_string_equal(bench_given(XAUTH_USERNAME), "alice");
	assert_string_equal(bench_given(XAUTH_PASSWORD), "secret");
}

static void unless_the_gateway_forbids_it(void **state)
{
	struct bench *b = *state;

	b->assigned.save_password = 0;
	typed(b);
	finish(b, 1);
	reconnect(b);
	assert_int_equal(b->asks, 2);
	assert_int_equal(b->ask.fields, HAS(PASSWORD));
	assert_string_equal(b->ask.username, "alice");
	bench_answer(b, XAUTH_PASSWORD, "secret");
	assert_false(b->s->user.fact[XAUTH_PASSWORD].known);
	finish(b, 2);
	assert_false(b->s->user.fact[XAUTH_PASSWORD].known);
}

/* The configuration is a person's own business. */
static void the_gateway_does_not_forbid_what_is_configured(void **state)
{
	struct bench *b = *state;

	b->assigned.save_password = 0;
	configure(b, "alice", "secret");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	finish(b, 1);
	reconnect(b);
	assert_int_equal(b->asks, 0);
	assert_string_equal(bench_given(XAUTH_PASSWORD), "secret");
}

static void always_asked_for_by_choice(void **state)
{
	struct bench *b = *state;

	b->config.ask_always = true;
	configure(b, "alice", "secret");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	assert_int_equal(b->asks, 1);
	assert_int_equal(b->ask.fields, HAS(PASSWORD));
	bench_answer(b, XAUTH_PASSWORD, "other");
	finish(b, 1);
	reconnect(b);
	assert_int_equal(b->asks, 2);
}

/* ---- refusals ---- */

static void a_refused_memory_is_not_repeated(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", "old");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	bench_asked(b, 1, LOGIN, "Wrong");
	assert_int_equal(fake_ike_count(1, IKE_EVENT_XAUTH_ANSWER), 1);
	assert_int_equal(b->asks, 1);
	assert_int_equal(b->ask.fields, HAS(PASSWORD));
	assert_true(b->ask.again);
	bench_answer(b, XAUTH_PASSWORD, "new");
	assert_string_equal(bench_given(XAUTH_USERNAME), "alice");
	assert_string_equal(bench_given(XAUTH_PASSWORD), "new");
	finish(b, 1);
	reconnect(b);
	assert_int_equal(b->asks, 1);
	assert_string_equal(bench_given(XAUTH_PASSWORD), "new");
}

static void a_memory_refused_with_the_whole_sa(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", "old");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	bench_dead(b, 1, ERR_AUTH, "Login incorrect");
	assert_int_equal(b->done.type, 0);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	bench_authenticated(b, 2);
	bench_asked(b, 2, LOGIN, "");
	assert_int_equal(b->asks, 1);
	assert_true(b->ask.again);
	assert_string_equal(b->ask.message, "Login incorrect");
	bench_answer(b, XAUTH_PASSWORD, "new");
	finish(b, 2);
}

/* The reason is the refusal, not that there is nobody to ask again. */
static void a_refused_memory_and_nobody_to_answer(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", "old");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	bench_asked(b, 1, LOGIN, "Wrong");
	bench_refuse(b);
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_AUTH);
	assert_non_null(strstr(b->done.done.text, "refused the user: "));
	assert_non_null(strstr(b->done.done.text, "says: Wrong"));
}

/* A code of the second round: what the configuration says of the first was not wrong. */
static void a_refused_code_is_not_the_configurations(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", "secret");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	bench_asked(b, 1, HAS(PASSCODE), "Code?");
	bench_answer(b, XAUTH_PASSCODE, "111111");
	bench_dead(b, 1, ERR_AUTH, "Too late");
	bench_authenticated(b, 2);
	bench_asked(b, 2, LOGIN, "");
	assert_int_equal(fake_ike_count(2, IKE_EVENT_XAUTH_ANSWER), 1);
	bench_asked(b, 2, HAS(PASSCODE), "Code?");
	assert_int_equal(b->asks, 2);
	assert_int_equal(b->ask.fields, HAS(PASSCODE));
	assert_true(b->ask.again);
}

/* What was typed may be mistyped, the name too. */
static void a_refused_person_is_asked_for_all_of_it(void **state)
{
	struct bench *b = *state;

	typed(b);
	bench_asked(b, 1, LOGIN, "");
	assert_int_equal(b->asks, 2);
	assert_int_equal(b->ask.fields, LOGIN);
	assert_true(b->ask.again);
}

static void three_refusals_within_one_sa(void **state)
{
	struct bench *b = *state;

	begin(b);
	for (unsigned i = 0; i < 3; i++) {
		bench_asked(b, 1, LOGIN, i ? "Wrong password" : "");
		assert_int_equal(b->done.type, 0);
		bench_answer_both(b, "alice", "guess");
	}
	bench_asked(b, 1, LOGIN, "Wrong password");
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_AUTH);
	assert_non_null(strstr(b->done.done.text, "the gateway says: Wrong password"));
	assert_int_equal(b->asks, 3);
	/* It was authenticated, so that it is told. */
	assert_int_equal(fake_ike_count(1, IKE_EVENT_CLOSE), 1);
}

static void three_refusals_with_their_sas(void **state)
{
	struct bench *b = *state;

	bench_connect(b);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(b->done.type, 0);
		bench_authenticated(b, i);
		bench_asked(b, i, LOGIN, "");
		assert_int_equal(b->ask.again, i > 1);
		bench_answer_both(b, "alice", "guess");
		bench_dead(b, i, ERR_AUTH, "Locked");
	}
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_AUTH);
	assert_non_null(strstr(b->done.done.text, "the gateway says: Locked"));
	assert_int_equal(fake_ike.nsas, 3);
}

/* Phase 1 itself has failed: that is no question of a user's. */
static void a_wrong_key_is_not_asked_about(void **state)
{
	struct bench *b = *state;

	bench_connect(b);
	bench_dead(b, 1, ERR_AUTH, "");
	assert_int_equal(b->done.type, SESSION_EFFECT_DONE);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_AUTH);
	assert_int_equal(fake_ike.nsas, 1);
}

static void the_gateways_words_are_passed_on(void **state)
{
	struct bench *b = *state;

	bench_connect(b);
	bench_dead(b, 1, ERR_PEER_REFUSED, "Closed for maintenance");
	assert_non_null(strstr(b->done.done.text, "; the gateway says: Closed for maintenance"));
}

/* ---- renewal with a person behind it ---- */

/* Up, by a code; the ISAKMP SA is to be renewed at the time returned. */
static vtime up_by_code(struct bench *b)
{
	configure(b, "alice", NULL);
	begin(b);
	bench_asked(b, 1, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	bench_answer(b, XAUTH_PASSCODE, "111111");
	fake_ike.keylife_s = LIFE + 3600;
	finish(b, 1);
	return bench_info(b).ike_rekey_at;
}

static void memory_renews_by_itself(void **state)
{
	struct bench *b = *state;
	vtime at;

	configure(b, "alice", "secret");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	finish(b, 1);
	at = bench_info(b).ike_rekey_at;
	bench_run(b, at);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_REKEY), 1);
	bench_authenticated(b, 2);
	bench_asked(b, 2, LOGIN, "");
	assert_int_equal(fake_ike_count(2, IKE_EVENT_XAUTH_ANSWER), 1);
	bench_established(b, 2);
	assert_int_equal(b->asks, 0);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

static void a_code_is_asked_for_ahead(void **state)
{
	struct bench *b = *state;
	vtime end = b->now + LIFE * VTIME_S, at = up_by_code(b);

	assert_true(at >= end - 1080 * VTIME_S && at <= end - 540 * VTIME_S);
	bench_run(b, at - 1);
	assert_int_equal(b->asks, 1);
	bench_run(b, at);
	assert_int_equal(b->asks, 2);
	assert_true(b->ask.ahead);
	assert_false(b->ask.again);
	assert_int_equal(b->ask.fields, HAS(PASSCODE));
	assert_string_equal(b->ask.username, "alice");
	assert_string_equal(b->ask.message, "Code?");
	assert_true(b->ask.until == end);
	/* Renewal waits for the answer. */
	bench_run(b, at + 60 * VTIME_S);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_REKEY), 0);
	bench_answer(b, XAUTH_PASSCODE, "222222");
	assert_int_equal(fake_ike_count(2, IKE_EVENT_REKEY), 1);
	bench_authenticated(b, 2);
	bench_asked(b, 2, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	assert_int_equal(b->asks, 2);
	assert_string_equal(bench_given(XAUTH_PASSCODE), "222222");
	bench_established(b, 2);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	/* It was good for once, and is needed the next time, too. */
	bench_run(b, bench_info(b).ike_rekey_at);
	assert_int_equal(b->asks, 3);
	assert_true(b->ask.ahead);
}

static void a_refused_code_is_asked_for_again(void **state)
{
	struct bench *b = *state;

	bench_run(b, up_by_code(b));
	bench_answer(b, XAUTH_PASSCODE, "222222");
	bench_authenticated(b, 2);
	bench_asked(b, 2, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	bench_asked(b, 2, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	assert_int_equal(b->asks, 3);
	assert_true(b->ask.again && b->ask.ahead);
	bench_answer(b, XAUTH_PASSCODE, "333333");
	bench_dead(b, 2, ERR_AUTH, "Too late");
	bench_run(b, b->now);
	assert_int_equal(b->asks, 4);
	assert_true(b->ask.again && b->ask.ahead);
	assert_int_equal(fake_ike.nsas, 2);
	bench_answer(b, XAUTH_PASSCODE, "444444");
	assert_int_equal(fake_ike_count(3, IKE_EVENT_REKEY), 1);
	bench_authenticated(b, 3);
	bench_asked(b, 3, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	bench_established(b, 3);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(b->s->ladder.nepoch, 0);
}

static void three_refused_codes_do_not_end_what_is_up(void **state)
{
	struct bench *b = *state;

	bench_run(b, up_by_code(b));
	bench_answer(b, XAUTH_PASSCODE, "222222");
	bench_authenticated(b, 2);
	for (unsigned i = 0; i < 3; i++) {
		bench_asked(b, 2, HAS(PASSCODE), "Code?");
		if (i)
			bench_answer(b, XAUTH_PASSCODE, "guess");
	}
	bench_asked(b, 2, HAS(PASSCODE), "Code?");
	assert_true(fake_ike_last(IKE_EVENT_XAUTH_ANSWER)->refuse);
	bench_dead(b, 2, ERR_AUTH, "");
	bench_run(b, b->now + 60 * VTIME_S);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_null(bench_info(b).ask);
}

/* The children live on to their own end, and status says when that is. */
static void an_unanswered_code(void **state)
{
	struct bench *b = *state;
	vtime begun = b->now, end = begun + LIFE * VTIME_S, at = up_by_code(b);
	vtime until = begun + (LIFE + 3600) * VTIME_S;
	uint32_t id;

	bench_run(b, at);
	id = b->ask.id;
	bench_run(b, end - 1);
	assert_non_null(bench_info(b).ask);
	assert_int_equal(b->ends, 0);
	bench_run(b, end);
	assert_int_equal(b->ended, id);
	assert_null(bench_info(b).ask);
	assert_null(fake_ike_sa(1));
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_true(bench_info(b).tunnels[0].up);
	assert_true(bench_info(b).tunnels[0].until == until);
	bench_run(b, until - 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
	assert_int_equal(fake_ike.nsas, 1);
	bench_run(b, until);
	assert_int_equal(bench_info(b).state, SESSION_RECOVERING);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_START), 1);
	bench_authenticated(b, 2);
	bench_asked(b, 2, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	assert_int_equal(b->asks, 3);
	assert_false(b->ask.ahead);
	bench_answer(b, XAUTH_PASSCODE, "999999");
	finish(b, 2);
}

static void nobody_to_answer_ahead(void **state)
{
	struct bench *b = *state;
	vtime end = b->now + LIFE * VTIME_S;

	bench_run(b, up_by_code(b));
	bench_refuse(b);
	bench_run(b, end + 1);
	assert_int_equal(b->asks, 2);
	assert_int_equal(fake_ike.nsas, 1);
	assert_int_equal(bench_info(b).state, SESSION_UP);
}

/* Five minutes are over, the ISAKMP SA's life is not: the question stays, and nothing is counted. */
static void a_gateway_that_does_not_wait_for_the_answer(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", "secret");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	finish(b, 1);
	bench_run(b, bench_info(b).ike_rekey_at);
	bench_authenticated(b, 2);
	bench_asked(b, 2, HAS(PASSCODE), "All of a sudden");
	assert_int_equal(b->asks, 1);
	assert_true(b->ask.ahead);
	bench_dead(b, 2, ERR_TIMEOUT, "");
	bench_run(b, b->now);
	assert_int_equal(b->asks, 2);
	assert_true(b->ask.ahead);
	assert_int_equal(b->ask.fields, HAS(PASSCODE));
	assert_true(b->ask.until == b->s->ike[0].expires_at);
	assert_int_equal(fake_ike.nsas, 2);
	assert_int_equal(b->s->ladder.nepoch, 0);
}

static void the_gateway_begins_and_asks(void **state)
{
	struct bench *b = *state;

	up_by_code(b);
	bench_run(b, b->now + HOUR);
	bench_datagram(b, 0);
	assert_int_equal(fake_ike_count(2, IKE_EVENT_ACCEPT), 1);
	bench_authenticated(b, 2);
	bench_asked(b, 2, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	assert_int_equal(b->asks, 2);
	assert_true(b->ask.ahead);
	assert_true(b->ask.until == b->now + 300 * VTIME_S);
	bench_answer(b, XAUTH_PASSCODE, "222222");
	bench_established(b, 2);
	assert_true(bench_info(b).ike_rekey_at > b->now + 7 * HOUR);
}

/* A question that is on somebody's screen already is the gateway's, too. */
static void the_gateway_begins_while_we_ask(void **state)
{
	struct bench *b = *state;

	bench_run(b, up_by_code(b));
	assert_int_equal(b->asks, 2);
	bench_datagram(b, 0);
	bench_authenticated(b, 2);
	bench_asked(b, 2, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	assert_int_equal(b->asks, 2);
	assert_int_equal(b->ends, 0);
	bench_answer(b, XAUTH_PASSCODE, "222222");
	assert_int_equal(fake_ike_count(2, IKE_EVENT_XAUTH_ANSWER), 1);
	assert_int_equal(fake_ike_count(0, IKE_EVENT_REKEY), 0);
	bench_established(b, 2);
	assert_null(bench_info(b).ask);
}

static void a_gateway_that_asks_nothing_at_renewal(void **state)
{
	struct bench *b = *state;

	bench_run(b, up_by_code(b));
	bench_answer(b, XAUTH_PASSCODE, "222222");
	bench_authenticated(b, 2);
	bench_established(b, 2);
	bench_run(b, b->now + 30 * VTIME_S);
	assert_false(b->s->user.given[XAUTH_PASSCODE].known);
	/* From now on nobody need be asked. */
	bench_run(b, bench_info(b).ike_rekey_at);
	assert_int_equal(b->asks, 2);
	assert_int_equal(fake_ike_count(3, IKE_EVENT_REKEY), 1);
}

/* Some do when the new SA is in use already. */
static void a_gateway_that_asks_late(void **state)
{
	struct bench *b = *state;

	bench_run(b, up_by_code(b));
	bench_answer(b, XAUTH_PASSCODE, "222222");
	bench_authenticated(b, 2);
	bench_established(b, 2);
	bench_asked(b, 2, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	assert_int_equal(b->asks, 2);
	assert_string_equal(bench_given(XAUTH_PASSCODE), "222222");
	/* And so it will be the next time. */
	bench_run(b, bench_info(b).ike_rekey_at);
	assert_int_equal(b->asks, 3);
	assert_true(b->ask.ahead);
}

static void a_gateway_that_asks_late_and_refuses(void **state)
{
	struct bench *b = *state;

	bench_run(b, up_by_code(b));
	bench_answer(b, XAUTH_PASSCODE, "222222");
	bench_authenticated(b, 2);
	bench_established(b, 2);
	bench_asked(b, 2, HAS(USERNAME) | HAS(PASSCODE), "Code?");
	bench_dead(b, 2, ERR_AUTH, "Too old");
	/* The older SA is still there. */
	assert_int_equal(bench_info(b).state, SESSION_UP);
	bench_run(b, b->now + VTIME_S);
	assert_int_equal(b->asks, 3);
	assert_true(b->ask.ahead && b->ask.again);
	assert_int_equal(fake_ike.nsas, 2);
}

/* The answer to one challenge is none to another. */
static void a_challenge_that_has_changed(void **state)
{
	struct bench *b = *state;

	configure(b, "alice", "secret");
	begin(b);
	bench_asked(b, 1, LOGIN, "");
	bench_asked(b, 1, HAS(ANSWER), "Challenge 17");
	bench_answer(b, XAUTH_ANSWER, "seventeen");
	finish(b, 1);
	bench_run(b, bench_info(b).ike_rekey_at);
	assert_int_equal(b->ask.fields, HAS(ANSWER));
	bench_answer(b, XAUTH_ANSWER, "seventeen");
	bench_authenticated(b, 2);
	bench_asked(b, 2, LOGIN, "");
	bench_asked(b, 2, HAS(ANSWER), "Challenge 18");
	assert_int_equal(b->asks, 3);
	assert_string_equal(b->ask.message, "Challenge 18");
}

static void the_end_takes_the_question_away(void **state)
{
	struct bench *b = *state;
	struct session_event ev = { .type = SESSION_EVENT_DISCONNECT };

	begin(b);
	bench_asked(b, 1, LOGIN, "");
	session_event(b->s, b->now, &ev);
	bench_pump(b);
	assert_int_equal(b->ended, b->ask.id);
	assert_int_equal(b->done.done.exit, SESSION_EXIT_UP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(each_step_is_shown),
		BENCH_TEST(steps_without_a_user),
		BENCH_TEST(what_is_configured_is_answered_at_once),
		BENCH_TEST(what_is_missing_is_asked_for),
		BENCH_TEST(a_late_answer),
		BENCH_TEST(nobody_to_answer),
		BENCH_TEST(codes_are_never_remembered),
		BENCH_TEST(a_password_is_no_answer_to_a_second_question),
		BENCH_TEST(challenges_that_differ_are_no_refusals),
		BENCH_TEST(what_was_typed_is_remembered),
		BENCH_TEST(unless_the_gateway_forbids_it),
		BENCH_TEST(the_gateway_does_not_forbid_what_is_configured),
		BENCH_TEST(always_asked_for_by_choice),
		BENCH_TEST(a_refused_memory_is_not_repeated),
		BENCH_TEST(a_memory_refused_with_the_whole_sa),
		BENCH_TEST(a_refused_memory_and_nobody_to_answer),
		BENCH_TEST(a_refused_person_is_asked_for_all_of_it),
		BENCH_TEST(three_refusals_within_one_sa),
		BENCH_TEST(three_refusals_with_their_sas),
		BENCH_TEST(a_wrong_key_is_not_asked_about),
		BENCH_TEST(the_gateways_words_are_passed_on),
		BENCH_TEST(memory_renews_by_itself),
		BENCH_TEST(a_code_is_asked_for_ahead),
		BENCH_TEST(a_refused_code_is_asked_for_again),
		BENCH_TEST(a_refused_code_is_not_the_configurations),
		BENCH_TEST(three_refused_codes_do_not_end_what_is_up),
		BENCH_TEST(an_unanswered_code),
		BENCH_TEST(nobody_to_answer_ahead),
		BENCH_TEST(a_gateway_that_does_not_wait_for_the_answer),
		BENCH_TEST(the_gateway_begins_and_asks),
		BENCH_TEST(the_gateway_begins_while_we_ask),
		BENCH_TEST(a_gateway_that_asks_nothing_at_renewal),
		BENCH_TEST(a_gateway_that_asks_late),
		BENCH_TEST(a_gateway_that_asks_late_and_refuses),
		BENCH_TEST(a_challenge_that_has_changed),
		BENCH_TEST(the_end_takes_the_question_away),
	};

	if (crypto_init() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
