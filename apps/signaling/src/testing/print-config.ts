/**
 * Prints what the service makes of an environment, as JSON, or fails as its start would:
 *
 *   node --conditions=@peerdeck/source print-config.ts '{"NAME":"value"}'
 */
import { parseConfig } from '../config/config.ts';

const environment = JSON.parse(process.argv[2] ?? '{}') as Record<string, string>;
console.log(JSON.stringify(parseConfig(environment)));
