import { TurnClient } from '@peerdeck/harness/turn-client';

/** Asks for an allocation: `{ error, address }`, where 0 is no error. */
export async function allocate(server, { username, credential }) {
  const client = new TurnClient(server, { username, credential });
  try {
    const { error, relayed } = await client.allocate();
    return { error, address: relayed === undefined ? '' : JSON.stringify(relayed) };
  } finally {
    client.close();
  }
}
