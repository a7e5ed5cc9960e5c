import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { testDevice } from 'latchkey/testing'
import { startApp, temporaryFolder } from '../tools/servers/app-server.mjs'
import { expect, test } from '../support/notes.ts'

const note = (title: string): object => ({ data: { title, body: '', updatedAt: Date.now() } })

test('anonymous reads nothing and cannot write', async ({ app, request }) => {
  const read = await request.get(`${app.url}/api/notes`)
  expect(await read.json()).toMatchObject({ principal: null, notes: [] })
  const write = await request.put(`${app.url}/api/notes/${crypto.randomUUID()}`, note('x'))
  expect(write.status()).toBe(403)
  expect(await write.json()).toEqual({
    error: 'refused',
    code: 'ANONYMOUS_WRITE_DENIED',
    operation: 'update',
    resource: 'notes',
  })
})

test('anonymous insert, update and delete are denied before anything checks what is to be written, or who owns it (checklist 3: before any policy runs)', async ({
  app,
  request,
}) => {
  const headers = { authorization: `Bearer ${await (await testDevice()).token({ audience: app.url })}` }
  const [known, unknown] = [
    `${app.url}/api/notes/${crypto.randomUUID()}`,
    `${app.url}/api/notes/${crypto.randomUUID()}`,
  ]
  expect((await request.put(known, { ...note('Of a person'), headers })).status()).toBe(200)
  for (const url of [known, unknown]) {
    for (const [operation, write] of [
      ['update', request.put(url, note('x'))],
      ['update', request.put(url, { data: 'no note' })],
      ['delete', request.delete(`${url}?updatedAt=${Date.now()}`)],
      ['delete', request.delete(url)],
    ] as const) {
      const answer = await write
      expect([answer.status(), await answer.json()]).toEqual([
        403,
        { error: 'refused', code: 'ANONYMOUS_WRITE_DENIED', operation, resource: 'notes' },
      ])
    }
  }
  expect(await (await request.get(`${app.url}/api/notes`, { headers })).json()).toMatchObject({
    notes: [{ title: 'Of a person' }],
  })
})

test("no one reads, overwrites or deletes another principal's note", async ({ app, request }) => {
  const [ada, eve] = [await testDevice(), await testDevice()]
  const headers = async (device: typeof ada) => ({
    authorization: `Bearer ${await device.token({ audience: app.url })}`,
  })
  const url = `${app.url}/api/notes/${crypto.randomUUID()}`
  expect((await request.put(url, { ...note('Of Ada'), headers: await headers(ada) })).status()).toBe(200)
  expect((await request.put(url, { ...note('Of Eve'), headers: await headers(eve) })).status()).toBe(404)
  expect((await request.delete(`${url}?updatedAt=${Date.now()}`, { headers: await headers(eve) })).status()).toBe(404)
  const seen = async (device: typeof ada) =>
    (await (await request.get(`${app.url}/api/notes`, { headers: await headers(device) })).json()) as {
      notes: { title: string }[]
    }
  expect((await seen(eve)).notes).toEqual([])
  expect((await seen(ada)).notes).toMatchObject([{ title: 'Of Ada' }])
})

test('a token for another app is refused, and says only that', async ({ app, request }) => {
  const token = await (await testDevice()).token({ audience: 'https://other.example' })
  const response = await request.get(`${app.url}/api/notes`, { headers: { authorization: `Bearer ${token}` } })
  expect(response.status()).toBe(401)
  expect(response.headers()['www-authenticate']).toBe('Bearer error="invalid_token", error_description="invalid"')
  expect(await response.json()).toEqual({ error: 'unauthenticated', code: 'invalid' })
})

const mistakes = {
  'a port in use': async (url: string) => ({
    environment: { PORT: new URL(url).port, LATCHKEY_DATA: temporaryFolder() },
    words: /^Port \d+ is in use: .+\.$/,
  }),
  'a port that is none': async () => ({
    environment: { PORT: 'http', LATCHKEY_DATA: temporaryFolder() },
    words: /^PORT must be a number from 1 to 65535, got "http"\.$/,
  }),
  'a data folder that cannot be written': async (url: string) => ({
    environment: { PORT: new URL(url).port, LATCHKEY_DATA: '/proc/nowhere' },
    words: /^The data cannot be kept in \/proc\/nowhere \(.+\): .+\.$/,
  }),
  'a file of the secret without one': async (url: string) => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'secret'), '\n')
    return {
      environment: { PORT: new URL(url).port, LATCHKEY_DATA: folder },
      words: /^.+secret does not contain a secret: restore it, or delete it, which signs out every user\.$/,
    }
  },
} as const

for (const [mistake, prepare] of Object.entries(mistakes)) {
  test(`${mistake} ends the start with one sentence and a code`, async ({ app }) => {
    const { environment, words } = await prepare(app.url)
    const outcome = await startApp(environment)
    expect(outcome.code).toBe(1)
    expect(outcome.output).toBe('')
    expect(outcome.complaint.trim()).toMatch(words)
  })
}
