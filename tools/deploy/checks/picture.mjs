import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromiumPath, openBrowser } from '@peerdeck/harness/browser';
import { openDisplay } from '@peerdeck/harness/display';
import { Host } from '@peerdeck/harness/host';
import { xprobe } from '@peerdeck/harness/paths';
import { Probe } from '@peerdeck/harness/probe';
import { openViewer } from '@peerdeck/harness/viewer';
import { which } from '../../setup/command.mjs';
import { bothServe, mint, NODES } from './room.mjs';

const NAME = 'a host shows its desktop to a browser through the proxy';

/** The product itself, by what runs here: a host with its token, and the page that the proxy has. */
export async function checkPicture(context) {
  const { table, root } = context;
  const needed = [xprobe, chromiumPath, join(root, 'native/pion_webrtc/dist')];
  const missing = needed.find((path) => !existsSync(path)) ?? (which('Xvfb') ? undefined : 'Xvfb');
  if (missing !== undefined) {
    table.skip(NAME, `${missing} is not here: npm test installs and builds it`);
    return;
  }
  const closers = [];
  const keep = (part) => {
    closers.unshift(() => part.close());
    return part;
  };
  try {
    let parts;
    const shown = await table.check(NAME, async () => {
      parts = await open(context, keep);
    });
    if (!shown) return;
    await table.check('the picture goes on while no node is there; then a viewer comes', () =>
      withoutNodes(context, parts, keep),
    );
  } finally {
    for (const close of closers) await close().catch(() => {});
  }
}

async function open(context, keep) {
  const { ports, host: address, tlsFolder, folder } = context;
  const tokenFile = join(folder, 'host.token');
  writeFileSync(tokenFile, await mint(context, 'host'), { mode: 0o600 });
  const display = keep(await openDisplay(1280, 720));
  const probe = keep(new Probe(display.name));
  await probe.ready();
  const env = { NODE_EXTRA_CA_CERTS: join(tlsFolder, 'site.pem') };
  const at = { address, port: ports['https-port'], secure: true };
  const host = keep(new Host({ ...at, display: display.name, tokenFile, env }));
  await host.ready();
  const browser = keep(await openBrowser());
  const viewer = await view(context, { browser, host }, keep);
  await viewer.waitForPaint(await probe.paint());
  return { probe, host, browser, viewer };
}

async function view(context, { browser, host }, keep) {
  const viewer = keep(await openViewer({ browser, anyCertificate: true }));
  await viewer.open(`${host.viewUrl}&t=${await mint(context, 'viewer')}`);
  await viewer.waitForPicture();
  return viewer;
}

async function withoutNodes(context, parts, keep) {
  const { stack } = context;
  for (const node of NODES) await stack.docker(['kill'], node);
  await parts.viewer.waitForPaint(await parts.probe.paint());
  for (const node of NODES) await stack.docker(['start'], node);
  await stack.healthy(NODES);
  await bothServe(context);
  await parts.viewer.waitForPaint(await parts.probe.paint());
  await view(context, parts, keep);
}
