/**
 * What README, docs and the texts that users read speak of, and what shows that it is there.
 *
 * A sentence or row that speaks of a feature without evidence carries MARK. Once the evidence is there, the
 * mark must go. A new feature that a text promises gets an entry here.
 */
export const MARK = /not there yet/i;

/** Texts that promise. Figures and decisions tell what was, and are left out. */
export const TEXTS =
  /^(?:README\.md|docs\/(?!benchmarks\.md)[^/]+\.md|apps\/web-client\/(?:index\.html|src\/ui\/messages\.ts)|apps\/host-agent\/src\/(?:cli|config-schema)\.ts|tools\/setup\/(?:start-options|status-text)\.mjs)$/;

/**
 * `words`: how a text speaks of it. `evidence`: a file and what stands in it once the feature is
 * there; a file that is missing is no evidence. `notMeant`: the same words with another meaning.
 *
 * @type {{ feature: string, words: RegExp, evidence: { files: RegExp, shows: RegExp }, notMeant?: RegExp }[]}
 */
export const PROMISES = [
  {
    feature: 'clipboard',
    words: /\bclipboard\b/i,
    evidence: {
      files: /^libs\/protocol\/src\/control-messages\.ts$/,
      shows: /literal\('clipboard/,
    },
    notMeant: /hold no code, token, SDP, key press or clipboard text/,
  },
  {
    feature: 'gamepads',
    words: /\bgamepads?\b/i,
    evidence: { files: /^apps\/web-client\/src\/.*\.ts$/, shows: /\bgetGamepads\(/ },
  },
  {
    feature: 'audio',
    words: /\baudio\b/i,
    evidence: { files: /^native\/capture-encoder\/src\/audio\//, shows: /./ },
  },
  {
    feature: 'time of the GPU for the conversion',
    words: /\bgpuTiming\b|\bvpGpuMs\b/,
    evidence: { files: /^native\/capture-encoder\/src\/.*\.(?:cpp|h)$/, shows: /"vpGpuMs"/ },
    notMeant: /^\s*vpGpuMs: true/,
  },
  {
    feature: 'deferred contexts',
    words: /\bdeferredContext\b/,
    evidence: {
      files: /^native\/capture-encoder\/src\/.*\.cpp$/,
      shows: /CreateDeferredContext\(/,
    },
  },
  {
    feature: 'keyboard lock',
    words: /\bkeyboard lock\b/i,
    evidence: { files: /^apps\/web-client\/src\/.*\.ts$/, shows: /\bkeyboard\??\.lock\b/ },
  },
  {
    feature: 'ended: kicked',
    words: /`ended`.*`kicked`|`ended: kicked`/,
    evidence: { files: /^apps\/host-agent\/src\/[\w-]+(?<!\.spec)\.ts$/, shows: /'kicked'\)/ },
  },
  {
    feature: 'ended: replaced',
    words: /`ended`.*`replaced`|`ended: replaced`/,
    evidence: { files: /^apps\/host-agent\/src\/[\w-]+(?<!\.spec)\.ts$/, shows: /'replaced'\)/ },
  },
  {
    feature: 'one viewer at a time',
    words: /\bone viewer at a time\b/i,
    evidence: { files: /^$/, shows: /^$/ },
  },
];
