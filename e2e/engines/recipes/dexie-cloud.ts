import type Dexie from 'dexie'
import type {} from 'dexie-cloud-addon'
import type { Auth } from 'latchkey'

export function connectDexieCloud(auth: Auth, { cloud }: Dexie, databaseUrl: string, onFailure: () => void) {
  cloud.configure({
    databaseUrl,
    async fetchTokens({ public_key }) {
      // With GET: a request for a token is no write of the user.
      const response = await auth.fetch(`/api/dexie-tokens?public_key=${encodeURIComponent(public_key)}`)
      if (!response.ok) throw new Error('no token now')
      return response.json()
    },
  })
  const principalNow = (): string | undefined => auth.getState().session?.principal
  const isMine = (): boolean => cloud.currentUserId === principalNow()

  async function follow(): Promise<void> {
    // Dexie Cloud asks the user if rows are not synced, and throws if they keep them.
    if (cloud.currentUserId !== 'unauthorized' && !isMine()) await cloud.logout()
    if (principalNow() !== undefined) await cloud.login()
  }
  let running: Promise<void> = auth.ready
  const followUser = (): void => {
    running = running.then(follow).catch(onFailure)
  }
  followUser()
  auth.subscribe(followUser)
  addEventListener('online', followUser)
  return {
    /** Show and write rows only while this is true: otherwise they are another user's, or nobody's. */
    isMine,
  }
}
