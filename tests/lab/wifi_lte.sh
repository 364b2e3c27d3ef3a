# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A laptop with two ways to the gateway, which differ: an emulated wire each. Source lib.sh first.
#
#	laptop  c0 198.18.1.2 --- Wi-Fi --- rc 198.18.1.1  router  rg 198.18.9.2 --- g0  gateway
#	        c1 100.64.0.2 ---- LTE ---- rd 100.64.0.1 (NAT)
#
# WIFI and LTE have the emulator's words. Where the laptop may be is chosen by metrics, as
# NetworkManager does. Every change goes to EVENTS for timeline.py, just before it is made.

WIFI=${WIFI:-delay=5 rate=40000 queue=400000}
LTE=${LTE:-delay=20 rate=16000 queue=400000}
LTE_ADDR=100.64.0.2

# event SOURCE TEXT: a line of EVENTS, with the time.
event() { echo "$EPOCHREALTIME $*" >>"$EVENTS"; }

# events_of SOURCE: so does each line of standard input, without the time of its own that a gateway's has.
events_of() {
	local line
	while IFS= read -r line; do event "$1" "${line#????-??-??T*Z }"; done
}

laptop_ip() { ip -n "$NSC" -force -batch -; }

wifi_comes() {
	event world up Wi-Fi
	printf '%s\n' "link set c0 up" "route replace default via 198.18.1.1 dev c0 metric 600" | laptop_ip
}

wifi_goes() {
	event world down Wi-Fi
	ip -n "$NSC" link set c0 down
}

lte_comes() {
	event world up LTE
	# Nobody asks for addresses of Ethernet there.
	printf '%s\n' "link set c1 up" "neigh replace 100.64.0.1 lladdr $LTE_PEER_MAC dev c1" \
		"route replace default via 100.64.0.1 dev c1 metric 700" | laptop_ip
}

lte_goes() {
	event world down LTE
	ip -n "$NSC" link set c1 down
}

mac() { ip -n "$1" -br link show dev "$2" | awk '{ print $3 }'; } # NAMESPACE DEVICE

lte_wire() {
	local dev
	ip -n "$NSC" link add c1 type veth peer name lc netns "$NSW"
	ip -n "$NSR" link add rd type veth peer name lr netns "$NSW"
	ip -n "$NSC" addr add $LTE_ADDR/24 dev c1
	ip -n "$NSR" addr add 100.64.0.1/24 dev rd
	ip -n "$NSR" neigh replace $LTE_ADDR lladdr "$(mac "$NSC" c1)" dev rd
	LTE_PEER_MAC=$(mac "$NSR" rd)
	for dev in "$NSC c1" "$NSR rd" "$NSW lc" "$NSW lr"; do
		ip -n "${dev% *}" link set "${dev#* }" up
	done
	mkfifo "$LAB_TMP/lte"
	# shellcheck disable=SC2086
	ip netns exec "$NSW" "$LAB_LINK" lc lr $LTE <>"$LAB_TMP/lte" >"$LAB_OUT/lte.log" 2>&1 &
	wait_for 5 grep -q ready "$LAB_OUT/lte.log" || fail "the second wire does not start"
	ip -n "$NSC" link set c1 down
}

lte_nat() {
	in_router nft -f - <<-NFT
		table ip lab {
			chain post {
				type nat hook postrouting priority srcnat
				ip saddr 100.64.0.0/24 oifname "rg" masquerade random
			}
		}
	NFT
}

# wifi_lte_up: builds it; Wi-Fi is there, LTE is not.
wifi_lte_up() {
	EVENTS=$LAB_OUT/events
	# shellcheck disable=SC2034
	LAB_WIRE=$WIFI
	lab_up
	# IPv6 takes no part, and its addresses go with the link.
	in_client sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	# A queue that never runs over, and never full: what is lost, a move has lost.
	in_client sysctl -qw net.ipv4.tcp_rmem="4096 131072 262144"
	lte_wire
	lte_nat || fail "cannot install the NAT"
	event world network Wi-Fi $CLIENT_ADDR
	event world network LTE $LTE_ADDR
	ip -n "$NSC" route del default
	wifi_comes
}
