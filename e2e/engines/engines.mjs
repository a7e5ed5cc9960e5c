// The sync engines that are run through the lines, with pinned versions.

/**
 * @typedef {object} EngineEntry
 * @property {string} id the name of its file
 * @property {string} name as in the table of the docs
 * @property {readonly string[]} packages what has to be installed, with versions
 * @property {Readonly<Record<string, string>>} [overrides] for npm
 * @property {readonly string[]} [builds] packages whose install scripts are run
 * @property {true} [needsPostgres] whose address `LATCHKEY_POSTGRES` names
 */

/** @type {readonly EngineEntry[]} */
export const ENGINES = [
  {
    id: 'triplit',
    name: 'Triplit',
    packages: ['@triplit/client@1.0.50', '@triplit/server@1.1.8', 'fake-indexeddb@6.2.8'],
  },
  {
    id: 'hocuspocus',
    name: 'Hocuspocus and Yjs',
    packages: [
      '@hocuspocus/provider@4.8.0',
      '@hocuspocus/server@4.7.0',
      'yjs@13.6.33',
      'y-indexeddb@9.0.12',
      'fake-indexeddb@6.2.8',
      'ws@8.23.0',
    ],
  },
  {
    id: 'zero',
    name: 'Zero',
    packages: ['@rocicorp/zero@1.9.0', 'pg@8.23.1', 'fake-indexeddb@6.2.8'],
    builds: ['@rocicorp/zero-sqlite3'],
    needsPostgres: true,
  },
  {
    id: 'tanstack-db',
    name: 'TanStack DB over HTTP',
    packages: [
      '@tanstack/db@0.15.2',
      '@tanstack/query-db-collection@1.4.8',
      '@tanstack/offline-transactions@1.0.53',
      '@tanstack/query-core@5',
    ],
    // Without it there are two copies, and `insert` throws MissingInsertHandlerError.
    overrides: { '@tanstack/db': '$@tanstack/db' },
  },
  { id: 'rxdb', name: 'RxDB, its own replication', packages: ['rxdb@17.6.0', 'rxjs@7.8.2'] },
]

/** Packages of e2e/engines/recipes, which are compiled and not run. */
export const RECIPES = [
  '@automerge/automerge-repo@2.5.6',
  '@automerge/automerge-repo-network-websocket@2.5.6',
  '@electric-sql/client@1.5.28',
  '@livestore/livestore@0.4.0',
  '@livestore/peer-deps@0.4.0',
  '@livestore/sync-cf@0.4.0',
  // Newer versions do not fit the peers of LiveStore.
  '@opentelemetry/api@1.9.0',
  '@powersync/common@2.3.0',
  '@supabase/supabase-js@2.119.1',
  '@types/pouchdb@6.4.2',
  'convex@1.48.0',
  'dexie@4.4.7',
  'dexie-cloud-addon@4.4.14',
  'pouchdb@9.0.0',
  'tinybase@10.0.1',
  'ws@8.23.0',
]
