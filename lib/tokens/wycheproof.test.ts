import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSessionResolver } from '../server/resolver.ts'
import { decodeJws } from './decode.ts'
import { APP, NOW, encode, outcome } from './forge.testing.ts'
import { importPublicKey } from './public-key.ts'
import { createProofVerifier, createTokenVerifier, signatureFault } from './verify.ts'

// https://github.com/C2SP/wycheproof, files of `testvectors_v1`. The data is not part of this project: it is read where
// it is, and the tests are skipped where it is not.
const FOLDER =
  process.env['LATCHKEY_WYCHEPROOF'] ?? fileURLToPath(new URL('../../../shared/vectors/wycheproof', import.meta.url))
const isThere = existsSync(FOLDER)
if (!isThere && process.env['LATCHKEY_WYCHEPROOF'] !== undefined) throw new Error(`There is no folder ${FOLDER}.`)
if (!isThere) console.warn(`Wycheproof: skipped, no folder ${FOLDER} (set LATCHKEY_WYCHEPROOF)`)

interface Vectors<Group> {
  readonly numberOfTests: number
  readonly testGroups: readonly Group[]
}

interface Case {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid'
}

interface SignatureGroup {
  readonly publicKey: { readonly pk: string }
  readonly tests: readonly (Case & { readonly msg: string; readonly sig: string })[]
}

interface JwsGroup {
  readonly tests: readonly (Case & { readonly jws: string })[]
}

const clock = (): number => NOW * 1000

afterEach(() => {
  vi.restoreAllMocks()
})

describe.skipIf(!isThere)('Wycheproof Ed25519', () => {
  const { numberOfTests, testGroups } = read<SignatureGroup>('ed25519_test.json')
  const cases = testGroups.flatMap(({ publicKey, tests }) => tests.map((each) => ({ ...each, pk: publicKey.pk })))

  test('is read whole, with both kinds', () => {
    expect(cases.length).toBe(numberOfTests)
    expect(new Set(cases.map(({ result }) => result))).toEqual(new Set(['valid', 'invalid']))
  })

  describe.each([{ runtime: 'node:crypto' }, { runtime: 'WebCrypto' }])('with $runtime', ({ runtime }) => {
    beforeEach(() => {
      if (runtime === 'WebCrypto') vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
    })

    test.each(cases)('$tcId $comment is $result', async ({ pk, msg, sig, result }) => {
      const key = await importPublicKey(encode(bytesOf(pk)))
      // Twice: the second time the key is known.
      for (let time = 0; time < 2; time++) {
        const code = await signatureFault({ input: bytesOf(msg), signature: bytesOf(sig) }, key)
        if (result === 'valid') expect(code).toBeUndefined()
        else expect(['TOKEN_SIGNATURE_NOT_CANONICAL', 'TOKEN_SIGNATURE_INVALID']).toContain(code)
      }
    })
  })
})

describe.skipIf(!isThere)('Wycheproof JSON Web Signature', () => {
  const { numberOfTests, testGroups } = read<JwsGroup>('json_web_signature_test.json')
  const cases = testGroups.flatMap(({ tests }) => tests)
  const resolver = createSessionResolver({ localFirst: { audience: APP, afterUpgrade: 'allow' }, clock })

  test('is read whole', () => {
    expect(cases.length).toBe(numberOfTests)
    expect(cases.length).toBeGreaterThan(100)
  })

  test('is never accepted, and crashes nothing', async () => {
    const token = createTokenVerifier({ audience: APP, clock })
    const proof = createProofVerifier({ audience: APP, clock })
    for (const { jws } of cases) {
      // Whatever is thrown and is no LatchkeyError comes through and fails the test.
      await outcome(() => decodeJws(jws, 16_384))
      expect(await outcome(() => token.verify(jws))).not.toBe('accepted')
      expect(await outcome(() => proof.verify(jws, { purpose: 'upgrade' }))).not.toBe('accepted')
    }
  })

  test('is no session', async () => {
    for (const { jws } of cases) {
      const headers = headersWith(jws)
      if (headers) expect(await resolver.resolve({ headers })).toMatchObject({ ok: false })
    }
  })
})

/** Nothing where a header cannot hold the text at all. */
function headersWith(token: string): Headers | undefined {
  try {
    return new Headers({ authorization: `Bearer ${token}` })
  } catch {
    return undefined
  }
}

function read<Group>(file: string): Vectors<Group> {
  if (!isThere) return { numberOfTests: 0, testGroups: [] }
  return JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')) as Vectors<Group>
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
