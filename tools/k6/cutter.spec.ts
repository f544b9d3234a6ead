import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Cutter } from './cutter.ts';

describe('the cutter', () => {
  it('passes on what is said, and cuts both sides off', async () => {
    const echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const cutter = await Cutter.open((echo.address() as AddressInfo).port);
    try {
      const served = once(echo, 'connection');
      const client = connect(Number(new URL(cutter.url).port), '127.0.0.1');
      client.write('hello');
      const [data] = (await once(client, 'data')) as [Buffer];
      expect(data.toString()).toBe('hello');
      const [socket] = await served;
      const gone = new Promise((resolve) => (socket as Socket).once('close', resolve));
      const [cut] = await Promise.all([once(client, 'error'), gone]);
      expect(cut[0]).toMatchObject({ code: 'ECONNRESET' });
    } finally {
      cutter.close();
      echo.close();
    }
  });
});
