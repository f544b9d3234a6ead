/*
 * The floor: the least that a relay on `ws` does. Rooms by URL; a message goes to the others as it
 * came, and nobody looks into it: no limits, no metrics, no log, no heartbeat.
 */
import type { AddressInfo } from 'node:net';

import { WebSocketServer, type WebSocket } from 'ws';

const rooms = new Map<string, Set<WebSocket>>();
const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  perMessageDeflate: false,
  clientTracking: false,
  backlog: 4096,
});

server.on('connection', (socket, request) => {
  const name = request.url ?? '';
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(socket));
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => {
    for (const other of room) if (other !== socket) other.send(data, { binary: isBinary });
  });
  socket.on('close', () => {
    room.delete(socket);
    if (room.size === 0) rooms.delete(name);
  });
});
server.on('listening', () => {
  process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port });
});
process.once('disconnect', () => process.exit(0));
