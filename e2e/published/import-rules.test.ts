import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** For each folder: what its files may import, and what they must not. `docs/architecture.md` says why. */
const IMPORTS: Readonly<Record<string, { allowed: readonly string[]; forbidden: readonly string[] }>> = {
  'lib/identity': { allowed: ['./base64.ts', '../errors.ts'], forbidden: ['../tokens/mint.ts', 'react'] },
  'lib/tokens': {
    allowed: ['../identity/key.ts', 'node:crypto'],
    forbidden: ['../server/gate.ts', '../client/auth.ts'],
  },
  'lib/keystore': { allowed: ['idb-keyval'], forbidden: ['./file.ts', 'node:fs', '../client/auth.ts'] },
  'lib/machine': { allowed: ['../keystore/record.ts'], forbidden: ['../client/auth.ts', '../keystore/memory.ts'] },
  'lib/client': { allowed: ['./tokens/audience.ts'], forbidden: ['node:fs', 'jose', '../server.ts', 'better-auth'] },
  'lib/client/account': {
    allowed: ['../tokens/exchange.ts', '../device/usage.ts', '../shared/lock.ts', '../auth.ts'],
    forbidden: ['../later.ts', '../controls.ts', '../start-context.ts', '../create-auth.ts', 'react'],
  },
  'lib/client/tokens': {
    allowed: ['../device/usage.ts', '../shared/lock.ts', '../auth.ts'],
    forbidden: ['../account/upgrade.ts', '../later.ts', '../background.ts', 'react'],
  },
  'lib/client/device': {
    allowed: ['../shared/lock.ts', '../auth.ts'],
    forbidden: ['../account/upgrade.ts', '../tokens/exchange.ts', '../controls.ts'],
  },
  'lib/client/shared': {
    allowed: ['./lock.ts', '../auth.ts'],
    forbidden: ['../account/upgrade.ts', '../tokens/exchange.ts', '../device/usage.ts', '../lazy.ts'],
  },
  'lib/recovery': { allowed: ['../client/auth.ts'], forbidden: ['../server/resolver.ts', '../keystore/memory.ts'] },
  'lib/passkey': { allowed: ['../recovery/restore.ts'], forbidden: ['../recovery/phrase.ts', 'node:crypto'] },
  'lib/pairing': { allowed: ['hpke'], forbidden: ['../recovery/restore.ts', '../server.ts'] },
  'lib/session/runtime': { allowed: ['../machine/state.ts'], forbidden: ['../connect-session.ts', 'jose'] },
  'lib/server/external': { allowed: ['../clock.ts', 'jose'], forbidden: ['../resolver.ts', '../bindings/binder.ts'] },
  'lib/server/bindings': { allowed: ['../external/verifier.ts'], forbidden: ['../resolver.ts', '../guards.ts'] },
  'adapters/hono': {
    allowed: ['hono', '../../lib/server.ts'],
    forbidden: ['../express/index.ts', '../../lib/server/gate.ts'],
  },
  'adapters/better-auth/routes': {
    allowed: ['../hooks/proofs.ts', '../schema.ts'],
    forbidden: ['../plugin.ts', '../jwt.ts'],
  },
  'adapters/better-auth/hooks': { allowed: ['../binding/keys.ts'], forbidden: ['../routes/bind.ts', '../plugin.ts'] },
  'adapters/better-auth/binding': { allowed: ['../schema.ts'], forbidden: ['../hooks/proofs.ts', '../exchange.ts'] },
  'e2e/specs': { allowed: ['latchkey'], forbidden: ['../../lib/index.ts', '../../dist/lib/index.js'] },
}

// A pattern that oxlint cannot read, or that another one cancels, matches nothing, without an error.
test('the linter reports every import against the direction, and no other one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-imports-'))
  try {
    cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
    const expected: string[] = []
    for (const [place, { allowed, forbidden }] of Object.entries(IMPORTS))
      for (const source of [...allowed, ...forbidden]) {
        const file = `${place}/${encodeURIComponent(source).replaceAll('.', '_')}.ts`
        mkdirSync(dirname(join(folder, file)), { recursive: true })
        writeFileSync(join(folder, file), `import { it } from '${source}'\nexport const used = it()\n`)
        if (forbidden.includes(source)) expected.push(`${place} ← ${source}`)
      }
    expect(reported(folder)).toEqual(expected.toSorted())
  } finally {
    rmSync(folder, { recursive: true })
  }
})

function reported(folder: string): string[] {
  const oxlint = join(root, 'node_modules/.bin/oxlint')
  // Ends with 1, since it finds something.
  const { stdout } = spawnSync(oxlint, ['--quiet', '--format=json', '.'], { cwd: folder, encoding: 'utf8' })
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: readonly { code: string; filename: string }[] }
  const found = diagnostics.filter(({ code }) => code.includes('no-restricted-imports'))
  // Two patterns may forbid the same import.
  return [...new Set(found.map(({ filename }) => filename))].map(importOf).toSorted()
}

/** The name of a file says what it imports. */
function importOf(filename: string): string {
  return `${dirname(filename)} ← ${decodeURIComponent(basename(filename, '.ts')).replaceAll('_', '.')}`
}
