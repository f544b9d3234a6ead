import { writeFileSync } from 'node:fs';
import { configurationMarkdown } from './config-docs.ts';

writeFileSync(new URL('../../../docs/configuration.md', import.meta.url), configurationMarkdown());
