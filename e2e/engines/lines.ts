// The lines that each engine is run through, in the order of the table in docs/engines.md.
import type { Auth } from 'latchkey'
import {
  type Backend,
  type Browser,
  type Engine,
  type Notes,
  REFUSED,
  type World,
  createWorld,
  until,
} from './world.ts'

export interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly detail?: string
  /** Why the engine was not run through it. */
  readonly notApplicable?: string
}

interface Person {
  readonly browser: Browser
  readonly auth: Auth
  readonly notes: Notes
  principal(): string
  write(text: string): Promise<unknown>
  sees(...texts: string[]): Promise<boolean>
  signUp(): Promise<unknown>
  /** Leaves the page with the notes; `auth` goes on, as on another page. */
  leave(): Promise<unknown>
}

interface Stage {
  readonly world: World
  readonly backend: Backend
  open(browser?: Browser): Promise<Person>
  /** All have arrived, once each, under this owner if one is given. */
  arrived(texts: readonly string[], owner?: string): Promise<boolean>
}

const isConnected = ({ notes }: Person): boolean => notes.session.getState().status === 'connected'

async function expectOutcome(expected: string, work: Promise<{ readonly outcome: string }>): Promise<void> {
  const { outcome } = await work
  if (outcome !== expected) throw new Error(`expected ${expected}, found ${outcome}`)
}

function expectTrue(what: string, condition: boolean): void {
  if (!condition) throw new Error(what)
}

/** Of all that was written on a device, a person sees and owns these texts, and no others. */
async function expectOnly(texts: readonly string[], { notes, principal }: Person, backend: Backend): Promise<void> {
  const areTheirs = (found: readonly string[]): boolean => [...found].sort().join() === [...texts].sort().join()
  expectTrue('sees only their own', areTheirs(await notes.texts()))
  const owned = (await backend.rows()).filter(({ owner }) => owner === principal())
  expectTrue('owns only their own', areTheirs(owned.map(({ text }) => text)))
}

export const LINES: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  async 'offline start'({ backend, open, arrived }) {
    backend.online = false
    const ada = await open()
    await ada.write('offline')
    await until('seen before it is sent', () => ada.sees('offline'))
    backend.online = true
    await until('arrived', () => arrived(['offline'], ada.principal()))
  },

  async 'upgrade with a queue'({ backend, open, arrived }) {
    const ada = await open()
    const before = ada.principal()
    await until('connected', () => isConnected(ada))
    backend.online = false
    await ada.write('queued')
    await ada.signUp()
    backend.online = true
    await until('arrived', () => arrived(['queued'], before))
    expectTrue('the principal stays', ada.principal() === before)
  },

  async 'refused while writes wait'({ world, open, arrived, backend }) {
    const ada = await open()
    await until('connected', () => isConnected(ada))
    world.isRefusing = true
    backend.online = false
    backend.online = true
    await ada.write('during 401')
    await until('paused', () => ada.auth.getState().error !== undefined || !isConnected(ada))
    world.isRefusing = false
    await until('arrived', () => arrived(['during 401'], ada.principal()))
    await until('no error is left', () => ada.auth.getState().error === undefined && isConnected(ada))
  },

  async 'second device with data'({ backend, open, arrived }) {
    const [ada, other] = [await open(), await open()]
    await ada.signUp()
    await ada.write('of the account')
    await until('arrived', () => arrived(['of the account'], ada.principal()))
    await other.write('of the device')
    await until('arrived', () => arrived(['of the device'], other.principal()))
    backend.online = false
    await other.write('queued')
    const alias = other.principal()
    const { account } = other.browser
    await expectOutcome(
      'conflict',
      other.auth.upgrade(() => account.signIn('ada')),
    )
    await expectOutcome('adopted', other.auth.resolveConflict('adopt'))
    await backend.reown(alias, ada.principal())
    backend.online = true
    const all = ['of the account', 'of the device', 'queued'] as const
    await until('all have arrived', () => arrived(all))
    await until('the second device sees all', () => other.sees(...all))
    await backend.reown(alias, ada.principal())
    await until('the first device sees all', async () => {
      await ada.auth.getToken({ fresh: true })
      return ada.sees(...all)
    })
  },

  async 'account server unreachable'({ world, open, arrived }) {
    const ada = await open()
    await ada.signUp()
    await until('connected', () => isConnected(ada))
    const { account } = ada.browser
    account.online = false
    world.jump(3_600_000)
    await ada.write('meanwhile')
    const token = await ada.auth.getToken().catch(() => null)
    expectTrue('there is no token', token === null)
    expectTrue('it waits', !(await arrived(['meanwhile'])) && (await ada.sees('meanwhile')))
    account.online = true
    await until('arrived', () => arrived(['meanwhile'], ada.principal()))
  },

  async 'two tabs'({ open, arrived }) {
    const one = await open()
    const two = await open(one.browser)
    await until('connected', () => isConnected(one) && isConnected(two))
    await one.write('of one')
    await two.write('of two')
    await until('arrived', () => arrived(['of one', 'of two'], one.principal()))
    await until('both see both', async () => (await one.sees('of one', 'of two')) && two.sees('of one', 'of two'))
  },

  async 'sign-out with unsynced writes'({ backend, open, arrived }) {
    const ada = await open()
    await ada.signUp()
    const before = ada.principal()
    await until('connected', () => isConnected(ada))
    backend.online = false
    await ada.write('unsynced')
    await ada.auth.signOut()
    await until('nothing is shown', async () => (await ada.notes.texts()).length === 0)
    await ada.auth.upgrade(() => ada.browser.account.signIn('ada'))
    expectTrue('the principal is back', ada.principal() === before)
    backend.online = true
    await until('arrived', () => arrived(['unsynced'], before))
  },

  async 'the next user'({ backend, open, arrived }) {
    const ada = await open()
    await ada.signUp()
    const before = ada.principal()
    await until('connected', () => isConnected(ada))
    await ada.write('private')
    await until('arrived', () => arrived(['private']))
    backend.online = false
    await ada.write('unsent')
    await ada.auth.signOut()
    await ada.auth.ensureIdentity()
    expectTrue('another principal', ada.principal() !== before)
    backend.online = true
    await until('connected', () => isConnected(ada))
    await ada.write('of the next')
    await until('arrived', () => arrived(['of the next'], ada.principal()))
    await expectOnly(['of the next'], ada, backend)
  },

  async 'the next user after a reload'({ backend, open, arrived }) {
    const ada = await open()
    await ada.signUp()
    await until('connected', () => isConnected(ada))
    backend.online = false
    await ada.write('unsent')
    await ada.leave()
    await ada.auth.signOut()
    await ada.auth.ensureIdentity()
    backend.online = true
    const next = await open(ada.browser)
    // Refused while the data is the first one's: taken, it would be deleted with that.
    const early = await next.write('early').then(
      () => ['early'],
      () => [],
    )
    await until('connected', () => isConnected(next))
    await next.write('of the next')
    const texts = [...early, 'of the next']
    await until('arrived', () => arrived(texts, next.principal()))
    await expectOnly(texts, next, backend)
    expectTrue('no row of the first was refused', (backend.refused ?? 0) === 0)
  },

  async 'a clock an hour ahead'({ world, open, arrived }) {
    const ada = await open(world.browser(3_600_000))
    await ada.write('early')
    await until('arrived', () => arrived(['early'], ada.principal()))
  },

  async 'a clock an hour behind'({ world, open, arrived }) {
    const ada = await open(world.browser(-3_600_000))
    await ada.write('late')
    await until('arrived', () => arrived(['late'], ada.principal()))
  },

  async 'one refused row'({ backend, open, arrived }) {
    const ada = await open()
    await until('connected', () => isConnected(ada))
    backend.online = false
    const texts = ['before', REFUSED, 'after']
    for (const text of texts) await ada.write(text)
    await until('seen before they are sent', () => ada.sees(...texts))
    backend.online = true
    await until('the others arrived', () => arrived(['before', 'after'], ada.principal()))
    await until('the refused row is gone', async () => !(await ada.sees(REFUSED)))
    await ada.write('later')
    await until('what is written later arrived', () => arrived(['later'], ada.principal()))
    const rows = await backend.rows()
    expectTrue('the server has no refused row', !rows.some(({ text }) => text === REFUSED))
  },
}

export async function runLine(engine: Engine, name: string): Promise<Finding> {
  const notApplicable = engine.notApplicable?.[name]
  if (notApplicable !== undefined) return { name, ok: true, notApplicable }
  const world = await createWorld()
  const backend = await engine.start(world)
  const opened: Person[] = []
  const stage: Stage = {
    world,
    backend,
    async open(browser = world.browser()) {
      const auth = world.tab(browser, backend.url)
      await auth.ready
      const notes = await engine.open(auth, backend, browser)
      let left: Promise<unknown> | undefined
      const person: Person = {
        browser,
        auth,
        notes,
        principal: () => auth.getState().session!.principal,
        write: async (text) => notes.write(text),
        async sees(...texts) {
          const seen = await notes.texts()
          return texts.every((text) => seen.includes(text))
        },
        signUp: () =>
          expectOutcome(
            'upgraded',
            auth.upgrade(() => browser.account.signUp('ada')),
          ),
        leave: () => (left ??= notes.close()),
      }
      opened.push(person)
      return person
    },
    async arrived(texts, owner) {
      const rows = await backend.rows()
      return texts.every((text) => {
        const found = rows.filter((row) => row.text === text)
        return found.length === 1 && (owner === undefined || found[0]!.owner === owner)
      })
    },
  }
  try {
    await LINES[name]!(stage)
    return { name, ok: true }
  } catch (error) {
    const rows = await backend.rows().catch(() => [])
    const states = opened.map(({ auth, notes }) => [auth.getState().error, notes.session.getState()])
    const detail = `${(error as Error).message}; server: ${JSON.stringify(rows)}; ${JSON.stringify(states)}`
    return { name, ok: false, detail }
  } finally {
    for (const { leave, auth } of opened) {
      await leave()
      auth.close()
    }
    await backend.close()
  }
}
