import { expect, test } from 'vitest'
import type { AuthState } from '../machine/state.ts'
import { INITIAL_STATE } from '../machine/state.ts'
import { adviceFor } from './advice.ts'

const ORIGIN = 'https://notes.example'
const adviceOf = (state: Partial<AuthState>, controls = {}): ReturnType<typeof adviceFor> =>
  adviceFor({ ...INITIAL_STATE, ...state }, controls, ORIGIN)

test('nothing is explained while nothing is wrong', () => {
  expect(adviceOf({ phase: 'ready' })).toEqual([])
})

test('a token that a server refuses is explained by the addresses that have to be equal', () => {
  const [advice] = adviceOf({ error: 'invalid' }, { audience: 'app', accountAudience: `${ORIGIN}/api/auth` })
  expect(advice?.text).toBe(
    `Tokens of this page are for app, proofs for ${ORIGIN}/api/auth. Behind a proxy, baseURL of the server has to be ${ORIGIN}; outside production, its log names what it expects.`,
  )
  expect(adviceOf({ error: 'invalid' })[0]?.text).toContain(`are for ${ORIGIN}. Behind`)
})

test('an account that was signed in outside upgrade is explained, one of a pending upgrade is not', () => {
  const account = { accountId: '1', principal: 'p', identifiers: [] }
  expect(adviceOf({ upgrade: { account } })).toMatchObject([{ page: 'use-session.md#calls-that-bypass-latchkey' }])
  expect(adviceOf({ upgrade: { account, pending: { expected: null, expiresAt: 1 } } })).toEqual([])
})

test('each other error leads to its section', () => {
  const storage = { ...INITIAL_STATE.storage, problem: 'KEYSTORE_FULL' } as const
  expect(adviceOf({ error: 'missing', storage }).map(({ page }) => page)).toEqual([
    'errors.md#session_missing',
    'errors.md#keystore_full',
  ])
  expect(adviceOf({ upgrade: { failure: 'OFFLINE' } })).toMatchObject([{ title: 'OFFLINE' }])
  expect(adviceOf({ error: 'expired' })[0]?.page).toBe('troubleshooting.md#only-some-devices-get-401')
  expect(adviceOf({ error: 'disabled' })[0]?.page).toBe('errors.md#principal_disabled')
})
