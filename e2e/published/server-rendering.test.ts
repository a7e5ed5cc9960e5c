import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { AuthState } from 'latchkey'
import { beforeAll, describe, expect, test } from 'vitest'

interface Rendered {
  readonly first: string
  readonly second: string
  /** What the calls were refused with. */
  readonly token: string | null
  readonly identity: string
  readonly asked: readonly string[]
  readonly byImport: readonly string[]
  readonly byRendering: readonly string[]
  readonly afterwards: readonly string[]
  readonly state: AuthState
}

const program = fileURLToPath(new URL('server-rendering/render.mjs', import.meta.url))

describe('an app that calls createAuth at module level, rendered in plain Node', () => {
  let rendered: Rendered

  beforeAll(() => {
    // It prints when nothing keeps the process any more; the limit is only for one that never ends.
    const output = execFileSync(process.execPath, [program], { encoding: 'utf8', timeout: 60_000 })
    rendered = JSON.parse(output) as Rendered
  }, 70_000)

  test('shows no identity, the same at each request', () => {
    expect(rendered.first).toBe(
      '<main><p data-testid="phase">starting</p><p data-testid="principal">nobody yet</p><p data-testid="summary">anonymous, ephemeral</p></main>',
    )
    expect(rendered.second).toBe(rendered.first)
  })

  test('reaches for nothing of a browser while it is imported, constructed and rendered', () => {
    expect(rendered.byImport).toEqual([])
    expect(rendered.byRendering).toEqual([])
  })

  test('looks afterwards whether there is a store, and for nothing else', () => {
    expect(rendered.afterwards.filter((name) => name !== 'indexedDB')).toEqual([])
  })

  test("asks no account server: a visitor's cookies are not there", () => {
    expect(rendered.asked).toEqual([])
  })

  test('has no identity that visitors would share', () => {
    expect(rendered.token).toBe('KEYSTORE_UNAVAILABLE')
    expect(rendered.identity).toBe('KEYSTORE_UNAVAILABLE')
    expect(rendered.state).toMatchObject({
      authMode: 'anonymous',
      session: null,
      storage: { problem: 'KEYSTORE_UNAVAILABLE' },
    })
  })
})
