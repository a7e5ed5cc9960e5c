import { expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { mailing, newPerson } from '../testing/requests.testing.ts'
import { person } from '../testing/server.testing.ts'

onEachEngine((newServer) => {
  test('under required verification a taken principal does not tell whether an address has an account', async () => {
    const mails = mailing()
    const server = await newServer({
      emailAndPassword: { enabled: true, requireEmailVerification: true },
      emailVerification: { sendVerificationEmail: mails.send },
    })
    const known = await newPerson(server)
    expect((await known.prove('/sign-up/email', person('ada'))).status).toBe(200)
    const before = await server.rows('user')
    const answers = []
    for (const name of ['ada', 'nobody']) {
      const answer = await known.prove('/sign-up/email', person(name))
      answers.push([answer.status, await answer.text()])
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]?.[0]).toBe(409)
    expect(await server.rows('user')).toEqual(before)
  })
})
