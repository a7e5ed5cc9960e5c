import { type AccountDevice, type AuthState, type Session, createAuth } from 'latchkey'
import { createRecovery } from 'latchkey/recovery'
import type { Backups, Devices, Upgrade } from 'latchkey/react'
import { type MemoryAccountClient, memoryAccountServer, memoryStore } from 'latchkey/testing'
import type { BindingRig, Mounted, Part } from './rig.ts'

/** One case. `run` returns what was observed and what is expected. */
export interface BindingCase {
  readonly name: string
  run(): Promise<readonly [observed: unknown, expected: unknown]>
}

/** What every binding must do in a page, with the real framework. */
export function bindingAcceptance(rig: BindingRig): BindingCase[] {
  return CASES.map(([name, run]) => ({ name, run: () => run(rig) }))
}

type Run = (rig: BindingRig) => ReturnType<BindingCase['run']>

const CASES: readonly (readonly [string, Run])[] = [
  [
    'renders once for each change of the state, and not without one',
    async (rig) => {
      const { auth } = await open()
      const page = await mount(rig, [{ id: 'a', auth, use: 'auth', show: ({ error }: AuthState) => error ?? 'none' }])
      const first = page.take()
      await page.change(() => auth.reportToken('expired'))
      const second = page.take()
      await page.change(() => auth.reportToken('expired'))
      const third = page.take()
      await page.change(() => auth.reportToken(null))
      return [
        [first.text, second, third, page.take()],
        ['none', { a: rig.renders, text: 'expired' }, { a: 0, text: 'expired' }, { a: rig.renders, text: 'none' }],
      ]
    },
  ],
  [
    'renders a selection only when it changes: a value, a frozen part of the state, an equal object',
    async (rig) => {
      const { auth } = await open()
      const parts: readonly Part[] = [
        { id: 'a', auth, use: 'auth', select: ({ authMode }) => authMode, show: String },
        {
          id: 'b',
          auth,
          use: 'auth',
          select: ({ session }) => session,
          show: (session: Session | null) => `${session?.authMode} ${Object.isFrozen(session)}`,
        },
        {
          id: 'c',
          auth,
          use: 'auth',
          select: ({ authMode, session }) => ({ authMode, hasSession: session !== null }),
          show: ({ authMode, hasSession }: { authMode: string; hasSession: boolean }) => `${authMode} ${hasSession}`,
        },
        { id: 'd', auth, use: 'upgrade', show: ({ phase }: Upgrade) => phase },
      ]
      const page = await mount(rig, parts)
      page.take()
      await page.change(() => auth.reportToken('invalid'))
      const unrelated = page.take()
      await page.change(() => auth.signOut())
      const { renders } = rig
      const { d: _, ...related } = page.take()
      return [
        [unrelated, related],
        [
          { a: 0, b: 0, c: 0, d: 0, text: 'local-first|local-first true|local-first true|ready' },
          { a: renders, b: renders, c: renders, text: 'anonymous|undefined true|anonymous false|ready' },
        ],
      ]
    },
  ],
  [
    "follows a selector that reads the component's own state",
    async (rig) => {
      const { auth } = await open()
      let choose: (field: keyof AuthState) => void = () => {}
      const expose = (change: typeof choose): void => void (choose = change)
      const page = await mount(rig, [{ id: 'a', auth, use: 'field', expose, show: String }])
      const first = page.take().text
      await page.change(() => choose('error'))
      const second = page.take().text
      await page.change(() => auth.reportToken('expired'))
      return [
        [first, second, page.take().text],
        ['local-first', 'undefined', 'expired'],
      ]
    },
  ],
  [
    'ends every subscription when it is unmounted',
    async (rig) => {
      const { auth, count } = await open()
      const page = await mount(rig, [
        { id: 'a', auth, use: 'auth', show: ({ phase }: AuthState) => phase },
        { id: 'b', auth, use: 'auth', select: ({ authMode }) => authMode, show: String },
        { id: 'c', auth, use: 'upgrade', show: ({ phase }: Upgrade) => phase },
      ])
      const mounted = count()
      page.take()
      page.unmount()
      // One framework ends its effects in a microtask.
      await page.change(() => {})
      const unmounted = count()
      await page.change(() => auth.reportToken('expired'))
      return [
        [mounted, unmounted, page.take()],
        [3, 0, { a: 0, b: 0, c: 0, text: '' }],
      ]
    },
  ],
  [
    'shows one upgrade in all components, from the first click to the decision',
    async (rig) => {
      const { auth, count, account, hold } = await open()
      await auth.markWritten()
      let actions: Upgrade | undefined
      const show = (upgrade: Upgrade): string => {
        actions = upgrade
        return `${upgrade.phase} ${upgrade.isBusy} ${upgrade.failure}`
      }
      const page = await mount(rig, [
        { id: 'a', auth, use: 'upgrade', show },
        { id: 'b', auth, use: 'upgrade', show },
      ])
      const listeners = count()
      const seen: string[] = []
      const act = async (action: () => Promise<unknown>): Promise<void> => {
        const release = hold()
        const running = action()
        await page.change(() => {})
        seen.push(page.take().text)
        release()
        await page.change(() => running)
        seen.push(page.take().text)
      }
      await act(() => actions!.run(() => account.signIn('ada')))
      account.online = false
      await act(() => actions!.decide('adopt'))
      account.online = true
      await act(() => actions!.decide('adopt'))
      return [
        { listeners, seen },
        {
          listeners: 1,
          seen: [
            'ready true null',
            'conflict false null',
            'conflict true null',
            'conflict false OFFLINE',
            'conflict true null',
            'signed-in false null',
          ].map((text) => `${text}|${text}`),
        },
      ]
    },
  ],
  [
    'loads the devices of an account once for all components, and again after a change',
    async (rig) => {
      const { auth, account, serveDevices } = await open()
      const asked = serveDevices()
      let actions: Devices | undefined
      const show = (devices: Devices): string => {
        actions = devices
        return `${devices.phase} ${devices.devices.map(({ name }) => name).join(' ')}`
      }
      const page = await mount(rig, [
        { id: 'a', auth, use: 'devices', show },
        { id: 'b', auth, use: 'devices', show },
      ])
      const seen = [page.take().text]
      await page.change(() => auth.upgrade(() => account.signIn('ada')))
      await page.change(() => auth.resolveConflict('switch'))
      seen.push(page.take().text)
      await page.change(() => actions!.rename('1', 'laptop'))
      seen.push(page.take().text)
      page.unmount()
      await page.change(() => auth.signOut())
      return [
        { seen, asked },
        {
          seen: ['none ', 'ready here', 'ready laptop'].map((text) => `${text}|${text}`),
          asked: ['list', '1 laptop', 'list'],
        },
      ]
    },
  ],
  [
    'shows a backup by words in all components, from its begin to its proof',
    async (rig) => {
      const { auth } = await open()
      const recovery = createRecovery(auth)
      let shown: Backups | undefined
      const show = (backups: Backups): string => {
        shown = backups
        const { phase, advice, words, failure } = backups
        return `${phase} ${advice} ${backups.backups.length} ${words?.words.length} ${failure}`
      }
      const page = await mount(rig, [
        { id: 'a', auth, use: 'backups', show },
        { id: 'b', auth, use: 'backups', show },
      ])
      await page.change(() => shown!.reload())
      const seen = [page.take().text]
      await page.change(() => shown!.beginWords(recovery))
      seen.push(page.take().text)
      const { words, places } = shown!.words!
      await page.change(() => shown!.confirmWords(['', '', '']))
      seen.push(page.take().text)
      await page.change(() => shown!.confirmWords(places.map((place) => words[place - 1]!)))
      seen.push(page.take().text)
      await page.change(() => auth.signOut())
      seen.push(page.take().text)
      return [
        seen,
        [
          'ready back-up 0 undefined null',
          'ready test 1 24 null',
          'ready test 1 24 PHRASE_MISMATCH',
          'ready none 1 undefined null',
          'none none 0 undefined null',
        ].map((text) => `${text}|${text}`),
      ]
    },
  ],
  [
    'gives the error of a selector to the framework, and other components go on',
    async (rig) => {
      const { auth } = await open()
      const select = ({ error }: AuthState): string => {
        if (error === 'invalid') throw new Error('of the selector')
        return error ?? 'none'
      }
      const show = ({ error }: AuthState): string => error ?? 'none'
      const page = await mount(rig, [
        { id: 'a', auth, use: 'auth', show },
        { id: 'b', auth, use: 'auth', select, show: String },
        { id: 'c', auth, use: 'auth', show },
      ])
      const before = page.take().text
      await page.change(() => auth.reportToken('invalid'))
      const shown = page.take().text.split('|')
      return [
        [before, [...new Set(page.errors)], shown[0], shown.at(-1)],
        ['none|none|none', ['of the selector'], 'invalid', rig.hasErrorBoundaries ? 'invalid' : 'none'],
      ]
    },
  ],
]

/** An identity in memory, with an account that was created elsewhere. */
async function open() {
  const server = memoryAccountServer()
  const ada = { principal: 'ada', aliases: [], recoverable: true, claims: {}, identifiers: ['ada@example.com'] }
  server.accounts.set('ada', { accountId: 'account-ada', ...ada })
  let isFree = Promise.resolve()
  const account: MemoryAccountClient = server.connect().openPage((_, work) => isFree.then(work))
  const real = createAuth({
    name: crypto.randomUUID(),
    keystore: memoryStore(),
    account: account.provider,
    harden: 'never',
  })
  await real.ready
  // Loads the later chunk, which looks for a session once.
  await real.markWritten()
  let listeners = 0
  const subscribe: typeof real.subscribe = (listener) => {
    const stop = real.subscribe(listener)
    let isOpen = true
    listeners += 1
    return () => {
      if (isOpen) listeners -= 1
      isOpen = false
      stop()
    }
  }
  const auth = { ...real, subscribe }
  return {
    auth,
    /** Answers for the account server, which has no devices in memory. Returns what it was asked. */
    serveDevices() {
      const asked: string[] = []
      let name = 'here'
      const device = { id: '1', platform: null, createdAt: 1, lastSeenAt: 1, isCurrent: true, approvedBy: null }
      auth.devices = async (): Promise<AccountDevice[]> => {
        asked.push('list')
        return [{ ...device, name }]
      }
      auth.renameDevice = async (id: string, given: string) => {
        asked.push(`${id} ${given}`)
        name = given
      }
      return asked
    },
    account,
    count: () => listeners,
    /** Lets no request through until the function that it returns is called. */
    hold() {
      let release = (): void => {}
      isFree = new Promise((resolve) => void (release = resolve))
      return release
    },
  }
}

async function mount(rig: BindingRig, parts: readonly Part[]) {
  const target = document.body.appendChild(document.createElement('div'))
  const renders = new Map<string, number>()
  const errors: string[] = []
  const counted = parts.map((part) => ({
    ...part,
    show(value: never) {
      renders.set(part.id, (renders.get(part.id) ?? 0) + 1)
      return part.show(value)
    },
  }))
  const mounted: Mounted = rig.mount(target, counted, (error) => errors.push((error as Error).message))
  await mounted.settle()
  return {
    errors,
    unmount: () => mounted.unmount(),
    /** Waits for a change and what it renders. */
    async change(act: () => unknown) {
      await act()
      await mounted.settle()
    },
    /** The renderings since the last call, and what is shown now. */
    take(): { text: string } & Record<string, number | string> {
      const taken = Object.fromEntries(parts.map(({ id }) => [id, renders.get(id) ?? 0]))
      renders.clear()
      return { ...taken, text: [...target.querySelectorAll('p')].map(({ textContent }) => textContent).join('|') }
    },
  }
}
