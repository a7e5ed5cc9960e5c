import type { SessionAnswer } from '../../adapters/better-auth/index.ts'
import { type Answer, ask } from './ask.ts'
import { dumpOf } from './dump.ts'
import { expectAsTold, expectNobodyElse } from './told.ts'
import { expectUnchanged } from './unchanged.ts'
import { type Seat, type World, nameOf, noteSession, sessionOf, tokenOf } from './world.ts'

/** Sends a request from a browser. `act` names it in what is known of sessions. */
export async function send(
  world: World,
  seat: Seat,
  path: string,
  { body, headers = {} }: { readonly body?: object; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const [before, token] = [await dumpOf(world), tokenOf(seat)]
  const answer = await ask(world, seat.cookies, path, { ...(body && { body }), headers })
  noteSession(world, seat, path)
  world.log.push(
    `    ${seat.name} ${body ? 'POST' : 'GET'} ${path.split('?')[0]} -> ${answer.status} ${answer.code ?? answer.location ?? ''}`,
  )
  if (answer.refused && !answer.isLost && !world.isInterrupted)
    expectUnchanged(world, { path, token, answer, before, after: await dumpOf(world) })
  return answer
}

/** Asks who the session of a browser belongs to, and holds the answer against what was said before. */
export async function look(world: World, seat: Seat, peek = false): Promise<SessionAnswer['session']> {
  const { body, status } = await send(world, seat, `/latchkey/session${peek ? '?peek=1' : ''}`)
  if (status !== 200) return null
  const { session } = body as SessionAnswer
  if (session) {
    const maker = sessionOf(world, seat)?.maker
    expectAsTold(world, session)
    expectNobodyElse(world, maker, seat.person.name, session)
  }
  if (session)
    world.log.push(
      `      is ${nameOf(world, session.principal)} [${session.aliases.map((alias) => nameOf(world, alias)).join()}]${session.recoverable ? ' recoverable' : ''}${session.open ? ' open' : ''}`,
    )
  return session
}
