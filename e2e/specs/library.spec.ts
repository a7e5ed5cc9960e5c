import { readFileSync } from 'node:fs'
import { expect, test } from '../support/harness.ts'

interface Vectors {
  readonly identities: {
    readonly secret: string
    readonly x: string
    readonly thumbprint: string
    readonly principal: string
    readonly derived_keys: Readonly<Record<string, string>>
    readonly now: number
    readonly token: string
    readonly upgrade_proof: string
    readonly bind_proof: string
    readonly link_proof: string
  }[]
}

const { identities } = JSON.parse(
  readFileSync(new URL('../../lib/vectors/latchkey-v1.json', import.meta.url), 'utf8'),
) as Vectors

for (const suite of ['nativeSuite', 'nobleSuite'] as const) {
  test(`every vector gives the same bytes in the browser: ${suite} (checklist 33: on the web)`, async ({
    device,
    harnessUrl,
  }) => {
    const { page } = await device()
    await page.goto(harnessUrl)
    for (const expected of identities) {
      const actual = await page.evaluate(
        async ([name, vector]) => {
          const payload = (jws: string): { aud: string; jti: string; nonce?: string; link_to?: string } =>
            JSON.parse(atob(jws.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')))
          const made = await harness.testDevice(vector.secret, harness[name])
          const hex = (bytes: Uint8Array): string =>
            Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
          const proof = (purpose: 'upgrade' | 'bind' | 'link', jws: string): Promise<string> => {
            const { aud, jti, nonce, link_to: linkTo } = payload(jws)
            return made.proof({ audience: aud, now: vector.now, purpose, jti, nonce, linkTo })
          }
          const keys = Object.keys(vector.derived_keys).map(async (purpose) => [
            purpose,
            hex(await made.key.deriveKey(purpose)),
          ])
          return {
            secret: made.secret,
            x: made.key.x,
            thumbprint: made.thumbprint,
            principal: made.principal,
            derived_keys: Object.fromEntries(await Promise.all(keys)) as Record<string, string>,
            now: vector.now,
            token: await made.token({ audience: payload(vector.token).aud, now: vector.now }),
            upgrade_proof: await proof('upgrade', vector.upgrade_proof),
            bind_proof: await proof('bind', vector.bind_proof),
            link_proof: await proof('link', vector.link_proof),
          }
        },
        [suite, expected] as const,
      )
      expect(expected).toMatchObject(actual)
    }
  })
}

test('the fallback is chosen by a probe: a page whose WebCrypto refuses Ed25519 has the same identity', async ({
  device,
  harnessUrl,
}) => {
  const { page } = await device()
  await page.goto(harnessUrl)
  const [native, fallback] = await page.evaluate(async (secret) => {
    const first = await harness.testDevice(secret)
    const importKey = crypto.subtle.importKey.bind(crypto.subtle)
    crypto.subtle.importKey = ((...given: Parameters<typeof importKey>) =>
      given[2] === 'Ed25519'
        ? Promise.reject(new DOMException('refused', 'NotSupportedError'))
        : importKey(...given)) as typeof importKey
    const second = await harness.testDevice(secret)
    return [first, second].map(({ principal, key }) => ({ principal, suite: key.suite }))
  }, identities[1]!.secret)
  expect(native).toEqual({ principal: identities[1]!.principal, suite: 'native' })
  expect(fallback).toEqual({ principal: identities[1]!.principal, suite: 'noble' })
})

for (const store of ['indexedDbStore', 'memoryStore'] as const) {
  test(`${store} passes the acceptance suite`, async ({ device, harnessUrl }) => {
    const { page } = await device()
    await page.goto(harnessUrl)
    const outcomes = await page.evaluate(async (name) => {
      let count = 0
      const open = async () => {
        const app = `acceptance-${count++}`
        if (name === 'indexedDbStore')
          return { first: harness.indexedDbStore(app), second: harness.indexedDbStore(app) }
        const shared = harness.memoryStore()
        return { first: shared, second: shared }
      }
      return Promise.all(
        harness
          .storeAcceptance(open)
          .map(async (one) => ({ name: one.name, error: await one.run().then(() => null, String) })),
      )
    }, store)
    expect(outcomes.length).toBeGreaterThan(5)
    expect(outcomes.filter(({ error }) => error)).toEqual([])
  })
}

/** `npm run test:stress` asks for more. */
const ROUNDS = process.env['LATCHKEY_STRESS'] ? 100 : 3

test('eight pages opened at once make one identity, round after round (checklist 30: eight tabs)', async ({
  device,
  harnessUrl,
}) => {
  test.slow()
  for (let round = 0; round < ROUNDS; round++) {
    const { context, close } = await device()
    const pages = await Promise.all(Array.from({ length: 8 }, () => context.newPage()))
    await Promise.all(pages.map((page) => page.goto(harnessUrl)))
    // The barrier: every page waits for the word, and one of them gives it.
    const waiting = pages.map((page) =>
      page.evaluate(async () => {
        await new Promise((resolve) => {
          const barrier = new BroadcastChannel('barrier')
          barrier.onmessage = resolve
          document.title = 'waiting'
        })
        const auth = harness.createAuth()
        await auth.ready
        return auth.getState().session?.principal
      }),
    )
    await Promise.all(pages.map((page) => page.waitForFunction(() => document.title === 'waiting')))
    await pages[0]!.evaluate(() => {
      const barrier = new BroadcastChannel('barrier')
      barrier.postMessage('go')
    })
    const principals = await Promise.all(waiting)
    expect(principals[0]).toMatch(/^[0-9a-f-]{36}$/)
    expect(new Set(principals).size).toBe(1)
    await close()
  }
})

test('an identity survives a reload, and signs a token that a server accepts (checklist 5: stable across reloads)', async ({
  device,
  harnessUrl,
}) => {
  const { page } = await device()
  const load = async () => {
    await page.goto(harnessUrl)
    return page.evaluate(async () => {
      const auth = harness.createAuth()
      await auth.ready
      return {
        principal: auth.getState().session?.principal,
        storage: auth.getState().storage,
        token: await auth.getToken(),
      }
    })
  }
  const first = await load()
  const second = await load()
  expect(second.principal).toBe(first.principal)
  expect(second.storage).toEqual({
    durability: 'evictable',
    protection: 'extractable',
    canBackUp: true,
    advice: 'back-up',
  })
  const { createTokenVerifier } = await import('latchkey/server')
  await expect(createTokenVerifier({ audience: harnessUrl }).verify(second.token!)).resolves.toMatchObject({
    principal: first.principal,
  })
})

test('a database deleted from another tab blocks no tab', async ({ device, harnessUrl }) => {
  const { page, newTab } = await device()
  await page.goto(harnessUrl)
  await page.evaluate(async () => {
    const auth = harness.createAuth()
    await auth.ready
  })
  const other = await newTab(harnessUrl)
  const outcome = await other.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const request = indexedDB.deleteDatabase('latchkey:latchkey')
        request.onsuccess = () => resolve('deleted')
        request.onblocked = () => resolve('blocked')
      }),
  )
  expect(outcome).toBe('deleted')
})
