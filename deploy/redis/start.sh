#!/bin/sh
# Starts Redis for the signaling nodes, with one user that may touch their keys and channels only.
# The password goes into a file of this container's memory: arguments would show it to everybody.
set -eu
umask 077
: "${REDIS_PASSWORD:?is empty}"
cat >/tmp/redis.conf <<EOF
bind * -::*
port 6379
dir /data
# The nodes assert again what Redis forgets, so nothing has to be written to disk.
save ""
appendonly ${REDIS_PERSISTENCE:-no}
appendfsync everysec
# Rooms are small; running out of memory is an error to see, never a room that vanishes.
maxmemory ${REDIS_MAX_MEMORY:-256mb}
maxmemory-policy noeviction
tcp-keepalive 30
timeout 0
user default off
user health on nopass resetkeys resetchannels -@all +ping
user signaling on >${REDIS_PASSWORD} ~peerdeck* resetchannels &peerdeck* +@all -@admin -@dangerous +info
EOF
exec redis-server /tmp/redis.conf
