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
import { createRoute, takePairingLink } from './route.ts'
import { connectMessages } from './tell.ts'
import { createAuthDialog } from './views/auth-dialog.ts'
import { createConflictDialog } from './views/conflict.ts'
import { createDeveloperPanel } from './views/developer.ts'
import { createEditor } from './views/editor.ts'
import { createIdentityBar } from './views/identity.ts'
import { createJoined } from './views/joined.ts'
import { createList } from './views/list.ts'
import { createNotices } from './views/notices.ts'
import { createPage } from './views/page.ts'
import { createPanel } from './views/panel.ts'
import { listenToKeys } from './views/shortcuts.ts'
import type { PairingDialog } from './views/pairing.ts'
import { signOut } from './views/sign-out.ts'

/** How long a sign-out waits for the last changes to reach the server, in milliseconds. */
const FLUSH = 3000

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
const openAuthDialog = createAuthDialog(app, decide)
const signUp = (): void => openAuthDialog('sign-up')
const signIn = (email?: string): void => openAuthDialog('sign-in', email)
const { resume } = followIdentity(app)

// Each loads when it is opened: most visits need none of them.
const backUp = later(async () => (await import('./views/backup.ts')).createBackupDialog(auth))
const restore = later(async () => (await import('./views/restore.ts')).createRestoreDialog(auth, account))
const showDevices = later(async () => (await import('./views/devices.ts')).createDevicesDialog(auth))
let pairingDialog: Promise<PairingDialog> | undefined
const pairing = (): Promise<PairingDialog> =>
  (pairingDialog ??= import('./views/pairing.ts').then(({ createPairingDialog }) => createPairingDialog(auth)))
const addDevice = (): void => void pairing().then((dialog) => dialog.addDevice())

const views = [
  createPage(app, actions),
  createList(app, actions),
  createEditor(app, actions),
  createIdentityBar(app),
  createNotices(app, { signUp, signIn, backUp, restore, retry: resume, decide }),
  createPanel(app, {
    signUp,
    signOut: () => void signOut(app),
    backUp,
    restore,
    addDevice,
    showDevices,
    openDeveloperPanel: createDeveloperPanel(),
  }),
  createJoined(app, signIn),
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

// A link of another device: nothing happens before the user clicks.
function followLink(): void {
  const link = takePairingLink()
  if (link) void auth.ready.then(pairing).then((dialog) => dialog.join(link))
}
followLink()
addEventListener('hashchange', followLink)

// After a reload before the decision, the dialog opens again.
void auth.ready.then(() => auth.getState().phase === 'conflict' && decide())

// Unsaved text is lost with the tab, so the browser asks for confirmation.
addEventListener('beforeunload', (event) => {
  if (!notebook.isKept() && notebook.notes().length) event.preventDefault()
})
void keepOffline()
