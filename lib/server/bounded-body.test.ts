import { expect, test } from 'vitest'
import { readBounded } from './bounded-body.ts'

const LIMIT_BYTES = 8

/** A body in parts, and what it says its length is. */
function bodyOf(parts: readonly string[], length?: string): Pick<Response, 'body' | 'headers'> {
  return {
    body: new Blob([...parts]).stream(),
    headers: new Headers(length === undefined ? {} : { 'content-length': length }),
  }
}

async function read(...given: Parameters<typeof bodyOf>): Promise<string | null> {
  const bytes = await readBounded(bodyOf(...given), LIMIT_BYTES)
  return bytes && new TextDecoder().decode(bytes)
}

test('a body is read up to the limit', async () => {
  expect(await read(['1234', '5678'])).toBe('12345678')
  expect(await read(['12345678'], '8')).toBe('12345678')
  expect(await read([])).toBe('')
})

test('a longer body is refused, whatever its Content-Length says', async () => {
  expect(await read(['1234', '56789'])).toBeNull()
  expect(await read(['123456789'], '8')).toBeNull()
  expect(await read(['123456789'], 'nonsense')).toBeNull()
})

test('a Content-Length over the limit is enough to refuse', async () => {
  expect(await read(['1'], '9')).toBeNull()
})

test('what has no body is empty', async () => {
  expect(await readBounded(new Response(null), LIMIT_BYTES)).toEqual(new Uint8Array())
})
