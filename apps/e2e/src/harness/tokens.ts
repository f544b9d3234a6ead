import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { mintTokenMain, workspace } from '@peerdeck/harness/paths';

const run = promisify(execFile);

/** A token as an operator makes one: by the command. */
export async function mintToken(secret: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(
    process.execPath,
    ['--conditions=@peerdeck/source', mintTokenMain, ...args],
    { cwd: workspace, env: { PATH: process.env['PATH'], JWT_SECRET: secret } },
  );
  return stdout.trim();
}
