#!/bin/sh
# Starts coturn with turnserver.conf and what that leaves to whoever starts it. The secret goes into
# a file of this container's memory: arguments would show it to everybody.
set -eu
umask 077
: "${TURN_SECRET:?is empty}" "${TURN_REALM:?is empty}"
{
  cat /etc/peerdeck/turnserver.conf
  echo
  echo "static-auth-secret=$TURN_SECRET"
  [ -z "${TURN_SECRET_OLD:-}" ] || echo "static-auth-secret=$TURN_SECRET_OLD"
  echo "realm=$TURN_REALM"
  echo "userdb=/tmp/turndb"
  echo "pidfile=/tmp/turnserver.pid"
  [ -z "${TURN_EXTERNAL_IP:-}" ] || echo "external-ip=$TURN_EXTERNAL_IP"
  if [ -r /run/tls/site.pem ]; then
    echo "cert=/run/tls/site.pem"
    echo "pkey=/run/tls/site.pem.key"
  else
    echo "no-tls"
    echo "no-dtls"
  fi
} >/tmp/turnserver.conf
exec turnserver -c /tmp/turnserver.conf --listening-port="${TURN_PORT:-3478}" \
  --tls-listening-port="${TURNS_PORT:-5349}"
