import { describe, expect, test, vi } from 'vitest'
import type { Auth } from '../client/auth.ts'
import { memoryStore } from '../keystore/memory.ts'
import { createAuth } from '../worker.ts'
import { connectSession } from './connect-session.ts'
import type { SessionOptions } from './options.ts'
import { rest, testIdentity, testSession, testTime, testTransport } from './session.testing.ts'
import type { SessionConnection } from './transport.ts'

/** A session on a transport that keeps data, connected as the first user. */
async function connected(options: SessionOptions = {}) {
  const auth = createAuth({ keystore: memoryStore(), audience: 'https://app.example' })
  const log: string[] = []
  const connect = (_: string, connection: SessionConnection): void => {
    log.push(`connect ${connection.principal}`)
    connection.accepted()
  }
  const transport = { keeps: 'data' as const, connect, disconnect() {}, clear: () => void log.push('clear') }
  const onFault = vi.fn()
  const session = connectSession(auth, transport, { onFault, ...options })
  await vi.waitFor(() => expect(log).toHaveLength(1), { timeout: 30_000 })
  return { auth, session, log, onFault, first: auth.getState().session!.principal }
}

async function nextUser(auth: Auth): Promise<string> {
  await auth.signOut()
  return (await auth.ensureIdentity()).principal
}

describe("`start` over the previous user's data", () => {
  test('is refused without `beforeRestart`', async () => {
    const { auth, session, log, first } = await connected()
    await nextUser(auth)
    await vi.waitFor(() => expect(session.getState().status).toBe('ended'), { timeout: 30_000 })
    await expect(session.start()).rejects.toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    expect(log).toEqual([`connect ${first}`])
  })

  test('is refused where `beforeRestart` rejects', async () => {
    const unsent = new Error('unsent writes')
    const { auth, session, log, first } = await connected({ beforeRestart: () => Promise.reject(unsent) })
    await nextUser(auth)
    await vi.waitFor(() => expect(session.getState().status).toBe('ended'), { timeout: 30_000 })
    await expect(session.start()).rejects.toBe(unsent)
    expect(log).toEqual([`connect ${first}`])
  })

  test('waits for `beforeRestart`, also after `end`', async () => {
    const beforeRestart = vi.fn((_: unknown, session: { clear(): Promise<void> }) => session.clear())
    const { auth, session, log, first } = await connected({ beforeRestart })
    await session.end()
    const next = await nextUser(auth)
    await session.start()
    await vi.waitFor(() => expect(log).toEqual([`connect ${first}`, 'clear', `connect ${next}`]), { timeout: 30_000 })
    expect(beforeRestart).toHaveBeenCalledExactlyOnceWith({ from: first, to: next }, expect.anything())
  })

  test('waits for a `beforeRestart` that has been called already, and does not call it again', async () => {
    let decide = (): void => {}
    const beforeRestart = vi.fn(() => new Promise<void>((resolve) => void (decide = resolve)))
    const { auth, session, log, first } = await connected({ beforeRestart })
    const next = await nextUser(auth)
    await vi.waitFor(() => expect(beforeRestart).toHaveBeenCalledOnce(), { timeout: 30_000 })
    const started = session.start()
    await auth.ready
    expect(log).toEqual([`connect ${first}`])
    decide()
    await started
    await vi.waitFor(() => expect(log).toEqual([`connect ${first}`, `connect ${next}`]), { timeout: 30_000 })
    expect(beforeRestart).toHaveBeenCalledOnce()
  })

  test('with a token of that user makes an answer to `beforeRestart` void: nothing of the running session is deleted', async () => {
    let decide = (): void => {}
    const beforeRestart = vi.fn(async (_: unknown, session: { clear(): Promise<void> }) => {
      await new Promise<void>((resolve) => void (decide = resolve))
      await session.clear()
    })
    const { auth, session, log, first } = await connected({ beforeRestart })
    await session.end()
    const next = await nextUser(auth)
    const refused = expect(session.start()).rejects.toMatchObject({ code: 'SESSION_ENDED' })
    await vi.waitFor(() => expect(beforeRestart).toHaveBeenCalledOnce(), { timeout: 30_000 })
    await session.start(await auth.getToken())
    await vi.waitFor(() => expect(log).toHaveLength(2), { timeout: 30_000 })
    decide()
    await refused
    expect(log).toEqual([`connect ${first}`, `connect ${next}`])
  })

  test('of the same user needs none, nor after `clear`', async () => {
    const { auth, session, log, first } = await connected()
    await session.end()
    await session.start()
    await vi.waitFor(() => expect(log).toEqual([`connect ${first}`, `connect ${first}`]), { timeout: 30_000 })
    await session.end()
    await session.clear()
    const next = await nextUser(auth)
    await session.start()
    await vi.waitFor(() => expect(log.at(-1)).toBe(`connect ${next}`), { timeout: 30_000 })
  })
})

test('principals of the next user that change while the app decides about the data start no session', async () => {
  const time = testTime()
  const { auth, account, server, principal } = await testIdentity(time)
  const transport = testTransport()
  const beforeRestart = vi.fn(() => new Promise(() => {}))
  await testSession(time, auth, transport, { beforeRestart })
  const before = [`connect of ${principal()}`, 'disconnect ended']
  await auth.signOut()
  server.accounts.set('bob', { accountId: 'bob', principal: 'bob', aliases: [], recoverable: true, claims: {} })
  await auth.upgrade(() => account.signIn('bob'))
  await rest()
  server.accounts.get('bob')!.aliases = ['device']
  await auth.getToken({ fresh: true })
  await rest()
  expect(auth.getState().session?.principals).toEqual(['bob', 'device'])
  expect([transport.calls, beforeRestart.mock.calls.length]).toEqual([before, 1])
})
