import { expect, test } from 'vitest'
import { PROOF_HEADER } from '../index.ts'
import { backupRequests, newEnvelope, newLocator } from '../testing/backup.testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { type Person, codeOf, mailing, newPerson, post } from '../testing/requests.testing.ts'
import { AUDIENCE, person } from '../testing/server.testing.ts'

onEachEngine((newServer) => {
  const open = () =>
    newServer({
      emailAndPassword: { enabled: true, requireEmailVerification: true },
      emailVerification: { sendVerificationEmail: mailing().send },
    })

  /** The answer to a sign-up, without what differs between any two of them. */
  const signUp = async (who: Person, name: string): Promise<{ status: number; body: string }> => {
    const answer = await who.prove('/sign-up/email', person(name))
    const text = await answer.text()
    const own = new RegExp(`"(name|email|id|createdAt|updatedAt)":"[^"]*"`, 'g')
    return { status: answer.status, body: text.replaceAll(own, '"$1":"…"') }
  }

  test('under required verification a taken principal does not reveal whether an address has an account', async () => {
    const server = await open()
    const known = await newPerson(server)
    expect((await known.prove('/sign-up/email', person('ada'))).status).toBe(200)
    await server.change('user', { emailVerified: true })
    const before = await server.rows('user')
    const answers = []
    for (const name of ['ada', 'nobody']) answers.push(await signUp(known, name))
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]).toMatchObject({ status: 409 })
    expect(await server.rows('user')).toEqual(before)
  })

  test('under required verification no sign-up with a new key reveals it, nor a second one with the same key', async () => {
    const server = await open()
    await (await newPerson(server)).prove('/sign-up/email', person('ada'))
    const answers = []
    for (const name of ['ada', 'nobody']) {
      const eve = await newPerson(server)
      answers.push([await signUp(eve, name), await signUp(eve, `${name}-and-eve`), await signUp(eve, name)])
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]).toMatchObject([{ status: 200 }, { status: 200 }, { status: 200 }])
  })

  test.each([{ requireEmailVerification: true }, { autoSignIn: false }])(
    'with %o neither the question about a key nor the store for backups reveals it, until the address is verified',
    async (emailAndPassword) => {
      const server = await newServer({ emailAndPassword: { enabled: true, ...emailAndPassword } })
      expect((await (await newPerson(server)).prove('/sign-up/email', person('ada'))).status).toBe(200)
      const ask = async (who: Person) => {
        const proof = await who.device.proof({ audience: AUDIENCE, purpose: 'known' })
        const known = await server.browser().send('/latchkey/known', post({}, { [PROOF_HEADER]: proof }))
        const put = await backupRequests(who).put(newLocator(), newEnvelope())
        return { ...((await known.json()) as { isKnown: boolean }), now: 0, put: [put.status, await codeOf(put)] }
      }
      const people = [await newPerson(server), await newPerson(server)] as const
      const answers = []
      for (const [index, name] of ['ada', 'nobody'].entries()) {
        expect((await people[index]!.prove('/sign-up/email', person(name))).status).toBe(200)
        answers.push(await ask(people[index]!))
      }
      expect(answers[1]).toEqual(answers[0])
      await server.change('user', { emailVerified: true })
      expect(await ask(people[1])).toMatchObject({ isKnown: true, put: [200, undefined] })
    },
  )
})
