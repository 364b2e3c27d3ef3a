# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab's own gateway (tests/lab/gateway), which does what no daemon can be made to do. Source
# lib.sh first; then gw_start WORDS..., gw_tell WORDS, gw_stop.

LAB_GATEWAY=${GODWIT_BUILD:-$(dirname "$GODWIT")}/lab_gateway
GW_OTHER=198.18.9.3 # its second address

# gw_start NAME WORDS...: its lines are in NAME.gateway.
gw_start() {
	[ -x "$LAB_GATEWAY" ] || fail "no gateway of the lab at $LAB_GATEWAY"
	GW_LOG=$LAB_OUT/$1.gateway
	shift
	rm -f "$LAB_TMP/gw"
	mkfifo "$LAB_TMP/gw"
	in_gateway "$LAB_GATEWAY" psk=$LAB_PSK "$@" <"$LAB_TMP/gw" >"$GW_LOG" 2>&1 &
	GATEWAY_PID=$!
	exec {GW_IN}>"$LAB_TMP/gw"
	wait_for 5 grep -q '^ready' "$GW_LOG" || fail "the gateway does not start: $(tail -n 1 "$GW_LOG")"
}

# It must end well: sanitizers speak at the end.
gw_stop() {
	local status=0
	echo quit >&"$GW_IN"
	exec {GW_IN}>&-
	wait "$GATEWAY_PID" || status=$?
	expect_eq "the gateway's exit code" 0 $status
}

# gw_count PATTERN: lines that it has said so far.
gw_count() { grep -cE "^($1)" "$GW_LOG"; }
gw_more() { [ "$(gw_count "$1")" -gt "$2" ]; } # PATTERN COUNT
gw_line() { grep -nE "^($1)" "$GW_LOG" | sed -n "${2:-1}p" | cut -d: -f1; } # PATTERN [NTH]
gw_wait() { wait_for "$1" gw_more "$2" "${3:-0}" || fail "the gateway does not say '$2'"; }
gw_tell() {
	local before
	before=$(gw_count "done")
	echo "$1" >&"$GW_IN"
	wait_for 5 gw_more "done" "$before" || fail "the gateway does not take '$1'"
}

gw_expect() { # WHAT COUNT PATTERN
	expect_eq "$1 (lines '$3' of the gateway)" "$2" "$(gw_count "$3")"
}

# gw_client_conf [SECTION.KEY=VALUE...]: writes script.conf.
gw_client_conf() {
	local pair key
	umask 077
	printf '%s\n' "[gateway]" "address = $GW_ADDR" "identity = gw.lab.test" "[auth]" \
		"psk = $LAB_PSK" "[ike]" "proposals = aes256-sha256-modp2048" "[esp]" \
		"proposals = aes128gcm16" "pfs = no" "[nat]" "timeout = 5s" "[tunnel]" \
		"remote = 10.80.0.0/24" >"$LAB_OUT/script.conf"
	for pair; do
		key=${pair%%=*}
		sed -i "/^${key#*.} = /d" "$LAB_OUT/script.conf"
		printf '[%s]\n%s = %s\n' "${key%%.*}" "${key#*.}" "${pair#*=}" >>"$LAB_OUT/script.conf"
	done
	umask 022
}

# As client_up, but nobody is asked what the gateway has.
gw_up() {
	local status=0
	client_connect script || status=$?
	[ $status = 0 ] || fail "connect: exit $status: $(tail -n 1 "$LAB_OUT/script.err")"
}

# In the background and without a terminal; gw_connected says how it ended.
gw_connect() {
	in_client setsid timeout --foreground 40 "$GODWIT" connect "$LAB_OUT/script.conf" \
		>"$LAB_OUT/script.out" 2>"$LAB_OUT/script.err" &
	GW_CONNECT=$!
}

gw_connected() { # EXIT-CODE
	local status=0
	wait $GW_CONNECT || status=$?
	[ $status = "$1" ] || fail "connect: exit $status, wanted $1: $(tail -n 1 "$LAB_OUT/script.err")"
}

gw_asks() { [ "$(client_json script asks.fields.0 2>/dev/null)" = "$1" ]; }
gw_asks_ahead() { gw_asks "$1" && [ "$(client_json script asks.ahead)" = true ]; }
# gw_answer FIELD VALUE: waits until it is asked for.
gw_answer() {
	local status=0
	wait_for 10 gw_asks "$1" || fail "nobody asks for $1"
	printf '%s\n' "$2" | in_client setsid timeout --foreground 10 "$GODWIT" answer script \
		2>"$LAB_OUT/answer.err" || status=$?
	expect_eq "godwit answer" 0 $status
}

gw_client_is() { [ "$(client_json script state 2>/dev/null)" = "$1" ]; }
gw_ping() { in_client ping -q -c 1 -W 1 $SERVER_ADDR; }
gw_address() { [ "$(client_json script addresses.0)" = "$1" ]; }
