import { correctClock } from './clock-skew.ts'
import { deviceInForce, markWritten } from '../device/usage.ts'
import { reasonOf } from './bearer-error.ts'
import type { Runtime } from '../shared/context.ts'

/** `fetch` with the bearer for the mode in force, to allowed origins only; one refresh and one retry on 401. */
export async function authFetch(runtime: Runtime, ...given: Parameters<typeof fetch>): Promise<Response> {
  const request = new Request(...given)
  const audience = audienceFor(runtime, new URL(request.url).origin)
  let asking = runtime.getState().session?.principal
  const send = async (sent: Request, fresh: boolean): Promise<Response> => {
    const token = await runtime.getToken({ audience, fresh })
    const principal = runtime.getState().session?.principal
    // What one identity wants must not be done in the name of the next one.
    if (asking && principal !== asking) throw runtime.core.fail('IDENTITY_CHANGED')
    asking = principal
    if (token) sent.headers.set('authorization', `Bearer ${token}`)
    return fetch(sent)
  }
  const isStill = (): boolean => runtime.getState().session?.principal === asking
  await rememberWrite(runtime, request)
  const retry = request.clone()
  const response = await send(request, false)
  const { error } = runtime.getState()
  const isRefused = asking && isStill() && response.status === 401
  if (isRefused && reasonOf(response) === 'expired') await correctClock(runtime)
  const answer = isRefused ? await send(retry, true) : response
  // The answer to one principal says nothing about another that took its place meanwhile.
  if (!isStill()) return answer
  if (isRefused && answer.status === 401) runtime.dispatch({ type: 'tokenRejected', reason: reasonOf(answer) })
  else if (error) runtime.dispatch({ type: 'tokenAccepted' })
  return answer
}

function audienceFor(runtime: Runtime, origin: string): string {
  const { audiences = {} } = runtime.options
  const entry = Object.hasOwn(audiences, origin) ? audiences[origin]! : undefined
  if (entry) return typeof entry === 'string' ? entry : entry.audience
  if (origin === globalThis.location?.origin) return runtime.audience()
  throw runtime.core.fail('ORIGIN_NOT_ALLOWED', origin)
}

/** Before the first write is sent: afterwards a server may hold something that belongs to this identity. */
async function rememberWrite(runtime: Runtime, { method }: Request): Promise<void> {
  const entry = deviceInForce(runtime, runtime.ring())
  if (entry && !entry.wrote && !/^(GET|HEAD|OPTIONS)$/.test(method)) await markWritten(runtime)
}
