import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Chunk, bundle } from '../tools/build/bundle.mjs'

const entry = (name: string): string => fileURLToPath(new URL(`../bench/entries/${name}.mjs`, import.meta.url))

/** What would name a leak: server code, the verifier, jose, @noble, Node. */
const FORBIDDEN = [
  'TOKEN_SIGNATURE',
  'ANONYMOUS_WRITE_DENIED',
  'ERR_JOSE_GENERIC',
  'node:',
  'getBuiltinModule',
  'better-auth',
]

test('a bundle with server code has the words that would name a leak', async () => {
  const chunks = await bundle(fileURLToPath(new URL('../../dist/lib/server.js', import.meta.url)))
  const code = chunks.map((chunk) => chunk.code).join('')
  for (const word of ['TOKEN_SIGNATURE', 'ANONYMOUS_WRITE_DENIED', 'ERR_JOSE_GENERIC'])
    expect.soft(code.includes(word), word).toBe(true)
})

describe('what a page loads', () => {
  let chunks: Chunk[]

  test('comes in parts: the identity first, the rest, @noble and the controls of developer tools later', async () => {
    chunks = await bundle(entry('latchkey'))
    expect(chunks.filter(({ first }) => first)).toHaveLength(1)
    expect(
      chunks.map(({ name }) => name.replace(/-[\w-]{8}\.js$|\.m?js$/, '').replace(/^assets\//, '')).sort(),
    ).toEqual(['controls', 'latchkey', 'lazy', 'noble'])
  })

  test('has a first part of less than 6,131 bytes, checks of options included', () => {
    const [first] = chunks.filter((chunk) => chunk.first)
    expect(first!.bytes).toBeLessThan(6131)
  })

  test('has no server code', () => {
    for (const { name, code } of chunks)
      for (const word of FORBIDDEN) expect.soft(code.includes(word), `${name} contains ${word}`).toBe(false)
  })

  test('has no @noble in its first part', () => {
    const isNoble = ({ code }: Chunk): boolean => /sha512|Uint32Array\(80\)|0x428a2f98d728ae22/.test(code)
    expect(chunks.filter(isNoble).map(({ name }) => name.includes('noble'))).toEqual([true])
  })

  test('has the developer panel apart, and the table of the machine once, in the later chunk', async () => {
    const withPanel = await bundle(entry('devtools'))
    const isPanel = ({ code }: Chunk): boolean => code.includes('adoptedStyleSheets')
    expect(withPanel.filter(isPanel).map(({ name, first }) => [name.includes('panel'), first])).toEqual([[true, false]])
    expect(withPanel.filter(({ code }) => code.includes('reportIgnored')).map(({ first }) => first)).toEqual([false])
    for (const { name, code } of withPanel)
      for (const word of FORBIDDEN) expect.soft(code.includes(word), `${name} contains ${word}`).toBe(false)
  })

  test('has a session in one part of its own, with no key, no store and no server code', async () => {
    const [session, ...others] = await bundle(entry('session'))
    expect(others).toEqual([])
    for (const word of [...FORBIDDEN, 'indexedDB', 'BroadcastChannel', 'Ed25519', 'HKDF', '@noble'])
      expect.soft(session!.code.includes(word), word).toBe(false)
  })

  test('needs no import() where a service worker allows none', async () => {
    const [worker, ...others] = await bundle(entry('worker'))
    expect(others.map(({ name }) => name).filter((name) => !name.includes('noble'))).toEqual([])
    expect(worker!.code).toContain('signedOut')
  })
})
