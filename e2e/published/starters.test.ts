import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type Sqlite from 'better-sqlite3'
import type { Auth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { testDevice } from 'latchkey/testing'
import { expect, onTestFinished, test, vi } from 'vitest'

const ORIGIN = 'http://localhost:4173'

// Node has SQLite of its own from version 22.
vi.mock('node:sqlite', async () => ({ DatabaseSync: (await import('better-sqlite3')).default }))

/** A module of a starter's server: it is compiled in the app that `latchkey init` makes, and not here. */
const load = async (name: string): Promise<unknown> =>
  import(fileURLToPath(new URL(`../starters/shared/server/${name}.ts`, import.meta.url)))

/** The server of the starters, in a folder of its own. */
async function startServer() {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-starter-'))
  vi.stubEnv('DATA_DIR', folder)
  vi.stubEnv('BETTER_AUTH_URL', ORIGIN)
  onTestFinished(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })
  const plugins = [latchkey(), latchkeyJwt()]
  const { accounts } = (await load('database')) as { accounts: Sqlite.Database }
  await (await getMigrations({ baseURL: ORIGIN, database: accounts, plugins })).runMigrations()
  const { auth } = (await load('auth')) as { auth: Auth }
  const { handleNotes } = (await load('notes')) as { handleNotes: (request: Request) => Promise<Response> }
  return { auth, handleNotes }
}

test('a note that the server has taken outlives a sign-up that fails around it', async () => {
  // The server looks a device up every five seconds, for which it would wait for the sign-up.
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const { auth, handleNotes } = await startServer()
  const device = await testDevice()
  const headers = { authorization: `Bearer ${await device.token({ audience: ORIGIN })}` }
  const read = async (): Promise<string[]> => {
    const { notes } = (await (await handleNotes(new Request(`${ORIGIN}/api/notes`, { headers }))).json()) as {
      notes: { text: string }[]
    }
    return notes.map(({ text }) => text)
  }
  expect(await read()).toEqual([])

  const context = await auth.$context
  context.password.hash = async () => {
    const note = { id: crypto.randomUUID(), owner: device.principal, text: 'Taken', updatedAt: 1, isDeleted: false }
    const body = JSON.stringify({ changes: [note] })
    const answer = await handleNotes(new Request(`${ORIGIN}/api/notes`, { method: 'PUT', headers, body }))
    expect(answer.status).toBe(200)
    throw new Error('no memory for the hash')
  }
  const signUp = auth.api.signUpEmail({ body: { name: 'Ada', email: 'ada@example.com', password: 'correct horse' } })
  await expect(signUp).rejects.toThrow('no memory for the hash')
  expect(await read()).toEqual(['Taken'])
})
