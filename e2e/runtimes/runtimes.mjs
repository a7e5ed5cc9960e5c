// The runtimes that the conformance suite is run on.

/**
 * @typedef {object} Runtime
 * @property {string} id
 * @property {string} name as in the table of the docs
 * @property {Record<string, string>} packages what has to be installed: name and range
 * @property {string} [versioned] the package whose version counts, if not the first
 * @property {'process' | 'worker' | 'edge'} kind
 * @property {string[]} [command] of a process: a path below `node_modules`, and parameters
 * @property {string[]} [flags] compatibility flags of a worker
 * @property {Plugin} plugin
 *
 * @typedef {object} Plugin
 * @property {string} host a file of `hosts`
 * @property {string} [database] as in the table of the docs
 * @property {string} [missing] part of the message with which the plugin does not start here
 * @property {string} [notes] for the table of the docs
 * @property {string[]} conditions that a bundler for this runtime sets
 */

const NODE = `node-${process.platform}-${process.arch}`
const MINIFLARE = { miniflare: '4.20260426.0' }
/** As wrangler sets them. */
const WORKER = ['workerd', 'worker', 'browser']

/** @type {readonly Runtime[]} */
export const RUNTIMES = [
  {
    id: 'node-20',
    name: 'Node 20',
    packages: { 'node-20': `npm:${NODE}@20`, '@libsql/kysely-libsql': '0.4.1', kysely: '0.28.18' },
    kind: 'process',
    command: ['node-20/bin/node'],
    plugin: { host: 'plugin-libsql', database: '@libsql/kysely-libsql', conditions: ['node'] },
  },
  {
    id: 'node-24',
    name: 'Node 24',
    packages: { 'node-24': `npm:${NODE}@24` },
    kind: 'process',
    command: ['node-24/bin/node'],
    plugin: { host: 'plugin-node-sqlite', database: 'node:sqlite', conditions: ['node'] },
  },
  {
    id: 'bun',
    name: 'Bun',
    packages: { bun: '1' },
    kind: 'process',
    command: ['bun/bin/bun.exe'],
    plugin: { host: 'plugin-bun', database: 'bun:sqlite', conditions: ['bun', 'node'] },
  },
  {
    id: 'deno',
    name: 'Deno',
    packages: { deno: '2' },
    kind: 'process',
    command: ['deno/deno', 'run', '--quiet', '--allow-all'],
    plugin: { host: 'plugin-node-sqlite', database: 'node:sqlite', conditions: ['deno', 'node'] },
  },
  {
    id: 'workerd-nodejs',
    name: 'Cloudflare Workers (workerd), `nodejs_compat`',
    packages: MINIFLARE,
    versioned: 'workerd',
    kind: 'worker',
    flags: ['nodejs_compat'],
    plugin: { host: 'plugin-worker', database: 'D1', conditions: WORKER },
  },
  {
    id: 'workerd',
    name: 'Cloudflare Workers (workerd), no flags',
    packages: MINIFLARE,
    versioned: 'workerd',
    kind: 'worker',
    flags: [],
    plugin: {
      host: 'plugin-worker',
      missing: 'node:',
      notes: 'Better Auth imports modules of Node',
      conditions: WORKER,
    },
  },
  {
    id: 'edge-runtime',
    name: "edge-runtime (Next's `edge`)",
    packages: { 'edge-runtime': '4' },
    kind: 'edge',
    plugin: { host: 'plugin-edge', database: 'memory, without races', conditions: ['edge-light', 'worker', 'browser'] },
  },
]
