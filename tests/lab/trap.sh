# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For comparison: strongSwan's client with a trap, which asks for an SA when a packet comes, and does
# not keep the packet. For hold.test, whose functions it uses.

trap_ctl() {
	local verb=$1
	shift
	SWANCTL_DIR=$TRAP_DIR/swanctl timeout 15 swanctl "$verb" --uri "unix://$TRAP_DIR/vici" "$@"
}

# One SA for each host, by a trap; the first of them brings the IKE SA up.
trap_conf() { # FIRST COUNT
	local i
	mkdir -p "$TRAP_DIR/swanctl"
	sed "s|@RUN@|$TRAP_DIR|g; s|@LOG@|1|g; s|@UNITY@|no|g" "$LAB_DIR/strongswan.conf.in" \
		>"$TRAP_DIR/strongswan.conf"
	{
		printf '%s\n' "connections {" "v1main {" "version = 1" "remote_addrs = $GW_ADDR" \
			"proposals = aes128-sha256-modp2048" "local {" "auth = psk" \
			"id = v1main.lb.test" "}" "remote {" "auth = psk" "id = gw.lb.test" "}" "children {"
		for ((i = $1; i <= $1 + $2; i++)); do
			printf '%s\n' "h$i {" "local_ts = $INNER_ADDR/32" "remote_ts = $(host "$i")/32" \
				"esp_proposals = aes128gcm16" "start_action = trap" "}"
		done
		printf '%s\n' "}" "}" "}" "secrets {" "ike {" "secret = \"$LAB_PSK\"" "}" "}"
	} >"$TRAP_DIR/swanctl/swanctl.conf"
}

trap_start() { # ROOT FIRST
	charon_exec "$NSC" "$TRAP_DIR" "$1" >"$LAB_OUT/trap.out" 2>&1 &
	TRAP_PID=$!
	wait_for 10 trap_ctl --stats || fail "strongSwan's client does not start"
	trap_ctl --load-all --noprompt >"$LAB_OUT/trap.load" 2>&1 ||
		fail "strongSwan's client refuses its configuration: $(tail -n 1 "$LAB_OUT/trap.load")"
	trap_ctl --initiate --child "h$2" >"$LAB_OUT/trap.initiate" 2>&1 ||
		fail "strongSwan's client does not connect: $(tail -n 1 "$LAB_OUT/trap.initiate")"
}

trap_knock() { # FIRST COUNT
	local i how ms slow=0 slowest=0 failed=0
	for ((i = $1 + 1; i <= $1 + $2; i++)); do
		read -r how ms < <(knock connect "$(host "$i")" "$PORT")
		[ "$how" = ok ] || failed=$((failed + 1))
		[ "$ms" -le 1000 ] || slow=$((slow + 1))
		[ "$ms" -le "$slowest" ] || slowest=$ms
	done
	TRAP_TIMES="$slow of $2 connections took over a second, the slowest $slowest ms"
	[ $failed = 0 ] || TRAP_TIMES+=", $failed failed"
}

trap_syns() { # FIRST COUNT
	local i n=0
	for ((i = $1 + 1; i <= $1 + $2; i++)); do n=$((n + $(syns_seen "$(host "$i")"))); done
	echo $n
}

# trap_compare FIRST COUNT: to COUNT hosts behind the first. Nothing of it is a requirement.
trap_compare() {
	local root client gateway client_pid
	TRAP_DIR=$LAB_TMP/trap
	if ! root=$("$LAB_DIR/newer-strongswan" 2>"$LAB_OUT/newer-strongswan.log"); then
		say "NOT RUN: strongSwan's trap: $(tail -n 1 "$LAB_OUT/newer-strongswan.log")"
		return 0
	fi
	trap_conf "$1" "$2"
	ip -n "$NSC" addr add $INNER_ADDR/32 dev lo
	trap_start "$root" "$1"
	capture_start "$NSC" ipsec0 trap-client
	client=$CAPTURE client_pid=$CAPTURE_PID
	capture_start "$NSG" ipsec0 trap-gateway
	trap_knock "$1" "$2"
	capture_stop
	gateway=$(trap_syns "$1" "$2")
	CAPTURE=$client CAPTURE_PID=$client_pid
	capture_stop
	client=$(trap_syns "$1" "$2")
	cp "$TRAP_DIR/charon.log" "$LAB_OUT/trap.log"
	kill -TERM "$TRAP_PID"
	wait "$TRAP_PID" 2>/dev/null
	ip -n "$NSC" addr del $INNER_ADDR/32 dev lo
	say "for comparison, strongSwan 6.0.1 with a trap: $TRAP_TIMES;" \
		"$client SYNs at the client, $gateway at the far side"
}
