/* PeerJS server as its command starts it, with room for as many clients as the bench has. */
import type { AddressInfo } from 'node:net';

import { PeerServer } from 'peer';

PeerServer(
  { port: 0, host: '127.0.0.1', path: '/', key: 'peerjs', concurrent_limit: 100_000 },
  (server) => {
    process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port });
  },
);
process.once('disconnect', () => process.exit(0));
