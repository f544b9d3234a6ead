#!/bin/sh
# Starts coturn with turnserver.conf and what that leaves to whoever starts it. The secret goes into
# a file of this container's memory: arguments would show it to everybody. Arguments go to coturn.
set -eu
umask 077
: "${TURN_SECRET:?is empty}" "${TURN_REALM:?is empty}"
given=${TURN_CONFIG:-/etc/peerdeck/turnserver.conf}
work=${TURN_WORK:-/tmp}

# Addresses of this machine, as the kernel has them: no image has a program for that in common.
own_addresses() {
  awk '/32 host LOCAL/ { print last } { last = $2 }' /proc/net/fib_trie
  [ ! -r /proc/net/if_inet6 ] || sed 's/ .*//; s/..../&:/g; s/:$//' /proc/net/if_inet6
  echo "${TURN_EXTERNAL_IP:-}" | sed 's|/.*||'
}

# Whether the relay reaches the machine it stands on, which is a way past its firewall. Two peers that
# have nothing but the relay need it. coturn allows PUBLIC and PRIVATE of an external-ip=PUBLIC/PRIVATE
# whatever is denied, and without PRIVATE neither.
addresses() {
  if [ "${TURN_RELAY_TO_RELAY:-false}" = true ]; then
    external=${TURN_EXTERNAL_IP:-}
  else
    external=${TURN_EXTERNAL_IP:-}
    external=${external%%/*}
    own_addresses | sort -u | sed '/^$/d; s/^/denied-peer-ip=/'
  fi
  [ -z "$external" ] || echo "external-ip=$external"
}

{
  cat "$given"
  echo
  echo "static-auth-secret=$TURN_SECRET"
  [ -z "${TURN_SECRET_OLD:-}" ] || echo "static-auth-secret=$TURN_SECRET_OLD"
  echo "realm=$TURN_REALM"
  echo "userdb=$work/turndb"
  echo "pidfile=$work/turnserver.pid"
  addresses
  if [ -r /run/tls/site.pem ]; then
    echo "cert=/run/tls/site.pem"
    echo "pkey=/run/tls/site.pem.key"
  else
    echo "no-tls"
    echo "no-dtls"
  fi
} >"$work/turnserver.conf"
exec turnserver -c "$work/turnserver.conf" --listening-port="${TURN_PORT:-3478}" \
  --tls-listening-port="${TURNS_PORT:-5349}" "$@"
