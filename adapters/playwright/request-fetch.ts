import type { APIRequestContext, APIResponse } from '@playwright/test'

/** Responses that have no body (Fetch, "null body status"). */
const BODILESS = [204, 205, 304]

/** Headers that no longer describe the body, or that are kept in the device's cookies. */
const CONSUMED = ['content-encoding', 'content-length', 'set-cookie', 'transfer-encoding']

/**
 * Makes a `fetch` of a device's requests: it sends and stores the device's cookies, as a page of `origin` does.
 *
 * @param origin - of the page
 */
export function fetchAs(request: APIRequestContext, origin: string): typeof fetch {
  return async (...given) => {
    const { url, method, headers, redirect, body } = new Request(...given)
    const answer = await request.fetch(url, {
      method,
      headers: { ...Object.fromEntries(headers), origin },
      maxRedirects: redirect === 'follow' ? 20 : 0,
      ...(body && { data: Buffer.from(await new Response(body).arrayBuffer()) }),
    })
    return toResponse(answer)
  }
}

async function toResponse(answer: APIResponse): Promise<Response> {
  const headers = answer.headersArray().filter(({ name }) => !CONSUMED.includes(name.toLowerCase()))
  return new Response(BODILESS.includes(answer.status()) ? null : new Uint8Array(await answer.body()), {
    status: answer.status(),
    headers: headers.map(({ name, value }) => [name, value] as [string, string]),
  })
}
