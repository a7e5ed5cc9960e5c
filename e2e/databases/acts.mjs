// What the battery does with two instances of the plugin: it needs a database and nothing of Node.
import { testDevice } from 'latchkey/testing'
import { AUDIENCE } from './server.mjs'

/**
 * @typedef {Awaited<ReturnType<typeof testDevice>>} Device
 * @typedef {{ name: string, ok: boolean, detail?: string }} Finding
 * @typedef {ReturnType<typeof import('./server.mjs').serverOn>} Server
 * @typedef {Pick<Server, 'call'>} Instance
 */

const PASSWORD = 'correct horse battery'
const SIGN_UPS = 6
const PROOF = 'x-latchkey-proof'

/**
 * Performs the acts, one after the other.
 *
 * @param {Record<string, (tools: Tools) => Promise<string | void>>} acts
 * @param {Tools} tools
 * @returns {Promise<Finding[]>}
 */
export async function perform(acts, tools) {
  /** @type {Finding[]} */
  const findings = []
  for (const [name, act] of Object.entries(acts)) {
    findings.push(
      await act(tools).then(
        (detail) => ({ name, ok: true, ...(detail && { detail }) }),
        (error) => ({ name, ok: false, detail: String(error?.message ?? error) }),
      ),
    )
  }
  return findings
}

/** A browser with a device that signs. */
class Person {
  /** @type {Record<string, string>} */
  cookies = {}

  /** @param {Instance} instance @param {Device} device @param {string} email */
  constructor(instance, device, email) {
    this.instance = instance
    this.device = device
    this.email = email
  }

  /** @param {string} path @param {object} [body] @param {Record<string, string>} [headers] */
  async send(path, body, headers) {
    const answer = await this.instance.call({
      path,
      ...(body && { body }),
      headers: {
        cookie: Object.entries(this.cookies)
          .map((pair) => pair.join('='))
          .join('; '),
        ...headers,
      },
    })
    this.cookies = { ...this.cookies, ...answer.cookies }
    return answer
  }

  async signUp(proof = '') {
    const body = { email: this.email, password: PASSWORD, name: 'Ada' }
    return this.send('/sign-up/email', body, { [PROOF]: proof || (await upgradeProof(this.device)) })
  }

  async session() {
    return (await this.send('/latchkey/session')).body?.session
  }

  /** @param {Device} device @param {'bind' | 'link'} purpose */
  async ask(device, purpose) {
    const { nonce } = (await this.send('/latchkey/challenge', { purpose })).body
    const linkTo = purpose === 'link' ? { linkTo: (await this.session()).principal } : {}
    const proof = await device.proof({ audience: AUDIENCE, purpose, nonce, ...linkTo })
    return this.send(`/latchkey/${purpose}`, { nonce }, { [PROOF]: proof })
  }

  /** @param {string} alias */
  async unlink(alias) {
    const { nonce } = (await this.send('/latchkey/challenge', { purpose: 'unlink' })).body
    return this.send('/latchkey/unlink', { nonce, alias })
  }
}

/** @param {Device} device */
function upgradeProof(device) {
  return device.proof({ audience: AUDIENCE, purpose: 'upgrade' })
}

/** @param {unknown} found @param {unknown} expected @param {string} what */
function expect(found, expected, what) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)]
  if (one !== other) throw new Error(`${what}: expected ${other}, found ${one}`)
}

/** @param {import('./server.mjs').Answer} answer */
const codeOf = ({ status, body }) => (status === 200 ? 'done' : (body?.code ?? String(status)))

/** Answers to several sign-ups with one key. A transaction that met another one gives the last: Better Auth says no more. */
const ALLOWED = ['done', 'PRINCIPAL_TAKEN', 'FAILED_TO_CREATE_USER']

let people = 0

/**
 * @param {readonly Device[]} devices
 * @param {number} index
 */
function nth(devices, index) {
  const device = devices[index]
  if (!device) throw new Error(`there is no device ${index}`)
  return device
}

/** @param {Instance} instance @param {Device} [device] */
async function newPerson(instance, device) {
  return new Person(instance, device ?? (await testDevice()), `person-${++people}@example.com`)
}

/** @param {Instance} instance @param {Device} [device] */
async function signedUp(instance, device) {
  const person = await newPerson(instance, device)
  expect(codeOf(await person.signUp()), 'done', 'a sign-up')
  return person
}

/**
 * @param {string[]} codes
 * @returns {string}
 */
function tally(codes) {
  const counts = new Map()
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].map(([code, count]) => `${count} ${code}`).join(', ')
}

/**
 * @typedef {{ first: Server, other: Instance, rounds: number }} Tools
 * @type {Record<string, (tools: Tools) => Promise<string | void>>}
 */
export const ACTS = {
  async 'sign-up'({ first, other }) {
    const person = await signedUp(first)
    const { principal } = person.device
    expect((await person.session()).principal, principal, 'the principal of the session')
    person.instance = other
    expect((await person.session()).principal, principal, 'the principal at the other instance')
    const { token } = (await person.send('/token')).body
    const { sub } = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')))
    expect(sub, principal, '`sub` of the token')
  },

  async replay({ first, other }) {
    const one = await newPerson(first)
    const proof = await upgradeProof(one.device)
    expect(codeOf(await one.signUp(proof)), 'done', 'the first use')
    for (const instance of [first, other]) {
      const again = await newPerson(instance, one.device)
      expect(codeOf(await again.signUp(proof)), 'PROOF_REPLAYED', 'a used proof')
      expect(await first.rows('user', { email: again.email }), [], 'the user of a replay')
    }
  },

  async race({ first, other, rounds }) {
    const all = []
    for (let round = 0; round < rounds; round++) {
      const device = await testDevice()
      const group = await Promise.all(
        Array.from({ length: SIGN_UPS }, (_, index) => newPerson(index % 2 ? first : other, device)),
      )
      const codes = (await Promise.all(group.map((person) => person.signUp()))).map(codeOf)
      all.push(...codes)
      const users = (await Promise.all(group.map(({ email }) => first.rows('user', { email })))).flat()
      expect(
        codes.filter((code) => !ALLOWED.includes(code)),
        [],
        'answers',
      )
      expect(codes.filter((code) => code === 'done').length, 1, `winners of round ${round} (${tally(codes)})`)
      expect(
        users.map(({ principal }) => principal),
        [device.principal],
        'the users',
      )
      expect((await first.rows('latchkeyPrincipal', { principal: device.principal })).length, 1, 'lock rows')
    }
    return tally(all)
  },

  async conflict({ first, other }) {
    const one = await signedUp(first)
    const again = await newPerson(other, one.device)
    expect(codeOf(await again.signUp()), 'PRINCIPAL_TAKEN', 'a second sign-up of one key')
    const open = await newPerson(other, one.device)
    const body = { email: open.email, password: PASSWORD, name: 'Ada' }
    expect(codeOf(await open.send('/sign-up/email', body)), 'done', 'a sign-up without a proof')
    expect(codeOf(await open.ask(one.device, 'bind')), 'PRINCIPAL_TAKEN', 'a bind of a taken principal')
  },

  async adopt({ first, other }) {
    const [one, device] = [await signedUp(first), await testDevice()]
    expect(codeOf(await one.ask(device, 'link')), 'done', 'a link')
    one.instance = other
    expect((await one.session()).aliases, [device.principal], 'the aliases')
    const thief = await signedUp(other)
    expect(codeOf(await thief.ask(device, 'link')), 'PRINCIPAL_TAKEN', 'a link by another account')
    expect((await thief.session()).aliases, [], "the thief's aliases")
    expect(codeOf(await (await newPerson(first, device)).signUp()), 'PRINCIPAL_TAKEN', 'a sign-up with an alias')
  },

  async 'race of links'({ first, other, rounds }) {
    const all = []
    for (let round = 0; round < Math.ceil(rounds / 3); round++) {
      const device = await testDevice()
      const group = []
      // One after the other: only the links are to meet.
      for (const instance of [first, other, first, other]) group.push(await signedUp(instance))
      const codes = (await Promise.all(group.map((person) => person.ask(device, 'link')))).map(codeOf)
      all.push(...codes)
      const looks = await Promise.all(group.map((person) => person.session()))
      const holders = looks.map(({ aliases }) => aliases.includes(device.principal))
      if (holders.filter(Boolean).length > 1)
        throw new Error(`one principal has ${holders.filter(Boolean).length} accounts`)
      expect(
        holders,
        codes.map((code) => code === 'done'),
        'who has the alias, and who was told so',
      )
    }
    return tally(all)
  },

  async 'links at once'({ first, other, rounds }) {
    const all = []
    for (let round = 0; round < Math.ceil(rounds / 3); round++) {
      const group = []
      for (const instance of [first, other, first, other]) group.push(await signedUp(instance))
      const devices = await Promise.all(group.map(() => testDevice()))
      const links = await Promise.all(group.map((person, index) => person.ask(nth(devices, index), 'link')))
      const unlinks = await Promise.all(group.map((person, index) => person.unlink(nth(devices, index).principal)))
      all.push(...links.map(codeOf), ...unlinks.map(codeOf))
    }
    expect(
      all.filter((code) => code !== 'done'),
      [],
      'answers to accounts that have nothing in common',
    )
    return tally(all)
  },

  async unlink({ first, other }) {
    const [one, device] = [await signedUp(first), await testDevice()]
    expect(codeOf(await one.ask(device, 'link')), 'done', 'a link')
    expect(codeOf(await one.unlink(device.principal)), 'done', 'an unlink')
    expect((await one.session()).aliases, [], 'the aliases')
    const thief = await signedUp(other)
    expect(codeOf(await thief.ask(device, 'link')), 'PRINCIPAL_TAKEN', 'a link of another account during the hold')
    expect(codeOf(await one.ask(device, 'link')), 'done', 'a link of the same account')
    expect((await one.session()).aliases, [device.principal], 'the aliases')
  },

  async 'delete and reuse'({ first, other }) {
    const one = await signedUp(first)
    expect((await one.session()).principal, one.device.principal, 'the principal')
    expect(codeOf(await one.send('/delete-user', { password: PASSWORD })), 'done', 'the deletion')
    expect(await first.rows('user', { email: one.email }), [], 'the user')
    for (const instance of [first, other]) {
      const again = codeOf(await (await newPerson(instance, one.device)).signUp())
      if (!['PROOF_KEY_REVOKED', 'PRINCIPAL_TAKEN'].includes(again)) throw new Error(`a reuse: ${again}`)
    }
  },
}

/** What an engine shows that the plugin refuses. */
export const REFUSED = {
  /** @param {Tools} tools */
  async refusal({ first, other }) {
    for (const instance of [first, other]) {
      const one = await newPerson(instance)
      expect(codeOf(await one.signUp()), 'DATABASE_UNSUITABLE', 'a sign-up')
      expect(await first.rows('user', { email: one.email }), [], 'the user')
    }
  },
}
