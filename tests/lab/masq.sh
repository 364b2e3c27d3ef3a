# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many clients behind one NAT that forwards IKE and raw ESP by guessing. Source lib.sh first.
#
#	client 1   c0 192.168.7.11 ---.
#	client 2   c0 192.168.7.12 ----- NAT 198.18.9.2 --- wire --- g0 198.18.9.1 gateway --- server
#	...        up to 8         ---'    (lab_masqnat)  (lab_link)
#
# The NAT's clients talk to the gateway by IKE and ESP and to nobody else. What the NAT says is in
# nat.log. SPIs are eight hexadecimal digits everywhere.

# shellcheck disable=SC2034,SC2153

MASQ_NET=192.168.7
MASQ_GW=198.18.9.1
MASQ_INNER=10.91.0 # client I has MASQ_INNER.I
MASQ_TOUT=400 # ms
MASQ_TEI=60000

# masq_client I: what lib.sh does with the client is done with this one from now on.
masq_client() {
	NSC=$LAB-m$1
	GODWIT_RUNDIR=$LAB_TMP/run$1
	mkdir -p "$GODWIT_RUNDIR"
	export GODWIT_RUNDIR
}

# in_one I COMMAND...
in_one() {
	local ns=$LAB-m$1
	shift
	ip netns exec "$ns" "$@"
}

masq_wire() { # EMULATOR-WORDS
	local dev
	ip -n "$NSR" link add rg type veth peer name wr netns "$NSW"
	ip -n "$NSG" link add g0 type veth peer name wg netns "$NSW"
	ip -n "$NSR" addr add $NAT_ADDR/24 dev rg
	ip -n "$NSG" addr add $MASQ_GW/24 dev g0
	for dev in "$NSR rg" "$NSG g0" "$NSW wr" "$NSW wg"; do
		ip -n "${dev% *}" link set "${dev#* }" up
	done
	mkfifo "$LAB_TMP/wire"
	# shellcheck disable=SC2086
	ip netns exec "$NSW" "${GODWIT%/*}/lab_link" wr wg $1 <>"$LAB_TMP/wire" >"$LAB_OUT/wire.log" 2>&1 &
	wait_for 5 grep -q ready "$LAB_OUT/wire.log" || fail "the wire does not start"
}

# masq_up CLIENTS EMULATOR-WORDS: all but the NAT and the gateway's daemon.
masq_up() {
	local i ns
	lab_down_net
	NSC=$LAB-m1
	LAB_MORE=
	for ((i = 1; i <= $1; i++)); do LAB_MORE+=" $LAB-m$i"; done
	for ns in $LAB_MORE "$NSR" "$NSG" "$NSS" "$NSW"; do
		lab_namespace "$ns" || fail "cannot make the namespace $ns"
		ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1
	done
	for ((i = 1; i <= $1; i++)); do
		ns=$LAB-m$i
		ip -n "$ns" link add c0 type veth peer name "m$i" netns "$NSR"
		ip -n "$ns" addr add $MASQ_NET.1$i/24 dev c0
		ip -n "$NSR" addr add $MASQ_NET.1 peer $MASQ_NET.1$i dev "m$i"
		ip -n "$ns" link set c0 up
		ip -n "$NSR" link set "m$i" up
		ip -n "$ns" route add default via $MASQ_NET.1
	done
	masq_wire "${2:-}"
	ip -n "$NSG" link add gi type veth peer name s0 netns "$NSS"
	ip -n "$NSG" addr add $INNER_GW/24 dev gi
	ip -n "$NSS" addr add $SERVER_ADDR/24 dev s0
	ip -n "$NSG" link set gi up
	ip -n "$NSS" link set s0 up
	ip -n "$NSS" route add default via $INNER_GW
	in_gateway sysctl -qw net.ipv4.ip_forward=1
	# The kernel must not answer for what it does not speak.
	in_router nft -f - <<-NFT || fail "cannot install the filter"
		table ip lab {
			chain in {
				type filter hook input priority filter
				udp dport 500 drop
				ip protocol esp drop
			}
		}
	NFT
}

# masq_gateway_conf: strongSwan for all of them, each by its own identity: main mode, pre-shared key.
# LAB_GW_ESPLIFE: more settings of the children.
masq_gateway_conf() {
	gateway_daemon_conf no
	cat >"$LAB_TMP/gateway/swanctl/swanctl.conf" <<-CONF
		connections {
			masq {
				version = 1
				proposals = aes128-sha256-modp2048
				local_addrs = $MASQ_GW
				dpd_delay = 0s
				unique = never
				local {
					auth = psk
					id = gw.lb.test
				}
				remote {
					auth = psk
				}
				children {
					net {
						local_ts = 10.80.0.0/24
						remote_ts = $MASQ_INNER.0/24
						esp_proposals = aes128gcm16
						${LAB_GW_ESPLIFE:-}
					}
				}
			}
		}
		secrets {
			ike {
				secret = "$LAB_PSK"
			}
		}
	CONF
	cp "$LAB_TMP/gateway/swanctl/swanctl.conf" "$LAB_OUT/swanctl.conf"
}

# ---- the NAT ---------------------------------------------------------------------------------

# nat_start KEY=VALUE...
nat_start() {
	rm -f "$LAB_TMP/nat"
	mkfifo "$LAB_TMP/nat"
	: >"$LAB_OUT/nat.log"
	in_router "${GODWIT%/*}/lab_masqnat" rg outside=$NAT_ADDR "$@" <>"$LAB_TMP/nat" \
		>>"$LAB_OUT/nat.log" 2>&1 &
	NAT_PID=$!
	wait_for 5 grep -q ready "$LAB_OUT/nat.log" || fail "the NAT does not start"
	nat_mark
}

nat_stop() {
	kill "$NAT_PID" 2>/dev/null
	wait "$NAT_PID" 2>/dev/null
	return 0
}

# nat_mark: nat_saw and nat_wait look at what it says from here on.
nat_mark() { NAT_FROM=$(($(wc -l <"$LAB_OUT/nat.log") + 1)); }
nat_said() { tail -n "+$NAT_FROM" "$LAB_OUT/nat.log"; }
nat_saw() { nat_said | grep -qE "$1"; }
# nat_wait SECONDS EXTENDED-REGEX
nat_wait() { wait_for "$1" nat_saw "$2" || fail "the NAT does not say: $2"; }

nat_obeyed() { tail -n "+$1" "$LAB_OUT/nat.log" | grep -qxF "done $2"; }
# nat WORDS...: tells it, and waits until it has obeyed.
nat() {
	local from=$(($(wc -l <"$LAB_OUT/nat.log") + 1))
	echo "$*" >"$LAB_TMP/nat"
	wait_for 5 nat_obeyed "$from" "$*" || fail "the NAT does not obey: $*"
}

# nat_held N: the SPI of the Nth different one that was held since the mark.
nat_held() { nat_said | sed -n 's/^held in esp //p' | awk '!seen[$0]++' | sed -n "$1p"; }
nat_has_held() { [ -n "$(nat_held "$1")" ]; }

# ---- either gateway --------------------------------------------------------------------------

# gateway_is small|strongswan CLIENTS WORDS...: all is built anew, for so many clients.
gateway_is() {
	GATEWAY=$1
	masq_up "$2" delay=5
	shift 2
	NAT_AT=$NAT_ADDR
	if [ "$GATEWAY" = small ]; then
		server_begin "$@"
	else
		masq_gateway_conf
		gateway_start
	fi
	nat_start tout=$MASQ_TOUT nout=4 tei=$MASQ_TEI trace=1
}

gateway_is_over() { # NAME
	nat report
	cp "$LAB_OUT/nat.log" "$LAB_OUT/nat-$1.log"
	if [ "$GATEWAY" = small ]; then
		server report
		cp "$LAB_OUT/server.log" "$LAB_OUT/server-$1.log"
		server_end
	else
		gateway_stop
		cp "$LAB_OUT/charon.log" "$LAB_OUT/charon-$1.log"
	fi
	nat_stop
}

# ---- clients ---------------------------------------------------------------------------------

# For as many as eight clients: pingtime · pingtries > 7 T_out.
MASQ_PROBES_OF_8='pingtime = 200ms\npingtries = 15\nmaxidle = 1s\npingtime2 = 200ms\npingtries2 = 5\n'
MASQ_PROBES_OF_8+='nat-tout = 400ms\nnat-clients = 7\nping-target = 10.80.0.1\nelimit = 1'
# Two clients give keys up sooner that nobody answers.
MASQ_PROBES_OF_2=${MASQ_PROBES_OF_8/pingtries = 15/pingtries = 5}
MASQ_PROBES_OF_2=${MASQ_PROBES_OF_2/nat-clients = 7/nat-clients = 1}
declare -A COUNTING

# masq_clients COUNT NAT-LINES: connects them all, and they must reach the far side.
masq_clients() {
	local i
	for ((i = 1; i <= $1; i++)); do
		masq_client "$i"
		client_conf "m$i" encap=esp inner="$MASQ_INNER.$i/32" id="m$i.lb.test" pfs=no timeout=2s \
			nat="$2"
		client_connect "m$i" || fail "client $i does not connect: $(tail -n 1 "$LAB_OUT/m$i.err")"
	done
	recovered 10 $(seq "$1") || fail "client $LOST of $1 does not reach the far side"
	ok "${GATEWAY:-strongswan}: $1 clients reach the far side"
}

clients_down() { # COUNT
	local i
	for ((i = 1; i <= $1; i++)); do
		masq_client "$i"
		client_down "m$i"
	done
}

reaches() { in_one "$1" ping -q -c 1 -W 1 "$SERVER_ADDR" >/dev/null 2>&1; }

all_reach() {
	local i
	for i; do
		LOST=$i
		reaches "$i" || return 1
	done
}

# recovered SECONDS I...: all of them reach the far side again, AFTER so long; or LOST does not.
recovered() {
	local patience=$1 begin=$EPOCHREALTIME
	shift
	wait_for "$patience" all_reach "$@" || return 1
	AFTER=$("$PYTHON" -c "print(f'{$EPOCHREALTIME - $begin:.1f}')")
}

# count_start I SECONDS INTERVAL; count_end I: SENT RECEIVED TWICE.
count_start() {
	in_one "$1" "$PYTHON" "$LAB_DIR/ping_count.py" $SERVER_ADDR "$2" "$3" \
		>"$LAB_TMP/count$1" 2>"$LAB_OUT/lost-$1" &
	COUNTING[$1]=$!
}
count_end() {
	wait "${COUNTING[$1]}"
	read -r SENT RECEIVED TWICE _ <"$LAB_TMP/count$1"
}

# ---- vpnc, for comparison --------------------------------------------------------------------

# masq_vpnc_gateway_conf: strongSwan as vpnc wants it: aggressive mode, groups and users of any name.
masq_vpnc_gateway_conf() {
	gateway_daemon_conf no
	cat >"$LAB_TMP/gateway/swanctl/swanctl.conf" <<-CONF
		connections {
			masq {
				version = 1
				aggressive = yes
				proposals = aes128-sha1-modp1024
				local_addrs = $MASQ_GW
				dpd_delay = 0s
				unique = never
				pools = v4
				local {
					auth = psk
					id = $MASQ_GW
				}
				remote {
					auth = psk
				}
				remote-x {
					auth = xauth
				}
				children {
					net {
						local_ts = 0.0.0.0/0
						esp_proposals = aes128-sha1
					}
				}
			}
		}
		pools {
			v4 {
				addrs = $MASQ_INNER.1-$MASQ_INNER.8
			}
		}
		secrets {
			ike {
				secret = "$LAB_PSK"
			}
			$(for i in 1 2; do printf 'xauth-%d {\nid = user%d\nsecret = lab\n}\n' "$i" "$i"; done)
		}
	CONF
}

# vpnc_up I: Debian's, with raw ESP; VPNC_INNER is the address it was given.
vpnc_up() {
	local dir=$LAB_TMP/vpnc$1
	mkdir -p "$dir"
	(umask 077 && cat >"$dir/conf") <<-CONF
		IPSec gateway $MASQ_GW
		IPSec ID group$1
		IPSec secret $LAB_PSK
		Xauth username user$1
		Xauth password lab
		IKE Authmode psk
		NAT Traversal Mode none
		IKE DH Group dh2
		Perfect Forward Secrecy nopfs
		Interface name labvpn
		Interface MTU 1400
		Pidfile $dir/pid
		Script $dir/hook
	CONF
	cat >"$dir/hook" <<-HOOK
		#!/bin/sh
		[ "\$reason" = connect ] || exit 0
		echo "\$INTERNAL_IP4_ADDRESS" >$dir/inner
		ip link set "\$TUNDEV" up mtu 1400
		ip addr add "\$INTERNAL_IP4_ADDRESS/32" dev "\$TUNDEV"
		ip route replace 10.80.0.0/24 dev "\$TUNDEV" src "\$INTERNAL_IP4_ADDRESS"
	HOOK
	chmod 755 "$dir/hook"
	in_one "$1" timeout --foreground 20 /usr/sbin/vpnc "$dir/conf" >"$LAB_OUT/vpnc$1.out" 2>&1 </dev/null ||
		return 1
	wait_for 5 test -s "$dir/inner"
	VPNC_INNER=$(cat "$dir/inner")
}

# ---- the small server ------------------------------------------------------------------------

# server_begin WORDS...: lab_server in the place of the gateway's daemon.
server_begin() {
	rm -f "$LAB_TMP/server"
	mkfifo "$LAB_TMP/server"
	: >"$LAB_OUT/server.log"
	in_gateway "${GODWIT%/*}/lab_server" addr=$MASQ_GW pool=$MASQ_INNER.0/26 net=10.80.0.0/24 \
		psk=$LAB_PSK "$@" <>"$LAB_TMP/server" >>"$LAB_OUT/server.log" 2>&1 &
	SERVER_PID=$!
	wait_for 5 grep -q ready "$LAB_OUT/server.log" || fail "the server does not start"
}

server_end() {
	kill "$SERVER_PID" 2>/dev/null
	wait "$SERVER_PID" 2>/dev/null
	return 0
}

server_obeyed() { tail -n "+$1" "$LAB_OUT/server.log" | grep -qxF "done $2"; }
# server WORDS...: tells it; SERVER_SAID is what it says to that.
server() {
	local from=$(($(wc -l <"$LAB_OUT/server.log") + 1))
	echo "$*" >"$LAB_TMP/server"
	wait_for 5 server_obeyed "$from" "$*" || fail "the server does not obey: $*"
	SERVER_SAID=$(tail -n "+$from" "$LAB_OUT/server.log")
}
