import { defineDevtools } from 'latchkey/devtools'
import { createActions } from './actions.ts'
import type { App } from './app.ts'
import { createAside } from './aside.ts'
import { createAccountClient, createNotesAuth } from './auth.ts'
import { later } from './later.ts'
import { narrow, onClick } from './dom.ts'
import { createNotebook } from './notes/notebook.ts'
import { createSync } from './notes/sync.ts'
import { connectNotes } from './notes/tabs.ts'
import { keepOffline } from './offline.ts'
import { followIdentity } from './follow.ts'
import { createNetwork } from './network.ts'
import { createRoute, takeLink } from './route.ts'
import { connectMessages, tell } from './tell.ts'
import { failureWords } from './words.ts'
import { createAuthDialog } from './views/auth-dialog.ts'
import { createConflictDialog } from './views/conflict.ts'
import { createDeveloperPanel } from './views/developer.ts'
import { createEditor } from './views/editor.ts'
import { createGuide } from './views/guide.ts'
import { createIdentityBar } from './views/identity.ts'
import { createInstall } from './views/install.ts'
import { createJoined } from './views/joined.ts'
import { createList } from './views/list.ts'
import { createNotices } from './views/notices.ts'
import { enter } from './views/outcome.ts'
import { createPage } from './views/page.ts'
import { createPanel } from './views/panel.ts'
import { listenToKeys } from './views/shortcuts.ts'
import type { PairingDialog } from './views/pairing.ts'
import { signOut } from './views/sign-out.ts'

/** How long a sign-out waits for the last changes to reach the server, in milliseconds. */
const FLUSH = 3000

const network = createNetwork()

// Only installs the hook; the panel itself loads when it is opened. Before `createAuth`, or no events are recorded.
defineDevtools()

const tellTabs = connectNotes(() => void notebook.reload())
const notebook = createNotebook(() => {
  tellTabs()
  sync.soon()
})
const account = createAccountClient()
const patience = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, FLUSH))
const aside = createAside(() => auth)
const auth = createNotesAuth(account, notebook, aside, () => Promise.race([sync.run(), patience()]))
const sync = createSync(auth, notebook, tellTabs)
const app: App = { auth, account, notebook, sync, route: createRoute(), aside }

connectMessages()
const actions = createActions(app)
const conflict = createConflictDialog(app)
const decide = (): void => void conflict.open()
const openMailbox = later(async () => (await import('./views/mailbox.ts')).createMailboxDialog(auth))
const entry = { decide, openMailbox }
const openAuthDialog = createAuthDialog(app, entry)
const signUp = (): void => openAuthDialog('sign-up')
const signIn = (email?: string): void => openAuthDialog('sign-in', email)
const { retry } = followIdentity(app)

// Each loads when it is opened: most visits need none of them.
const backUp = later(async () => (await import('./views/backup.ts')).createBackupDialog(auth, backUpByPasskey))
const backUpByPasskey: (step?: 'test') => void = later(async () =>
  (await import('./views/passkey.ts')).createPasskeyDialog(auth, account, () => backUp()),
)
const restore = later(async () => (await import('./views/restore.ts')).createRestoreDialog(auth, account, pair))
const showDevices = later(async () => (await import('./views/devices.ts')).createDevicesDialog(auth))
const pairing = later(async () => {
  const dialog = (await import('./views/pairing.ts')).createPairingDialog(app, entry)
  return (act: (opened: PairingDialog) => unknown) => act(dialog)
})
const addDevice = (): void => pairing((dialog) => dialog.addDevice())
const pair = {
  scan: (): void => pairing((dialog) => dialog.scan()),
  showCode: (): void => pairing((dialog) => dialog.showCode()),
}
/** A backup that was begun is tested; otherwise it begins. */
async function backUpOrTest(): Promise<void> {
  if (auth.getState().storage.advice !== 'test') return backUp()
  const identities = await auth.listIdentities({ withCurrent: true })
  const principal = auth.getState().session?.principal
  const last = identities.find((each) => each.principal === principal)?.backups.at(-1)
  return last?.kind === 'passkey' ? backUpByPasskey('test') : backUp('test')
}

const views = [
  createPage(app, actions),
  createList(app, actions),
  createEditor(app, actions),
  createIdentityBar(app),
  createNotices(app, { signUp, signIn, backUp: backUpOrTest, restore, retry, decide, openMailbox }),
  createGuide(app, network, { write: actions.write, signUp }),
  createPanel(app, {
    signUp,
    signOut: () => void signOut(app),
    backUp: () => void backUpOrTest(),
    restore,
    addDevice,
    showDevices,
    openMailbox,
    openDeveloperPanel: createDeveloperPanel(),
  }),
  createJoined(app, signIn),
  createInstall(schedule),
  conflict,
]
listenToKeys(actions)
onClick('open-auth', () => signIn())
onClick('have-it-elsewhere', restore)

let scheduled = false
function schedule(): void {
  if (scheduled) return
  scheduled = true
  queueMicrotask(() => {
    scheduled = false
    for (const view of views) view.render()
  })
}
for (const source of [auth, notebook, sync, app.route]) source.subscribe(schedule)
for (const event of ['online', 'offline']) addEventListener(event, schedule)
narrow.addEventListener('change', schedule)
schedule()

const openReset = later(async () => (await import('./views/reset.ts')).createResetDialog(app, entry))

/** Opens the link of a letter, or of another device: of that one, nothing happens before the user clicks. */
async function followLink(href: string): Promise<void> {
  const link = takeLink(href)
  if (!link) return
  await auth.ready
  if (link.kind === 'latchkey-pair') return pairing((dialog) => dialog.join(link.text))
  const token = link.values.get(link.kind) ?? ''
  if (link.kind === 'reset') return openReset(token)
  const error = await enter(app, entry, 'Signed in.', () => account.magicLink.verify({ query: { token } }))
  if (error) tell(failureWords(error, auth.getState()))
}
void followLink(location.href)
addEventListener('hashchange', ({ newURL }) => void followLink(newURL))

// After a reload before the decision, the dialog opens again.
void auth.ready.then(() => auth.getState().phase === 'conflict' && decide())

// Unsaved text is lost with the tab, so the browser asks for confirmation.
addEventListener('beforeunload', (event) => {
  if (!notebook.isKept() && notebook.notes().length) event.preventDefault()
})
void keepOffline()
